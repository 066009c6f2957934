/** A server on `@modelcontextprotocol/server` (v2): `sdk-v2-main.ts stdio|http [number of tools]`. */
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio"
import { sdkV2Host } from "./sdk-v2-host.ts"
import { listen } from "./web-http.ts"

const [mode, count] = process.argv.slice(2)
const host = sdkV2Host(count === undefined ? {} : { manyTools: Number(count) })

if (mode === "http") listen((request) => host.http(request))
else {
  process.stdin.on("end", () => process.exit(0))
  await host.connect(new StdioServerTransport())
}
