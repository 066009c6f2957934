/** Files that an entry names, whose content is a secret. */
import * as Effect from "effect/Effect"
import { type AuthError, fail, Misconfigured } from "./error.ts"

/** Tokens and keys are a few kilobytes: what is larger is another file. In bytes. */
const limit = 1024 * 1024

const told: Readonly<Record<string, string>> = {
  ENOENT: "which is not there",
  EACCES: "which may not be read",
  EPERM: "which may not be read",
  EISDIR: "which is a directory",
}

/**
 * The text of a file, without the space around it. Fails with `Misconfigured`, which never tells of the content, and of
 * the path where it is `shown`: what was meant to be a path may be the secret itself.
 */
export const readSecret = (field: string, path: string, shown: boolean): Effect.Effect<string, AuthError> =>
  Effect.gen(function* () {
    const { readFile, stat } = yield* Effect.promise(() => import("node:fs/promises"))
    const refuse = (detail: string) =>
      fail(
        new Misconfigured({
          field,
          detail: `names ${shown ? `the file ${JSON.stringify(path)}` : "a file"}, ${detail}`,
        }),
      )
    const asked = <A>(work: () => Promise<A>) =>
      Effect.tryPromise({
        try: work,
        catch: (error) => {
          const code = error instanceof Error && "code" in error ? String(error.code) : "unknown"
          return refuse(told[code] ?? `which cannot be read (${code})`)
        },
      })
    const { size } = yield* asked(() => stat(path))
    if (size > limit) return yield* refuse("which is too large to be one")
    const text = (yield* asked(() => readFile(path, "utf8"))).trim()
    return text === "" ? yield* refuse("which is empty") : text
  })
