import { everything, memory } from "@opencode-ai/testing/peers/published"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { world, type World } from "./program.ts"

const page = readFileSync(new URL("../../../../docs/cli.md", import.meta.url), "utf8")

/** The examples of a block, in order: what is typed, and what comes. */
const examples = (block: string) =>
  block.split(/^\$ /m).flatMap((text) => {
    const [typed = "", ...shown] = text.trimEnd().split("\n")
    return typed === "" ? [] : [{ typed, shown }]
  })

const blocks = [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block]) => examples(block ?? ""))

/** A line as the page has it, where `…` stands for anything. */
const pattern = (shown: ReadonlyArray<string>) =>
  new RegExp(
    `^${shown
      .map((line) =>
        line
          .split("…")
          .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
          .join("[\\s\\S]*"),
      )
      .join("\n")}\n*$`,
  )

/** The words of a command as a POSIX shell has them: this page quotes with single quotes alone. */
const words = (command: string) =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "")

const play = ({ run }: World, typed: string) => {
  const [, input, command = ""] = /^(?:echo '([^']*)' \| )?mcp (.*)$/.exec(typed) ?? []
  return run(words(command), input === undefined ? {} : { stdin: `${input}\n` })
}

describe("docs/cli.md", () => {
  it.live.each(blocks.map((block) => ({ name: block[0]?.typed ?? "", block })))(
    "shows what happens: %s",
    ({ block }) =>
      Effect.gen(function* () {
        const here = yield* world
        here.write("opencode.json", {
          mcp: { everything, memory: memory(join(here.directory, "memory.json")) },
        })
        const approves = block.some(({ typed }) => typed.startsWith("mcp trust"))
        for (const name of approves ? [] : ["everything", "memory"]) yield* here.run(["trust", name])
        for (const { shown, typed } of block) {
          const { stderr, stdout } = yield* play(here, typed)
          const errors = shown.some((line) => line.startsWith("error:"))
          expect(`${typed}\n${errors ? stderr : stdout}`).toMatch(
            new RegExp(`^${typed.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}\n${pattern(shown).source.slice(1)}`),
          )
        }
      }),
    60_000,
  )

  it.live("names every command", () =>
    Effect.gen(function* () {
      const { run } = yield* world
      const { stdout } = yield* run(["--help"])
      const listed = [...(stdout.split("SUBCOMMANDS")[1] ?? "").matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name)
      expect(listed.length).toBeGreaterThan(20)
      for (const name of listed) expect(page).toMatch(new RegExp(`\`${name}\\b`))
    }),
  )
})
