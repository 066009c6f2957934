/**
 * The page of this instance: where servers ask, as OpenCode has no way to ask for a plugin. It is served from when it is
 * first needed. The person is told where it is, and their browser is opened at it.
 */
import * as Browser from "@opencode-ai/mcp/auth/browser"
import { type Question, Questions } from "@opencode-ai/mcp/capability/questions"
import type { SamplingRequest } from "@opencode-ai/mcp/capability/sampling"
import type { Inbox as Served } from "@opencode-ai/mcp-inbox/inbox"
import { html } from "@opencode-ai/mcp-inbox/page"
import * as Inbox from "@opencode-ai/opencode/inbox/index"
import * as Words from "@opencode-ai/opencode/inbox/words"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Told } from "./tell.ts"

/** How the person opens it: the name of a command of OpenCode's. */
export const command = "mcp"
/** What it is called in a sentence. */
export const name = `the MCP page (/${command} opens it)`

export interface Options {
  readonly told: Told
  /** Whether a browser may be opened. */
  readonly open: boolean
  /** Another is taken where this one is. */
  readonly port: number | undefined
  /** Writes a line where there is no screen for toasts. */
  readonly print: (line: string) => void
  /** Hides the secrets of the configuration. */
  readonly mask: (text: string) => string
  /** How long a question waits, in milliseconds. */
  readonly interactionTimeout: number
  /** Which model would be asked. */
  readonly model: (request: SamplingRequest) => string | undefined
}

export interface Page {
  /** Opens it, and says where it is. */
  readonly show: Effect.Effect<void>
}

/** A browser is opened for questions at most this often, in milliseconds. */
const seldom = 60_000
/** How long a toast is shown that holds an address, in milliseconds. */
const long = 30_000
const title = "MCP Server Asks"

/** Attends to the questions as long as the Scope. */
export const make = (options: Options): Effect.Effect<Page, never, Inbox.Needs | Scope.Scope> =>
  Effect.gen(function* () {
    const { interactionTimeout, mask, model, open, port, print, told } = options
    const questions = yield* Questions
    const services = yield* Effect.context<Inbox.Needs | Scope.Scope>()
    const scope = yield* Effect.scope
    const run = Effect.runForkWith(services)
    const at = (html: string, port: number | undefined) =>
      Inbox.serve({ html, port, mask, interactionTimeout, model: (request) => Effect.sync(() => model(request)) })
    const serve = Effect.flatMap(html, (html) =>
      port === undefined
        ? at(html, undefined)
        : Effect.catch(at(html, port), ({ message }) => {
            told.log("warn", `${message}; it has another port`)
            return at(html, undefined)
          }),
    )
    const [once, again] = yield* Effect.cachedInvalidateWithTTL(
      Effect.provideContext(serve, services),
      Duration.infinity,
    )
    // What failed may succeed for the next question.
    const served = Effect.tapError(once, () => again)
    let opened = -Infinity

    /** The address on the browser's command line is good once. `undefined`: it was opened. */
    const browse = ({ ticket }: Served) =>
      Effect.gen(function* () {
        if (!open) return "its option `open` is false"
        opened = yield* Clock.currentTimeMillis
        return yield* Browser.attempt(new URL(yield* ticket))
      })

    /** The log is open to others on this machine, and so it does not hold the secret. */
    const tell = (question: Question, { url }: Served) => {
      const message = Words.asks(mask, question)
      told.toast({ title, message: `${message}\nAnswer at ${url}`, variant: "warning", duration: long })
      told.log("info", `${message} (answer at ${new URL(url).origin}: /${command} opens it)`, {
        server: question.request.server,
      })
      print(`${message}\n  Answer at ${url}`)
    }

    const ask = (question: Question) =>
      Effect.gen(function* () {
        const inbox = yield* served
        // It may have been taken back meanwhile.
        if (!questions.open().some(({ id }) => id === question.id)) return
        tell(question, inbox)
        if (!open || inbox.isWatched() || (yield* Clock.currentTimeMillis) - opened < seldom) return
        const problem = yield* browse(inbox)
        if (problem !== undefined) told.log("info", `No browser was opened for the MCP page: ${problem}`)
      }).pipe(
        Effect.catch((error) => {
          told.log("error", error.message)
          told.toast({ title, message: `${Words.asks(mask, question)}\n${error.message}`, variant: "error" })
          return Effect.ignore(questions.refuse(question.id, "nobody can be asked"))
        }),
      )

    yield* Effect.acquireRelease(
      Effect.sync(() => [
        questions.listen((question) => void run(Effect.forkIn(ask(question), scope))),
        questions.closed((question, outcome) => {
          if (outcome === "answered") return
          const message = Words.ended(mask, question, outcome)
          told.toast({ title, message, variant: "info" })
          told.log("info", message, { server: question.request.server })
        }),
      ]),
      (stops) => Effect.sync(() => stops.forEach((stop) => stop())),
    )

    const show = Effect.gen(function* () {
      const inbox = yield* served
      const problem = yield* browse(inbox)
      const where = `The page of the MCP servers is ${inbox.url}`
      const message = problem === undefined ? where : `${where} (no browser was opened: ${problem})`
      told.toast({ title: "MCP Servers", message, variant: "info", duration: long })
      print(message)
    }).pipe(
      Effect.catch(({ message }) => Effect.sync(() => told.toast({ title: "MCP Servers", message, variant: "error" }))),
    )
    return { show }
  })
