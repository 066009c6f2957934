import { ofMarkdown, prose } from "../../src/docs/blocks.ts"
import { documents, pages } from "../../src/docs/check.ts"
import { commands, joined, wrong } from "../../src/docs/shell.ts"
import { describe, expect, test } from "../../src/runner.ts"

// What a document tells a person to type is there: the scripts, the commands, their flags and as many arguments as they take.

const [[, text] = ["", "{}"]] = documents("package.json")
const manifest: { readonly scripts: Record<string, string>; readonly packageManager: string } = JSON.parse(text)
const named = { scripts: Object.keys(manifest.scripts), runtime: manifest.packageManager }

const isShell = (language: string) => ["sh", "bash", "shell", "console"].includes(language)

/** What is wrong in the blocks of shell of a document, and in what it names in running text. */
const problems = async (file: string, text: string): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  const look = async (line: number, typed: string, exactly: boolean) => {
    for (const words of commands(typed)) {
      const problem = await wrong(words, named, exactly)
      if (problem !== undefined) found.push(`${file}:${line}: ${problem}`)
    }
  }
  for (const block of ofMarkdown(file, text).filter(({ language }) => isShell(language))) {
    for (const [offset, line] of joined(block.code)) await look(block.line + offset, line, true)
  }
  for (const [index, line] of prose(text).entries()) {
    for (const [, code = ""] of line.matchAll(/`((?:bun run|mcp|opencode mcp|npx) [^`]+)`/g)) {
      await look(index + 1, code.replace(/[[\]]/g, " "), false)
    }
  }
  return found
}

describe("what documents tell to type", () => {
  for (const [file, text] of pages()) {
    test(file, async () => expect(await problems(file, text)).toEqual([]))
  }

  test("is found where it is wrong", async () => {
    const lines = [
      "Run `bun run tset`, or `mcp lits --json`.",
      "```sh",
      "npx -y bun@0.1.0 run test",
      "bun run mcp tools --jsno   # a comment",
      `echo '{"a": "b | c"}' | mcp call everything --json`,
      "mcp tools memory \\",
      "  one two",
      "mcp list --config opencode.json",
      "MODE=a bun run mcp call everything echo message='it is' --log-level debug",
      "```",
    ]
    expect(await problems("page.md", lines.join("\n"))).toEqual([
      `page.md:3: bun@0.1.0 is not ${named.runtime}`,
      "page.md:4: mcp tools has no flag --jsno",
      "page.md:5: mcp call is used as mcp call <server> <tool> [<arguments...>]",
      "page.md:6: mcp tools is used as mcp tools [<server>]",
      'page.md:1: package.json has no script "tset"',
      "page.md:1: there is no command mcp lits",
    ])
  })
})
