/**
 * Preloaded, it changes one place of one module of the client as it is loaded, as `MUTANT` says: `[path, from, to]`, where
 * `path` ends the module's. A place that is not there, or there twice, ends the program: then the mutant proves nothing.
 */
import { readFileSync } from "node:fs"
import { plugin } from "bun"

const [path, from, to]: ReadonlyArray<string> = JSON.parse(process.env["MUTANT"] ?? "[]")

if (path !== undefined && from !== undefined && to !== undefined) {
  plugin({
    name: "mutant",
    setup: (build) => {
      build.onLoad({ filter: new RegExp(`${path.replaceAll(".", "\\.")}$`) }, (module) => {
        const parts = readFileSync(module.path, "utf8").split(from)
        if (parts.length !== 2) {
          process.stderr.write(`${module.path} has ${parts.length - 1} times: ${from}\n`)
          process.exit(3)
        }
        return { contents: parts.join(to), loader: "ts" }
      })
    },
  })
}
