/** The document that is served. */
import { expect, test } from "@opencode-ai/testing/runner"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { build } from "../../src/build.ts"
import { policy } from "../../src/front.ts"

const folder = join(import.meta.dirname, "../../src/page")
const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => readFileSync(join(folder, name), "utf8"))

const between = (html: string, element: string) => [
  ...html.matchAll(new RegExp(`<${element}(?:\\s[^>]*)?>(.*?)</${element}>`, "gs")),
]

test("the page is one small document with one script and one style, which the policy names", async () => {
  const html = await build()
  expect(Buffer.byteLength(html)).toBeLessThan(128 * 1024)
  for (const element of ["script", "style"]) {
    const [only, ...others] = between(html, element)
    expect(others).toEqual([])
    const hash = createHash("sha256")
      .update(only?.[1] ?? "")
      .digest("base64")
    expect(policy(html)).toContain(`'sha256-${hash}'`)
  }
  expect(await build()).toBe(html)
}, 60_000)

test("the page asks nobody else for anything, and makes no code of text", async () => {
  const html = await build()
  // Names of namespaces are no addresses.
  const addresses = [...html.matchAll(/\b(?:https?:)?\/\/[a-z0-9.-]+/gi)].map(([address]) => address)
  expect(addresses.filter((address) => !/^http:\/\/www\.w3\.org$|example\.org$/.test(address))).toEqual([])
  expect(html).not.toMatch(/\beval\(|new Function|\bimport\(|WebSocket|EventSource|sendBeacon/)
  expect(html).not.toMatch(/<[a-z][^<>]*\s(?:on[a-z]+|style)=/i)
}, 60_000)

test("no source of the page makes markup of text", () => {
  for (const source of sources) {
    expect(source).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment/,
    )
    expect(source).not.toMatch(/\bstyle=|\bsrcdoc=/)
  }
})
