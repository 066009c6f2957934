/** Why an HTTP request got no response, or none that can be read. An unwelcome status is no error here. */
import * as Data from "effect/Data"

/** The server could not be reached: name, connection, TLS, a proxy. */
export class Unreachable extends Data.TaggedError("Unreachable")<{
  readonly url: string
  readonly detail: string
  readonly hint: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `could not reach ${this.url}: ${this.detail}. ${this.hint}`
  }
}

/** The server redirects to where this client does not go. */
export class RedirectRefused extends Data.TaggedError("RedirectRefused")<{
  readonly url: string
  readonly status: number
  readonly detail: string
}> {
  override get message(): string {
    return `${this.url} answered with a redirect (HTTP ${this.status}) that is not followed: ${this.detail}`
  }
}

/** A server named a URL that this client does not go to. Nothing was sent there. */
export class UrlRefused extends Data.TaggedError("UrlRefused")<{
  readonly url: string
  readonly detail: string
  readonly hint: string
}> {
  override get message(): string {
    return `${this.url} is refused: ${this.detail}. ${this.hint}`
  }
}

/** The whole answer did not come in time. */
export class AnswerTooSlow extends Data.TaggedError("AnswerTooSlow")<{
  readonly url: string
  /** The time it had, in milliseconds. */
  readonly after: number
}> {
  override get message(): string {
    return `${this.url} did not answer in full within ${this.after / 1000} s. Check the network, or ask the server's operator.`
  }
}

/** The body is larger than it may be; the rest was not read. */
export class BodyTooLarge extends Data.TaggedError("BodyTooLarge")<{
  readonly url: string
  /** The limit in bytes, after decompression. */
  readonly limit: number
}> {
  override get message(): string {
    return `${this.url} answered with more than ${this.limit} bytes. Ask the server's operator.`
  }
}

/** The body is not what it should be: no JSON, or compressed in a way that cannot be undone. */
export class InvalidBody extends Data.TaggedError("InvalidBody")<{
  readonly url: string
  readonly status: number
  readonly detail: string
}> {
  override get message(): string {
    return `${this.url} answered (HTTP ${this.status}) with ${this.detail}. Is this the right URL? Otherwise ask the server's operator.`
  }
}

/** A request cannot be sent as it is: HTTP has no place for one of its characters. */
export class InvalidRequest extends Data.TaggedError("InvalidRequest")<{
  readonly url: string
  readonly detail: string
}> {
  override get message(): string {
    return `the request to ${this.url} cannot be sent: ${this.detail}`
  }
}

/** The server's public key is another one than the entry says. Nothing was sent. */
export class PinMismatch extends Data.TaggedError("PinMismatch")<{
  readonly url: string
  /** Host and port. */
  readonly host: string
  /** Both as SHA-256 of the public key (SPKI), base64. */
  readonly expected: string
  readonly actual: string
}> {
  override get message(): string {
    return `the public key of ${this.host} is not the pinned one: expected sha256/${this.expected}, found sha256/${this.actual}. Nothing was sent. If its owner changed the key, set "tls": { "pin": "sha256/${this.actual}" } in the server's entry; otherwise somebody is in between.`
  }
}

/** The person's own settings for TLS or a proxy cannot be used. Nothing was sent. */
export class InvalidSetting extends Data.TaggedError("InvalidSetting")<{
  /** A field of the server's entry (`tls.ca`), or a variable of the environment. */
  readonly field: string
  readonly detail: string
  readonly hint: string
}> {
  override get message(): string {
    return `${/^[A-Za-z]+_/.test(this.field) ? this.field : JSON.stringify(this.field)} ${this.detail}. ${this.hint}`
  }
}

export type HttpReason =
  | Unreachable
  | PinMismatch
  | InvalidSetting
  | RedirectRefused
  | UrlRefused
  | AnswerTooSlow
  | BodyTooLarge
  | InvalidBody
  | InvalidRequest

/** The error of every HTTP request. `message` is the reason's. */
export class HttpError extends Data.TaggedError("HttpError")<{ readonly reason: HttpReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}

/** More of a URL than this is of no use to anybody. */
const shownLength = 200

/** What hides or reorders text: control and format characters. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A URL as a person may see it: what stands in a query, or before an `@`, is often a secret, and a server wrote it. */
export const shownUrl = (text: string): string => {
  if (!URL.canParse(text)) {
    const bare = text.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//")
    return bare.replace(invisible, "�").slice(0, shownLength)
  }
  const url = new URL(text)
  const start = url.origin === "null" ? url.protocol : url.origin
  return `${start}${url.pathname.slice(0, shownLength)}${url.search === "" ? "" : "?…"}`
}
