import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { prose } from "../../src/docs/blocks.ts"
import { documents, pages } from "../../src/docs/check.ts"
import { describe, expect, test } from "../../src/runner.ts"

// A link within the repository leads to a file that is there, and to a heading that it has.

const root = join(import.meta.dirname, "../../../..")

/** The anchors of a page, as GitHub makes them. */
const anchors = (text: string) =>
  prose(text).flatMap((line) => {
    const [, heading] = /^#+ (.*?)\s*$/.exec(line) ?? []
    if (heading === undefined) return []
    return [
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replace(/\s/g, "-"),
    ]
  })

const problems = (file: string, text: string): ReadonlyArray<string> =>
  prose(text).flatMap((line, index) =>
    [...line.replace(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)/g)].flatMap(
      ([, inline, reference]) => {
        const link = inline ?? reference ?? ""
        if (/^[a-z]+:/.test(link)) return []
        const [path = "", anchor] = link.split("#")
        const target = path === "" ? join(root, file) : join(root, dirname(file), path)
        if (!existsSync(target)) return [`${file}:${index + 1}: ${link} leads nowhere`]
        if (anchor === undefined) return []
        const there = path === "" ? text : readFileSync(target, "utf8")
        return anchors(there).includes(anchor) ? [] : [`${file}:${index + 1}: ${link}: no such heading`]
      },
    ),
  )

describe("links", () => {
  for (const [file, text] of [...pages(), ...documents("packages/*/README.md")]) {
    test(`of ${file}`, () => expect(problems(file, text)).toEqual([]))
  }

  test("that lead nowhere are found", () => {
    const text = "# A page\n[here](#a-page) [there](docs/architecture.md)\n[gone](docs/gone.md), [none](#none)"
    expect(problems("README.md", text)).toEqual([
      "README.md:3: docs/gone.md leads nowhere",
      "README.md:3: #none: no such heading",
    ])
  })
})
