// Loaded before a test file on Node: `bun:test` becomes the module beside this one.
import { registerHooks } from "node:module"

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "bun:test"
      ? { url: new URL("./bun-test.ts", import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
})
