/** The reference servers that the protocol's maintainers publish, as entries of a configuration. */
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { local, type LocalPeer, peerFile, serveOnPort } from "./launch.ts"

const require = createRequire(import.meta.url)

const program = (name: string) =>
  join(dirname(require.resolve(`@modelcontextprotocol/${name}/package.json`)), "dist/index.js")

/** `@modelcontextprotocol/server-everything` over stdio. */
export const everything: LocalPeer = local(program("server-everything"), ["stdio"])

const everythingOn = (mode: string) => (port: number) =>
  local(peerFile("leash.ts"), [program("server-everything"), mode], { PORT: String(port) })

/** The same over Streamable HTTP, as long as the Scope. It resumes streams (it keeps events) and has sessions. */
export const everythingHttp = serveOnPort(everythingOn("streamableHttp"), /listening on port/, "/mcp")

/** The same over HTTP+SSE (2024-11-05). */
export const everythingSse = serveOnPort(everythingOn("sse"), /is running on port/, "/sse")

/** `@modelcontextprotocol/server-filesystem`, allowed in these directories (which roots replace, where declared). */
export const filesystem = (...directories: ReadonlyArray<string>): LocalPeer =>
  local(program("server-filesystem"), directories)

/** `@modelcontextprotocol/server-memory`, whose graph is kept in `file` (an absolute path). */
export const memory = (file: string): LocalPeer => local(program("server-memory"), [], { MEMORY_FILE_PATH: file })
