/** Headers that somebody wrote, as they are sent. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { AuthHeaders } from "./auth.ts"
import { AuthError, InvalidHeader } from "./error.ts"

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

/** Headers as they are sent; fails with `InvalidHeader`. */
export const readHeaders = (
  record: Readonly<Record<string, string | Redacted.Redacted<string>>>,
): Effect.Effect<AuthHeaders, AuthError> =>
  Effect.forEach(
    Object.entries(record).filter(([name]) => !reserved.has(name.toLowerCase())),
    ([name, value]) => read(name, value),
  ).pipe(Effect.map((entries) => Object.fromEntries(entries)))
