/** `name=value` words, where all values are text. */
import { nearest } from "@opencode-ai/mcp/config/nearest"
import * as Effect from "effect/Effect"
import { badRequest, type CliFailure } from "./failure.ts"

/** The names and values of the words, in order; `known` names what may be named, `undefined` anything. */
export const read = (
  words: ReadonlyArray<string>,
  what: string,
  known: ReadonlyArray<string> | undefined,
): Effect.Effect<ReadonlyArray<readonly [name: string, value: string]>, CliFailure> =>
  Effect.forEach(words, (word) => {
    const at = word.indexOf("=")
    if (at < 1) return Effect.fail(badRequest(`${JSON.stringify(word)} is not name=value`))
    const name = word.slice(0, at)
    if (known !== undefined && !known.includes(name)) return Effect.fail(strange(name, what, known))
    return Effect.succeed([name, word.slice(at + 1)] as const)
  })

const strange = (name: string, what: string, known: ReadonlyArray<string>): CliFailure => {
  const near = nearest(name, known)
  const quoted = (near.length > 0 ? near : known).map((each) => JSON.stringify(each))
  const offer =
    near.length > 0
      ? `did you mean ${quoted.join(" or ")}?`
      : known.length === 0
        ? "it has none"
        : `there is ${quoted.join(", ")}`
  return badRequest(`${what} has no ${JSON.stringify(name)}; ${offer}`)
}
