import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { everything, memory } from "@opencode-ai/testing/peers/published"
import { it } from "@opencode-ai/testing/effect"
import { person } from "@opencode-ai/testing/person"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { make } from "../../src/cli/cmd/mcp.ts"
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

/** The address of a page is nobody's on the machine of a test: this server is in its place. */
const example = "https://tracker.example.com/mcp"

/** Types a command, and does what a person does meanwhile: signs in, or presses Ctrl-C once they have seen enough. */
const play = ({ run, start }: World, typed: string, shown: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const [, input, command = ""] = /^(?:echo '([^']*)' \| )?mcp (.*)$/.exec(typed) ?? []
    const line = words(command)
    if (line[0] === "auth" && line[1] !== "list") {
      const running = yield* start(line)
      yield* running.printed(/redirect_uri=\S+\n/)
      const url = /^https?:\S+redirect_uri=\S+$/m.exec(running.stdout())?.[0] ?? ""
      yield* person().visit(url)
      return yield* running.result
    }
    if (shown.at(-1) === "^C") {
      const running = yield* start(line)
      yield* running.printed(new RegExp(pattern(shown.slice(0, -1)).source.replace(/\\n\*\$$/, "")))
      running.kill("SIGINT")
      const result = yield* running.result
      expect(result.code).toBe(130)
      return { ...result, stdout: `${result.stdout.trimEnd()}\n^C\n` }
    }
    return yield* run(line, input === undefined ? {} : { stdin: `${input}\n` })
  })

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")

/** A command and its subcommands, by the words that they are typed with. */
interface Named {
  readonly name: string
  readonly subcommands: ReadonlyArray<{ readonly commands: ReadonlyArray<Named> }>
}

const below = ({ subcommands }: Named): ReadonlyArray<string> =>
  subcommands
    .flatMap(({ commands }) => commands)
    .flatMap((each) => [each.name, ...below(each).map((name) => `${each.name} ${name}`)])

const commands = below(make({ code: 0 }))

describe("docs/cli.md", () => {
  // One after another in one project, as the page has them: what one leaves, the next finds.
  it.live(
    "shows what happens",
    () =>
      Effect.gen(function* () {
        const here = yield* world
        const tracker = yield* protectedMcp(yield* authorizationServer())
        const there = (text: string) => text.replaceAll(example, tracker.url)
        here.write("opencode.json", {
          mcp: { everything, memory: memory(join(here.directory, "memory.json")) },
        })
        for (const { shown, typed } of blocks.flat()) {
          const expected = shown.map((line) => there(line).replaceAll("https://…", "http://…"))
          const { stderr, stdout } = yield* play(here, there(typed), expected)
          const errors = shown.some((line) => line.startsWith("error:"))
          expect(`${typed}\n${errors ? stderr : stdout}`).toMatch(
            new RegExp(`^${escaped(typed)}\n${pattern(expected).source.slice(1)}`),
          )
        }
      }),
    300_000,
  )

  test("has an example of each command that exists, and names each", () => {
    expect(commands.length).toBeGreaterThan(20)
    const typed = blocks.flat().map((each) => each.typed)
    const without = commands.filter((name) => !typed.some((line) => new RegExp(`(^|\\| )mcp ${name}( |$)`).test(line)))
    expect(without).toEqual([])
    for (const name of commands) expect(page).toMatch(new RegExp(`\`${name}\\b`))
  })
})
