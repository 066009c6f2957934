/** Standard input, to its end. */
import * as Effect from "effect/Effect"
import { badRequest } from "./failure.ts"

/** The most that is read, in bytes: the limit of one message. */
const limit = 64 * 1024 * 1024

export const readAll = Effect.callback<string, ReturnType<typeof badRequest>>((resume) => {
  const { stdin } = process
  const chunks: Array<Buffer> = []
  let size = 0
  const onData = (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (size > limit) finish(Effect.fail(badRequest(`standard input is larger than ${limit} bytes`)))
  }
  const onEnd = () =>
    finish(
      Effect.succeed(
        Buffer.concat(chunks)
          .toString("utf8")
          .replace(/^\uFEFF/, ""),
      ),
    )
  const onError = (error: Error) => finish(Effect.fail(badRequest(`standard input cannot be read: ${error.message}`)))
  const stop = () => {
    stdin.off("data", onData).off("end", onEnd).off("error", onError)
    stdin.pause()
  }
  const finish = (effect: Effect.Effect<string, ReturnType<typeof badRequest>>) => {
    stop()
    resume(effect)
  }
  stdin.on("data", onData).on("end", onEnd).on("error", onError)
  return Effect.sync(stop)
})
