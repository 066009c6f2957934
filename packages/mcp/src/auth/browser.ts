/** Shows a URL to a person. What it is called with was checked before (`http/guard.ts`). */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

export interface Browser {
  /** Opens a URL; `false` where there is no browser to be had. It never fails, and does not wait for the person. */
  readonly open: (url: URL) => Effect.Effect<boolean>
}

/**
 * The browser in force. The default opens none: the URL is printed, and the person opens it.
 *
 * @example
 * ```ts
 * const opened: Array<string> = []
 * const listed = Layer.succeed(Browser)({ open: (url) => Effect.sync(() => opened.push(url.href) > 0) })
 * ```
 */
export const Browser: Context.Reference<Browser> = Context.Reference<Browser>("@opencode/mcp/Browser", {
  defaultValue: () => ({ open: () => Effect.succeed(false) }),
})
