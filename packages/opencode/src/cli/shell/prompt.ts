/** The shell for a person: a prompt with history and completion, and what servers say meanwhile above it. */
import type { Event } from "@opencode-ai/mcp/events"
import { Questions } from "@opencode-ai/mcp/capability/questions"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Config } from "../../config/config.ts"
import { seen } from "../../inbox/seen.ts"
import { Trust } from "../../trust/trust.ts"
import { configured, type Options } from "../configuration.ts"
import { type ExitCode, Exit as Code, exitCode, fromCause } from "../failure.ts"
import * as Happening from "../happening.ts"
import { Output, type Writer } from "../output.ts"
import * as Runtime from "../runtime.ts"
import { approve, type Environment } from "../session.ts"
import { tell } from "../tell.ts"
import * as Text from "../text.ts"
import * as Complete from "./complete.ts"
import type { Needs } from "./operations.ts"
import * as History from "./history.ts"
import * as Page from "./page.ts"
import * as State from "./state.ts"
import * as Terminal from "./terminal.ts"
import * as Typed from "./typed.ts"
import * as Words from "./words.ts"

/** What a person wants to know of an event, in a line. */
const told = (event: Event, { out, says }: Writer): string | undefined => {
  const name = out.paint("dim", Text.oneLine(event.data.server))
  switch (event.type) {
    case "mcp.warning":
      return `${out.paint("yellow", "warning:")} ${name} ${Text.inset(event.data.message)}`
    case "mcp.log": {
      const { data, level } = event.data
      return `${out.paint(Happening.colourOf(level), level)} ${name} ${Text.inset(Happening.json(data))}`
    }
    case "mcp.status.changed": {
      const { error, status } = event.data
      if (status === "connected") return `${out.paint("green", "✓")} ${name} connected`
      if (status === "pending" || status === "disabled") return undefined
      return `${out.paint("red", "✗")} ${name} ${status}${error === undefined ? "" : `: ${Text.inset(error)}`}`
    }
    case "mcp.stderr":
      return says("debug") ? `stderr: ${name} ${Text.oneLine(event.data.line)}` : undefined
    case "mcp.tool.held":
    case "mcp.resource.updated":
    case "mcp.task.status":
    case "mcp.elicitation.completed": {
      const { colour, text, what } = Happening.words(event)
      return `${out.paint(colour, what)} ${name} ${Text.oneLine(text)}`
    }
    default:
      return undefined
  }
}

/** Reads and runs lines until the person leaves. */
const loop = (terminal: Terminal.Terminal, options: Options, state: State.State) =>
  Effect.gen(function* () {
    const output = yield* Output
    const fork = Effect.runForkWith(yield* Effect.context<Needs | Environment>())
    let code: ExitCode = Code.done
    let leaving = false
    for (;;) {
      const input = yield* terminal.next
      if ("key" in input) {
        if (input.key === "end" || leaving) return code
        leaving = true
        yield* output.say(output.err.paint("dim", "Ctrl-C again, Ctrl-D or exit leaves"))
        continue
      }
      leaving = false
      if (input.line.trim() === "") continue
      const command = Effect.flatMap(Words.split(input.line), (words) => Typed.run(words, options, state))
      const exit = yield* Effect.callback<Exit.Exit<Typed.Ran, unknown>>((resume) => {
        const fiber = fork(command)
        terminal.onInterrupt(() => fiber.interruptUnsafe())
        fiber.addObserver((ended) => resume(Effect.succeed(ended)))
        return Effect.sync(() => fiber.interruptUnsafe())
      })
      output.configure({ json: false, level: "warn" })
      if (Exit.isFailure(exit)) {
        const failure = fromCause(exit.cause)
        if (failure.tag !== "Cancelled") yield* tell(output, failure, exit.cause)
        code = exitCode(failure)
      } else if (exit.value === undefined) return code
      else if (exit.value !== Code.done) code = exit.value
    }
  })

/** Runs a prompt on the terminal; without one, the lines of standard input, one after another. */
export const prompt = (options: Options) =>
  Effect.gen(function* () {
    const output = yield* Output
    const snapshot = yield* configured
    yield* approve(snapshot, () => true)
    const page = Page.make({
      interactionTimeout: Runtime.patience(options),
      announces: () => !output.interactive(),
    })
    return yield* Effect.gen(function* () {
      const mcp = yield* Mcp
      const terminal = yield* Terminal.make({
        prompt: output.out.paint("bold", "mcp> "),
        complete: yield* Complete.make,
        floor: output.floor,
        history: yield* History.load((text) => output.mask(text)),
      })
      const say = (event: Event) => {
        const text = told(event, output)
        if (text !== undefined) terminal.say(output.mask(text))
      }
      const state = State.make({ tell: say, conceal: output.conceal, page })
      state.read(snapshot)
      if (terminal.interactive) {
        terminal.say(output.out.paint("dim", "help shows the commands, Tab completes them, Ctrl-D leaves"))
        mcp.listen(say)
      }
      yield* Runtime.start()
      const running = Context.pick(Config, Trust, Mcp, Questions)(yield* Effect.context<Runtime.Services>())
      const code = yield* Effect.provideService(loop(terminal, options, state), Runtime.Running, running)
      return terminal.interactive ? Code.done : code
    }).pipe(
      Effect.scoped,
      Effect.provide(seen(Runtime.servers(options, Runtime.person(options, output, page.isServed)))),
    )
  })
