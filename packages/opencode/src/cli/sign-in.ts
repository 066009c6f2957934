/**
 * A person signs in: what they are shown, and what they may paste.
 *
 * The URL is printed whole, always. It is not masked: without its client, its state or its scopes it is of no use, and no
 * credential stands in it.
 */
import type { Callback } from "@opencode-ai/mcp/auth/callback"
import type { AuthError } from "@opencode-ai/mcp/auth/error"
import { attempt } from "@opencode-ai/mcp/auth/browser"
import type { Interaction, Started } from "@opencode-ai/mcp/mcp/authorization"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { CliFailure } from "./failure.ts"
import { Output, type Writer } from "./output.ts"
import * as Said from "./interview/said.ts"
import * as Text from "./text.ts"

/** Where a browser that is opened here appears elsewhere, or nowhere; who names one with BROWSER knows better. */
const isRemote = ({ BROWSER, SSH_CONNECTION, SSH_TTY } = process.env): boolean =>
  Boolean(SSH_CONNECTION || SSH_TTY) && !BROWSER

const portOf = ({ authorizationUrl }: Started): string | undefined => {
  const target = authorizationUrl.searchParams.get("redirect_uri") ?? ""
  return URL.canParse(target) && new URL(target).protocol === "http:" ? new URL(target).port || "80" : undefined
}

/** Shows the URL, before anything is opened. */
const showUrl = (server: string, url: URL, output: Writer) =>
  Effect.gen(function* () {
    const shown = Text.harmless(url.href)
    yield* output.say(Said.heading(server, "asks you to sign in:", output))
    yield* output.say("")
    if (output.json()) yield* output.reveal(shown, "err")
    else yield* output.reveal(shown, "out")
    // Who sees standard error alone has to see it too.
    if (!output.json() && !output.out.terminal && output.err.terminal) yield* output.reveal(shown, "err")
    yield* output.say(`\n  host: ${output.err.paint("bold", Text.oneLine(url.host))}\n`)
  })

const afterwards = (started: Started, output: Writer): ReadonlyArray<string> => {
  const port = portOf(started)
  const elsewhere = isRemote()
  const rest =
    "paste here the address that the browser ends at, even of a page that does not load, or the code that it shows."
  const paste = output.interactive() ? [`${elsewhere ? "Then" : "Or"} ${rest}`] : []
  if (port === undefined) {
    const nowhere = "The browser comes back to another machine, and nothing can be pasted here: sign in on a terminal."
    return paste.length > 0 ? paste : [nowhere]
  }
  return elsewhere
    ? [...paste, `With ssh -L ${port}:127.0.0.1:${port} that browser comes back here by itself.`]
    : ["Once you have signed in, the browser comes back here by itself.", ...paste]
}

const show = (started: Started, opened: boolean, timeout: number, output: Writer) => {
  const first = opened
    ? "Your browser was asked to open it. If it did not, open it yourself."
    : isRemote()
      ? "You are connected over SSH, so no browser was opened: open it in the one before you."
      : "No browser could be opened: please open it yourself, on this machine."
  const lines = [...[first, ...afterwards(started, output)], `Waiting for up to ${Math.ceil(timeout / 1_000)} s.`]
  return output.say(lines.flatMap((line) => Text.wrap(line, output.err.columns())).join("\n"))
}

/** Why what was pasted cannot be it. */
const problemOf = (text: string, url: string | undefined): string =>
  text === url
    ? "that is the address to open; what is wanted is the one that the browser ends at"
    : /^[a-z]+:\/\//i.test(text)
      ? "that address carries neither a code nor an error: what is wanted is the one that the browser ends at"
      : "that is neither an address nor a code"

export interface SignInOptions<A> {
  readonly server: string
  /** How long the person is waited for, in milliseconds. */
  readonly timeout: number
  /** Whether the floor is taken already. */
  readonly hasFloor?: boolean
  readonly scopes?: ReadonlyArray<string>
  readonly run: (interaction: Interaction) => Effect.Effect<A, AuthError>
}

/** Runs a sign-in that the person at this terminal sees. Ctrl-C ends it as `Cancelled`. */
export const signIn = <A>(options: SignInOptions<A>): Effect.Effect<A, AuthError | CliFailure, Output> =>
  Effect.gen(function* () {
    const output = yield* Output
    const { hasFloor = false, run, server, timeout } = options
    const abandoned = Deferred.makeUnsafe<never, CliFailure>()
    let shown: string | undefined

    const again = (why: string) =>
      Effect.suspend(() => {
        const [first = "", ...rest] = Text.wrap(`not accepted: ${Text.oneLine(why)}`, output.err.columns())
        const head = first.replace(/^not accepted:/, (words) => output.err.paint("yellow", words))
        return output.say([head, ...rest].join("\n"))
      })
    const read = Effect.gen(function* () {
      const { pasted } = yield* Effect.promise(() => import("@opencode-ai/mcp/auth/callback"))
      const { readLine } = yield* Effect.promise(() => import("./paste.ts"))
      while (true) {
        const text = yield* readLine(output, "paste> ")
        const callback = text === shown ? undefined : pasted(text)
        if (callback !== undefined) return callback
        yield* again(problemOf(text, shown))
      }
    })
    const paste: Effect.Effect<Callback> = Effect.catch(hasFloor ? read : output.floor.take(read), (failure) =>
      Effect.andThen(Deferred.fail(abandoned, failure), Effect.never),
    )
    const interaction: Interaction = {
      show: (started, opened) => show(started, opened, timeout, output),
      refused: (error) => again(error.message),
      timeout,
      ...(options.scopes === undefined ? {} : { scopes: options.scopes }),
      ...(output.interactive() ? { paste } : {}),
    }
    const open = (url: URL) =>
      Effect.gen(function* () {
        shown = url.href
        yield* showUrl(server, url, output)
        return (yield* attempt(url)) === undefined
      })
    return yield* Effect.raceFirst(run({ ...interaction, browser: { open } }), Deferred.await(abandoned))
  })
