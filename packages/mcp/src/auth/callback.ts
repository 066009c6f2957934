/** The server that a person's browser comes back to, and what a person pastes instead. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AuthError } from "./error.ts"

/** What an authorization server says through the person's browser. */
export interface Callback {
  readonly code?: string | undefined
  readonly state?: string | undefined
  readonly iss?: string | undefined
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
}

export interface Listener {
  /** What the authorization server redirects to. */
  readonly redirectUri: string
  /** The callback with that state, once it came; others are answered with a page that says so. */
  readonly answer: Effect.Effect<Callback, AuthError>
  /** Which state it waits for: nothing is accepted before. */
  readonly expect: (state: string) => void
  /** Shows the outcome on the page that waits for it. */
  readonly conclude: (outcome: { readonly ok: boolean; readonly message: string }) => Effect.Effect<void>
}

/** Listens until its Scope ends. Fails with `PortUnavailable` where `fixed` and the port is taken. */
export const listen = (_options: {
  readonly redirectUri: string
  /** Whether it has to be that port; otherwise another free one is taken. */
  readonly fixed: boolean
}): Effect.Effect<Listener, AuthError, Scope.Scope> => Effect.die("being built")

/** What the query of a callback says. A member that comes twice is a forgery's (RFC 6749, 3.1): it counts as absent. */
export const readCallback = (query: URLSearchParams): Callback => {
  const one = (name: string) => {
    const [value, ...more] = query.getAll(name)
    return more.length === 0 ? value : undefined
  }
  return {
    code: one("code"),
    state: one("state"),
    iss: one("iss"),
    error: one("error"),
    errorDescription: one("error_description"),
  }
}

/** Reads what a person pasted: the URL that the browser was sent to, its query, or the code alone. */
export const pasted = (text: string): Callback | undefined => {
  const trimmed = text.trim().replace(/^["'<]|["'>]$/g, "")
  if (trimmed === "" || /\s/.test(trimmed)) return undefined
  const query = /^[a-z]+:\/\//i.test(trimmed)
    ? URL.canParse(trimmed)
      ? new URL(trimmed).searchParams
      : undefined
    : /^\??(\w+=[^=]*)(&\w+=[^=]*)*$/.test(trimmed)
      ? new URLSearchParams(trimmed)
      : new URLSearchParams({ code: trimmed })
  if (query === undefined) return undefined
  const callback = readCallback(query)
  return callback.code === undefined && callback.error === undefined ? undefined : callback
}
