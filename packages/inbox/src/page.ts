/** The page as HTML: what `listen` serves. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** The page could not be made. */
export class PageError extends Data.TaggedError("PageError")<{ readonly cause: unknown }> {
  override get message(): string {
    return `the inbox page could not be built: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** Put in the place of this name by a bundler; in the repository there is none. */
declare const INBOX_PAGE: string | undefined

/** One document with everything inside. In the repository it is built when its sources changed, which takes a second. */
export const html: Effect.Effect<string, PageError> = Effect.suspend(() =>
  typeof INBOX_PAGE === "string"
    ? Effect.succeed(INBOX_PAGE)
    : Effect.tryPromise({
        try: () => import("./build.ts").then(({ build }) => build()),
        catch: (cause) => new PageError({ cause }),
      }),
)
