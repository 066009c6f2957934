/** What the author of a handler is told of its mistakes: warnings of the process, which no server sees. */
import * as Effect from "effect/Effect"

/** What is told from now on, for as long as the Scope. */
export const mistakes = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const said: Array<string> = []
      const hear = ({ message }: Error) => said.push(message)
      process.on("warning", hear)
      return { said, hear }
    }),
    ({ hear }) => Effect.sync(() => process.off("warning", hear)),
  ),
  // Warnings are told in a turn of their own.
  ({ said }) =>
    Effect.callback<ReadonlyArray<string>>((resume) => void setImmediate(() => resume(Effect.succeed(said)))),
)
