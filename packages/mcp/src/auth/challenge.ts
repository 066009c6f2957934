/** The `WWW-Authenticate` header (RFC 9110, 11.6.1), as far as it speaks of tokens (RFC 6750, 3; RFC 9449, 7.1). */

/** What a challenge of the scheme Bearer or DPoP says. */
export interface Parameters {
  readonly resourceMetadata?: string | undefined
  readonly scope?: string | undefined
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
}

export const parseChallenge = (_header: string | undefined): Parameters => ({})
