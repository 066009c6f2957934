/**
 * The shell for programs: a JSON object on each line, both ways. Every way in which it ends closes every server first.
 *
 * At the end of its input it still answers what it was asked; `exit`, and a reader that went away, cancel that. What
 * servers ask then is answered with `cancel`, and what they sample is refused: no reply can come any more, but from a page.
 */
import type { Event } from "@opencode-ai/mcp/events"
import { type Question, Questions } from "@opencode-ai/mcp/capability/questions"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { seen } from "../../inbox/seen.ts"
import { configured, type Options } from "../configuration.ts"
import * as Failure from "../failure.ts"
import { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import * as Commands from "./commands.ts"
import { Lines } from "./lines.ts"
import * as Outlet from "./outlet.ts"
import * as Page from "./page.ts"
import * as State from "./state.ts"

/** Why a shell ends. */
type Ending = { readonly why: "end" | "gone" } | { readonly why: "exit"; readonly id: unknown }

const sink: Outlet.Sink = {
  write: (text, done) => process.stdout.write(text, (error) => done(error != null)),
}

/** A copy of a JSON value with its secrets hidden. Names of members stay: no answer loses its shape. */
const hidden = (value: unknown, mask: (text: string) => string): unknown => {
  if (typeof value === "string") return mask(value)
  if (Array.isArray(value)) return value.map((each) => hidden(each, mask))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, hidden(member, mask)]))
}

const exactly = (value: unknown): string => JSON.stringify(value) ?? "null"

/** The value as JSON without secrets. Most hold none, and are not copied. */
const masked = (value: unknown, mask: (text: string) => string): string => {
  const text = exactly(value)
  return mask(text) === text ? text : exactly(hidden(value, mask))
}

const failure = ({ tag, ...rest }: Failure.Failure, mask: (text: string) => string): string =>
  `{"tag":${exactly(tag)},${masked(rest, mask).slice(1)}`

/** A reply as a line. The id is the caller's own, and goes back as it came. */
const replyLine = (id: unknown, answer: Commands.Answer, mask: (text: string) => string): string => {
  const head = `{"id":${exactly(id)},"ok":${answer.ok}`
  if (!answer.ok) return `${head},"error":${failure(answer.error, mask)}}`
  // What recurses over a value ends in the runtime's RangeError at some depth.
  const result = Result.try(() => (answer.exact ? exactly(answer.result) : masked(answer.result, mask)))
  if (Result.isSuccess(result)) return `${head},"result":${result.success}}`
  const error: Failure.Failure = { tag: "InvalidResponse", message: "the answer is nested too deep to be written" }
  return replyLine(id, { ok: false, error }, mask)
}

const eventLine = ({ data, type }: Event, mask: (text: string) => string): string => {
  const text = Result.try(() => masked(data, mask))
  const told = Result.getOrElse(text, () => exactly({ server: data.server }))
  return `{"event":${exactly(type)},"data":${told}}`
}

/** Passes on what comes in on standard input, until the Scope is closed. */
const listen = (take: (chunk: Uint8Array) => void, end: () => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { stdin } = process
      stdin.on("data", take)
      for (const over of ["end", "close", "error"]) stdin.once(over, end)
    }),
    () =>
      Effect.sync(() => {
        const { stdin } = process
        stdin.off("data", take)
        for (const over of ["end", "close"]) stdin.off(over, end)
        stdin.pause()
      }),
  )

const unread = "the client's input has ended, and nobody can approve it"

/** Answers what is asked, now and from now on, as nobody there would. */
const unanswerable = Effect.gen(function* () {
  const questions = yield* Questions
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const refuse = ({ id }: Question) => questions.refuse(id, unread)
  questions.listen((question) => void run(Effect.ignore(refuse(question))))
  yield* Effect.forEach(questions.open(), (question) => Effect.ignore(refuse(question)), { discard: true })
})

/** Runs until the input ends, `exit` is asked for, or nobody reads any more. */
export const pipe = (options: Options) =>
  Effect.gen(function* () {
    const output = yield* Output
    const live = yield* Effect.acquireRelease(Scope.make(), (scope, exit) => Scope.close(scope, exit))
    const services = yield* Layer.buildWithScope(seen(Runtime.servers(options, Questions.handlers)), live)
    // What waits there is an event here.
    const page = Page.make({ interactionTimeout: Runtime.patience(options), announces: () => false })
    const ending = Deferred.makeUnsafe<Ending>()
    const end = (how: Ending) => Deferred.doneUnsafe(ending, Effect.succeed(how))

    const outlet = Outlet.make({
      sink,
      encode: (event) => eventLine(event, state.mask),
      pressure: (high) => (high ? process.stdin.pause() : process.stdin.resume()),
    })
    const state: State.State = State.make({ tell: outlet.event, conceal: output.conceal, page })
    const reply = (id: unknown, answer: Commands.Answer) => outlet.reply(replyLine(id, answer, state.mask))

    state.read(yield* configured)
    yield* Effect.gen(function* () {
      const mcp = yield* Mcp
      mcp.listen(outlet.event)
      yield* Runtime.start()
      const commands = yield* Commands.make({ state, reply, exit: (id) => end({ why: "exit", id }) })
      const lines = new Lines((line) => {
        if (!Deferred.isDoneUnsafe(ending)) commands.line(line)
      })
      const how = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* listen(
            (chunk) => lines.push(chunk),
            () => {
              lines.end()
              end({ why: "end" })
            },
          )
          return yield* Effect.raceFirst(Deferred.await(ending), Effect.as(outlet.gone, { why: "gone" } as const))
        }),
      )
      if (how.why === "end") {
        if (!page.isServed()) yield* unanswerable
        yield* Effect.raceFirst(commands.finished, outlet.gone)
      }
      yield* commands.cancelAll
      yield* Scope.close(live, Exit.void)
      if (how.why === "exit") reply(how.id, { ok: true, result: true, exact: true })
      yield* outlet.flushed
    }).pipe(Scope.provide(live), Effect.provideContext(services))
    return Failure.Exit.done
  }).pipe(
    Effect.scoped,
    // Whoever interrupts is told on standard error: what stands on standard output are replies and events.
    Effect.onInterrupt(() => Effect.map(Output, ({ configure }) => configure({ json: false, level: "warn" }))),
  )
