// Bundles the plugin as one file, dist/index.js or the one that is named, with the page of packages/inbox inside: nothing is built where it runs.
import { build } from "@opencode-ai/mcp-inbox/build"
import { basename, dirname, join, resolve } from "node:path"

const file = resolve(process.argv[2] ?? join(import.meta.dir, "dist/index.js"))
await Bun.build({
  entrypoints: [join(import.meta.dir, "src/index.ts")],
  outdir: dirname(file),
  naming: basename(file),
  target: "bun",
  minify: { syntax: true, whitespace: true },
  define: { INBOX_PAGE: JSON.stringify(await build()) },
})
console.log(file)
