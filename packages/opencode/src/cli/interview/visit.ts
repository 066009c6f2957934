/** A page that a server wants the person to visit, on a terminal: looked at first, opened on the person's word alone. */
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { attempt } from "@opencode-ai/mcp/auth/browser"
import type { ElicitationAnswer, UrlElicitation, Visit } from "@opencode-ai/mcp/capability/elicitation"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Terminal from "effect/Terminal"
import { interject } from "../ask.ts"
import { Output } from "../output.ts"
import * as Text from "../text.ts"
import * as Said from "./said.ts"

const choices: ReadonlyArray<Prompt.SelectChoice<ElicitationAnswer["action"]>> = [
  { value: "accept", title: "Open it", description: "in your browser" },
  { value: "decline", title: "Decline", description: "say no", selected: true },
  { value: "cancel", title: "Cancel", description: "answer neither yes nor no; Ctrl-C does this too" },
]

/** The person's consent; with it the page is opened. */
export const visit = (request: UrlElicitation) =>
  Effect.gen(function* () {
    const output = yield* Output
    const url = Text.harmless(request.url)
    yield* output.say(Said.heading(request.server, "asks you to open a page:", output))
    yield* output.say(Said.lines(request.message, output).join("\n"))
    yield* output.say(`\n${url}\n`)
    yield* output.say(`  host: ${output.err.paint("bold", Text.oneLine(request.host))}`)
    if (request.warning !== undefined) {
      yield* output.say(`  ${output.err.paint("yellow", "careful:")}`)
      yield* output.say(Said.lines(request.warning, output).join("\n"))
    }
    yield* output.say("")
    const action = yield* interject(Prompt.Select<ElicitationAnswer["action"]>({ message: "Open it?", choices }))
    const answer: ElicitationAnswer = { action }
    if (action !== "accept") return answer
    yield* output.say(`\nOpening ${url}`)
    const problem = yield* attempt(new URL(request.url))
    if (problem !== undefined) {
      yield* output.warn(`it could not be opened (${problem}): please open it yourself`)
    }
    return answer
  })

/** Whether the key is one that gives up. */
const givesUp = ({ key }: Terminal.UserInput) => key.name === "escape" || (key.ctrl && /^[cd]$/.test(key.name))

/** Waits for the end of a visit that a call was refused for: the server's word, a key, or the time. Ctrl-C is `cancel`. */
export const wait = (request: UrlElicitation, visit: Visit, timeout: number) =>
  Effect.gen(function* () {
    const output = yield* Output
    const server = Text.oneLine(request.server)
    const key = Effect.scoped(
      Effect.gen(function* () {
        // Said once keys are read: from then on Ctrl-C is one.
        const keys = yield* (yield* Terminal.Terminal).readInput
        yield* output.say(`Waiting for ${server} to say that the visit is over. Press a key once you have finished.`)
        return givesUp(yield* Queue.take(keys)) ? ("cancel" as const) : ("accept" as const)
      }),
    ).pipe(
      Effect.orElseSucceed(() => "cancel" as const),
      Effect.provide(NodeTerminal.layer),
    )
    const over = Effect.as(Effect.timeoutOption(visit.over, timeout), "accept" as const)
    const answer: ElicitationAnswer = { action: yield* Effect.raceFirst(over, key) }
    visit.end()
    return answer
  })
