/**
 * Makes the page: one HTML document with its script and style inside, which asks nobody for anything but the server that
 * it came from. There is exactly one `<script>` and one `<style>`, so that a policy can name both by their hashes.
 *
 * What was made is kept in `dist/page.html` under the hash of what it was made of.
 */
import { createHash } from "node:crypto"
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"

const folder = join(import.meta.dir, "page")
const kept = join(import.meta.dir, "../dist/page.html")

/** What the page is made of, in the order of the paths. */
const sources = async (): Promise<ReadonlyArray<string>> =>
  (await readdir(folder, { recursive: true }))
    .filter((name) => /\.(tsx?|css|json)$/.test(name))
    .sort()
    .map((name) => join(folder, name))

const hashOf = async (): Promise<string> => {
  const made = [import.meta.path, join(import.meta.dir, "../package.json"), ...(await sources())]
  const hash = createHash("sha256").update(Bun.version)
  for (const path of made) hash.update(`\0${path.slice(import.meta.dir.length)}\0`).update(await readFile(path))
  return hash.digest("hex").slice(0, 16)
}

/** Solid's JSX, compiled to the making of elements. Types are left to Bun. */
const solid: Bun.BunPlugin = {
  name: "solid",
  setup: (build) => {
    build.onLoad({ filter: /\.tsx$/ }, async ({ path }) => {
      const { transformAsync } = await import("@babel/core")
      const result = await transformAsync(await readFile(path, "utf8"), {
        filename: path,
        cwd: import.meta.dir,
        babelrc: false,
        configFile: false,
        parserOpts: { plugins: ["typescript", "jsx"] },
        presets: [["babel-preset-solid", { generate: "dom" }]],
      })
      if (typeof result?.code !== "string") throw new Error(`${path} was compiled to nothing`)
      return { contents: result.code, loader: "ts" }
    })
  },
}

const script = async (): Promise<string> => {
  const made = await Bun.build({
    entrypoints: [join(folder, "main.tsx")],
    target: "browser",
    format: "iife",
    conditions: ["browser", "production"],
    define: { "process.env.NODE_ENV": '"production"' },
    minify: true,
    plugins: [solid],
  })
  const [output] = made.outputs
  if (output === undefined) throw new Error("the page was made of nothing")
  // Neither ends the element that it stands in, nor begins a comment there.
  return (await output.text()).trim().replace(/<(?=\/script|!--)/gi, "\\x3c")
}

/** The style without comments and without spaces that say nothing. */
const style = async (): Promise<string> =>
  (await readFile(join(folder, "style.css"), "utf8"))
    .replace(/\/\*.*?\*\//gs, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{};,>]) ?/g, "$1")
    .replaceAll(": ", ":")
    .replaceAll(";}", "}")
    .trim()

/** A dot, as it stands beside the title. */
const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='%235b7fe0'/%3E%3C/svg%3E"

const make = async (hash: string): Promise<string> =>
  [
    `<!doctype html><html lang="en" data-build="${hash}"><head><meta charset="utf-8"><title>MCP</title>`,
    `<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">`,
    `<meta name="color-scheme" content="light dark"><link rel="icon" href="${icon}">`,
    `<style>${await style()}</style></head><body><noscript>This page needs JavaScript.</noscript>`,
    `<script>${await script()}</script></body></html>\n`,
  ].join("")

/** The page as HTML: as it is kept, or made anew where its sources changed, which takes a second. */
export const build = async (): Promise<string> => {
  const hash = await hashOf()
  const before = await readFile(kept, "utf8").catch(() => "")
  if (before.includes(` data-build="${hash}"`)) return before
  const html = await make(hash)
  const beside = `${kept}.${process.pid}`
  // Where nothing can be kept, it is made anew each time.
  await mkdir(join(kept, ".."), { recursive: true })
    .then(() => writeFile(beside, html))
    .then(() => rename(beside, kept))
    .catch(() => undefined)
  return html
}

if (import.meta.main) await build()
