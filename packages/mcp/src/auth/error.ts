/** Why a request got no credentials. */
import * as Data from "effect/Data"

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

export type AuthReason = InvalidHeader | Unavailable

/** The error of every AuthLayer. `message` is the reason's. */
export class AuthError extends Data.TaggedError("AuthError")<{ readonly reason: AuthReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}
