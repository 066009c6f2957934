/** The page, as it is told of on a terminal: where it is, and what waits there while nobody looks at it. */
import { Questions } from "@opencode-ai/mcp/capability/questions"
import type { Inbox } from "@opencode-ai/mcp-inbox/inbox"
import * as Document from "@opencode-ai/mcp-inbox/page"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Page from "../inbox/index.ts"
import { asks, ended } from "../inbox/words.ts"
import { Output } from "./output.ts"

/** Serves it as long as the Scope. */
export const serve = (options: Omit<Page.Options, "html">) =>
  Effect.flatMap(Document.html, (html) => Page.serve({ ...options, html }))

/**
 * Says on standard error what a server asks while no page is open, and what became of it. Nothing of the secret is hidden
 * in the address: it is of no use without.
 */
export const announce = ({ isWatched, url }: Inbox): Effect.Effect<void, never, Output | Questions | Scope.Scope> =>
  Effect.gen(function* () {
    const output = yield* Output
    const questions = yield* Questions
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const told = new Set<string>()
    const say = (text: string) => output.reveal(text, "err")
    yield* Effect.acquireRelease(
      Effect.sync(() => [
        questions.listen((question) => {
          if (isWatched()) return
          told.add(question.id)
          run(Effect.andThen(say(asks(output.mask, question)), output.reveal(`  Answer it at ${url}`, "err")))
        }),
        questions.closed((question, outcome) => {
          if (told.delete(question.id)) run(say(`${ended(output.mask, question, outcome)}.`))
        }),
      ]),
      (stops) => Effect.sync(() => stops.forEach((stop) => stop())),
    )
  })

/** Prints where the page is, on standard output. */
export const show = ({ url }: Inbox): Effect.Effect<void, never, Output> =>
  Effect.flatMap(Output, (output) => (output.json() ? output.printExactly({ url }) : output.reveal(url, "out")))
