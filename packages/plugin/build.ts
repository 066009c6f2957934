// Bundles the plugin as one file, dist/index.js, with the page of packages/inbox inside: nothing is built where it runs.
import { build } from "@opencode-ai/mcp-inbox/build"
import { join } from "node:path"

await Bun.build({
  entrypoints: [join(import.meta.dir, "src/index.ts")],
  outdir: join(import.meta.dir, "dist"),
  target: "bun",
  minify: { syntax: true, whitespace: true },
  define: { INBOX_PAGE: JSON.stringify(await build()) },
})
