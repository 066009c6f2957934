/** The constructors of `AuthLayer`: one for each way to be known to a server. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Auth, type AuthHeaders } from "./auth.ts"
import { AuthError, InvalidHeader } from "./error.ts"

const constant = (headers: AuthHeaders): Auth["Service"] => ({
  current: () => headers,
  headers: Effect.succeed(headers),
  challenged: () => Effect.succeed(false),
})

/**
 * No credentials: a server that asks for some answers with `Unauthorized`.
 *
 * @example
 * ```ts
 * const transport = TransportLayer.remote({ url: "https://example.com/mcp" }).pipe(Layer.provide(AuthLayer.none))
 * ```
 */
export const none: Layer.Layer<Auth> = Layer.succeed(Auth)(constant({}))

/** RFC 9110, 5.6.2. */
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What a header's value may hold (RFC 9110, 5.5), of what `fetch` can send. */
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Headers that the protocol and the connection set themselves: what is configured for them is not used. */
const reserved: ReadonlySet<string> = new Set([
  "accept",
  "connection",
  "content-length",
  "content-type",
  "last-event-id",
  "mcp-protocol-version",
  "mcp-session-id",
  "transfer-encoding",
])

const read = (
  name: string,
  value: string | Redacted.Redacted<string>,
): Effect.Effect<readonly [string, string], AuthError> => {
  const refuse = (detail: string) => Effect.fail(new AuthError({ reason: new InvalidHeader({ name, detail }) }))
  if (!headerName.test(name)) return refuse("has a name that HTTP does not allow")
  // A value that was read from a file ends with a newline.
  const text = (Redacted.isRedacted(value) ? Redacted.value(value) : value).trim()
  return headerValue.test(text)
    ? Effect.succeed([name.toLowerCase(), text])
    : refuse("has a value with a character that HTTP does not allow")
}

/**
 * The same headers with every request to the server: a key, a tenant. They never cross to another origin and stand in
 * no error. Fails with `InvalidHeader` for what HTTP cannot carry; a header that the protocol itself sets is left out.
 *
 * @example
 * ```ts
 * const auth = AuthLayer.headers({ authorization: Redacted.make("Bearer 123"), "x-tenant": "blue" })
 * ```
 */
export const headers = (
  record: Readonly<Record<string, string | Redacted.Redacted<string>>>,
): Layer.Layer<Auth, AuthError> =>
  Layer.effect(Auth)(
    Effect.forEach(
      Object.entries(record).filter(([name]) => !reserved.has(name.toLowerCase())),
      ([name, value]) => read(name, value),
    ).pipe(Effect.map((entries) => constant(Object.fromEntries(entries)))),
  )
