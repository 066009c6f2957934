/** How a failure is told. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Failure } from "./failure.ts"
import type { Writer } from "./output.ts"
import * as Text from "./text.ts"

/** Tells a failure: to a person on standard error, and with `--json` as `{ "error": … }` on standard output too. */
export const tell = (output: Writer, failure: Failure, cause?: Cause.Cause<unknown>) =>
  Effect.gen(function* () {
    // Who went away is told nothing.
    if (output.gone()) return
    const { paint } = output.err
    // What is wrong with our own input may be shown below it, at its place; anything else may be a server's words.
    const said = failure.tag === "BadRequest" ? Text.harmless(failure.message) : Text.inset(failure.message)
    if (failure.tag !== "Cancelled") yield* output.say(`${paint("red", "error:")} ${said}`)
    else if (!output.heard()) yield* output.say(paint("yellow", "interrupted"))
    if (cause !== undefined && output.says("debug")) yield* output.say(Text.harmless(Cause.pretty(cause)))
    if (output.json()) yield* output.printJson({ error: failure })
  })
