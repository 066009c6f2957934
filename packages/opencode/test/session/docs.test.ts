import { it } from "@opencode-ai/testing/effect"
import { modelPeer, type ModelRequest } from "@opencode-ai/testing/peers/model"
import { everything } from "@opencode-ai/testing/peers/published"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { world } from "../cli/program.ts"

const page = readFileSync(new URL("../../../../docs/opencode.md", import.meta.url), "utf8")
const section = page.slice(page.indexOf("\n## Sessions\n"))
const [, config = ""] = /^```json\n([\s\S]*?)^```$/m.exec(section) ?? []
const [, examples = ""] = /^```console\n([\s\S]*?)^```$/m.exec(section) ?? []

const last = ({ body: { messages } }: ModelRequest) => JSON.stringify(messages.at(-1)?.content)

/** What the model of the page answers. */
const script = [
  { text: "Let me add.", calls: [{ tool: "everything_get-sum", args: { a: 1, b: 2 } }] },
  (request: ModelRequest) => ({ text: last(request).includes("The sum of 1 and 2 is 3.") ? "It is 3." : "?" }),
  (request: ModelRequest) => ({ text: last(request).includes("Say hello") ? "Hello!" : "?" }),
  (request: ModelRequest) => ({ text: /Paris.*France/.test(last(request)) ? "It is a city in France." : "?" }),
  (request: ModelRequest) => ({ text: /# Everything/.test(last(request)) ? "It has many features." : "?" }),
]

describe("docs/opencode.md", () => {
  it.live(
    "shows what a session prints",
    () =>
      Effect.gen(function* () {
        const model = yield* modelPeer(script)
        const here = yield* world
        const written = JSON.parse(config.replace("http://localhost:11434/v1", model.url))
        here.write("home/.config/opencode/opencode.json", { ...written, mcp: { everything } })
        for (const example of examples.split(/^\$ /m).slice(1)) {
          const [typed = "", ...shown] = example.trimEnd().split("\n")
          const [, input, command = ""] = /^(?:echo '([^']*)' \| )?bun run session (.*)$/.exec(typed) ?? []
          const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "")
          const stdin = input === undefined ? {} : { stdin: `${input}\n` }
          const { stdout } = yield* here.run(words, { program: "session/main.ts", ...stdin })
          expect(`${typed}\n${stdout.trimEnd()}`).toBe(`${typed}\n${shown.join("\n")}`)
        }
        expect(model.requests).toHaveLength(script.length)
      }),
    120_000,
  )
})
