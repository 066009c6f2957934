/**
 * The configuration of the tour: the protocol's three reference servers, from this package's own dependencies, run by
 * whatever runs this, with all that they write in one directory.
 */
import { createRequire } from "node:module"
import { dirname, isAbsolute, join, relative } from "node:path"

const { resolve } = createRequire(import.meta.url)

/** The server's program, from the working directory where it lies below that: servers start there, and it reads better. */
const program = (name: string) => {
  const absolute = join(dirname(resolve(`@modelcontextprotocol/${name}/package.json`)), "dist/index.js")
  const below = relative(process.cwd(), absolute)
  return below.startsWith("..") || isAbsolute(below) ? absolute : below
}

/** What an `opencode.json` with the example holds. `directory` is absolute. */
export const example = (directory: string) => {
  const local = (name: string, ...args: ReadonlyArray<string>) => ({
    type: "local",
    command: [process.execPath, program(name), ...args],
  })
  return {
    mcp: {
      everything: local("server-everything", "stdio"),
      // It takes the roots for its directories: without this it would have those of the project.
      filesystem: { ...local("server-filesystem", directory), roots: [directory] },
      memory: { ...local("server-memory"), environment: { MEMORY_FILE_PATH: join(directory, "memory.json") } },
    },
  }
}

/** The same servers as somebody would configure them. */
export const suggestion = `{
  "mcp": {
    "everything": { "type": "local", "command": ["npx", "-y", "@modelcontextprotocol/server-everything"] },
    "memory": { "type": "local", "command": ["npx", "-y", "@modelcontextprotocol/server-memory"] }
  }
}`
