/** Why a request got no credentials, or a person could not sign in. No secret stands in any of these. */
import * as Data from "effect/Data"
import type { HttpReason } from "../http/error.ts"

/** A configured header cannot be sent. Its value is not in here. */
export class InvalidHeader extends Data.TaggedError("InvalidHeader")<{
  readonly name: string
  readonly detail: string
}> {
  override get message(): string {
    return `the configured header ${JSON.stringify(this.name)} ${this.detail}; correct "headers" in the server's entry`
  }
}

/** A layer of a plugin author could not get the credentials. */
export class Unavailable extends Data.TaggedError("Unavailable")<{
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `no credentials: ${this.detail}`
  }
}

/** Nobody has signed in, or what was granted is over: a person has to sign in. */
export class SignInRequired extends Data.TaggedError("SignInRequired")<{ readonly detail: string }> {
  override get message(): string {
    return `it asks for authorization: ${this.detail}`
  }
}

/** The authorization server knows no client of ours, and registers none by itself. */
export class RegistrationRequired extends Data.TaggedError("RegistrationRequired")<{
  readonly issuer: string
  readonly detail: string
}> {
  override get message(): string {
    return (
      `${this.issuer} ${this.detail}; register a client there by hand and put its id into "oauth": ` +
      `{ "clientId": … } in the server's entry`
    )
  }
}

/** What was granted does not suffice, and nobody could be asked for more in time (RFC 6750, 3.1). */
export class InsufficientScope extends Data.TaggedError("InsufficientScope")<{
  /** The scopes to ask for: what was granted, and what the server wants besides. */
  readonly scopes: ReadonlyArray<string>
  /** Those of `scopes` that are missing. */
  readonly missing: ReadonlyArray<string>
  /** Whether the authorization server, or the person, has refused to grant them before. */
  readonly refused: boolean
}> {
  override get message(): string {
    if (this.missing.length === 0) {
      return `it wants more than was granted, and names no scope that is missing; ask its operator which it needs`
    }
    const wanted = `it needs the scopes ${this.missing.join(" ")}`
    const why = this.refused ? "which were refused" : "which were not granted yet"
    return `${wanted}, ${why}; sign in again to grant them`
  }
}

/** A document or a URL of a server's is not what the standards or the guard allow. */
export class DocumentRefused extends Data.TaggedError("DocumentRefused")<{
  /** As a person calls it: "the protected resource metadata". */
  readonly document: string
  /** Where it came from, as it may be shown. */
  readonly url: string
  /** The field at fault, where one is. */
  readonly field?: string | undefined
  readonly expected: string
  /** What was there instead, shortened. */
  readonly received: string
  readonly hint: string
}> {
  override get message(): string {
    const where = this.field === undefined ? this.document : `"${this.field}" in ${this.document}`
    return `${where} (${this.url}) is refused: expected ${this.expected}, not ${this.received}. ${this.hint}`
  }
}

/** The authorization server answered with an OAuth error (RFC 6749, 4.1.2.1 and 5.2). */
export class OAuthRefused extends Data.TaggedError("OAuthRefused")<{
  /** What was asked, as a person calls it: "the refresh". */
  readonly step: string
  readonly url: string
  /** The error code: `invalid_grant`, `access_denied`, … */
  readonly error: string
  readonly description?: string | undefined
  readonly hint: string
}> {
  override get message(): string {
    const said = this.description === undefined ? this.error : `${this.error} (${this.description})`
    return `${this.url} refused ${this.step}: ${said}. ${this.hint}`
  }
}

/** A step got no answer, or none that a retry might not better. What is stored is kept. */
export class StepFailed extends Data.TaggedError("StepFailed")<{
  readonly step: string
  readonly url: string
  readonly detail: string
  /** Seconds after which the server wants to be asked again, where it says so. */
  readonly retryAfter?: number | undefined
  readonly reason?: HttpReason | undefined
}> {
  override get message(): string {
    return `${this.step} failed: ${this.detail}`
  }
}

/** A callback does not belong to the sign-in that waits for one. Nothing was redeemed. */
export class StateMismatch extends Data.TaggedError("StateMismatch")<{ readonly detail: string }> {
  override get message(): string {
    return `the callback is not of this sign-in: ${this.detail}; begin anew, and use the callback of that attempt`
  }
}

/** The person did not come back, or gave up. */
export class SignInAbandoned extends Data.TaggedError("SignInAbandoned")<{ readonly detail: string }> {
  override get message(): string {
    return `the sign-in was not completed: ${this.detail}`
  }
}

/** The port that the callback has to come to is not to be had. */
export class PortUnavailable extends Data.TaggedError("PortUnavailable")<{
  readonly port: number
  readonly detail: string
}> {
  override get message(): string {
    return (
      `the callback server cannot listen on port ${this.port} of 127.0.0.1: ${this.detail}; end what uses it, or ` +
      `configure another with "oauth": { "callbackPort": … }`
    )
  }
}

/** What an entry says about authorization cannot work. */
export class Misconfigured extends Data.TaggedError("Misconfigured")<{
  /** The field of the entry: `oauth.privateKey`. */
  readonly field: string
  readonly detail: string
}> {
  override get message(): string {
    return `"${this.field}" ${this.detail}; correct it in the server's entry`
  }
}

/** The program that makes the headers failed. What it printed on its standard output is not in here. */
export class HelperFailed extends Data.TaggedError("HelperFailed")<{
  readonly command: string
  readonly detail: string
}> {
  override get message(): string {
    return `the headers helper ${this.command} ${this.detail}; run it by hand, or correct "headersHelper" in the server's entry`
  }
}

/** The credentials could not be read or kept. */
export class StoreFailed extends Data.TaggedError("StoreFailed")<{
  /** The file, or the keychain. */
  readonly place: string
  readonly detail: string
  readonly hint: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `the credentials in ${this.place} ${this.detail}. ${this.hint}`
  }
}

export type AuthReason =
  | InvalidHeader
  | Unavailable
  | SignInRequired
  | RegistrationRequired
  | InsufficientScope
  | DocumentRefused
  | OAuthRefused
  | StepFailed
  | StateMismatch
  | SignInAbandoned
  | PortUnavailable
  | Misconfigured
  | HelperFailed
  | StoreFailed

/** The error of every AuthLayer. `message` is the reason's. */
export class AuthError extends Data.TaggedError("AuthError")<{ readonly reason: AuthReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}

export const fail = (reason: AuthReason): AuthError => new AuthError({ reason })
