/** A cause as one error that a runner or a terminal can show. */
import * as Cause from "effect/Cause"

/** One readable error of a whole cause: the first error's message and stack, the others after it. */
export const errorOfCause = (cause: Cause.Cause<unknown>): Error => {
  const [first, ...rest] = Cause.prettyErrors(cause)
  if (first === undefined) return new Error("The test ended without a result and without an error")
  for (const other of rest) first.stack = `${first.stack}\n\nand: ${other.stack}`
  return first
}
