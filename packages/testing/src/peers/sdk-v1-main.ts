/** A server on `@modelcontextprotocol/sdk` (v1): `sdk-v1-main.ts stdio|http [number of tools]`. */
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { capabilities, handlers, instructions } from "./features.ts"
import { bind, error, received, run } from "./sdk-v1-host.ts"

const [mode, count] = process.argv.slice(2)

await run(mode, () => {
  const server = new Server({ name: "sdk-v1", version: "1.0.0" }, { capabilities, instructions })
  bind(server, handlers({ received, error, ...(count === undefined ? {} : { manyTools: Number(count) }) }))
  return server
})
