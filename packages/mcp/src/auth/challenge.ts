/** The `WWW-Authenticate` header (RFC 9110, 11.6.1), as far as it speaks of tokens (RFC 6750, 3; RFC 9449, 7.1). */

/** What a challenge says. */
export interface Parameters {
  /** The schemes for tokens that it names, in lower case: `bearer`, `dpop`. */
  readonly schemes: ReadonlyArray<string>
  /** The algorithms of proofs that it takes, space-separated (RFC 9449, 7.1). */
  readonly algs?: string | undefined
  readonly resourceMetadata?: string | undefined
  readonly scope?: string | undefined
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
}

/** More of a header than this is not looked at, in characters. */
const readOfHeader = 16_384

const schemes: ReadonlySet<string> = new Set(["bearer", "dpop"])

/** A scheme, a parameter with its value, or what stands between them. Each alternative begins with another character class. */
const part =
  /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z/:?@=]+)))?|[^!#$%&'*+\-.^_`|~0-9A-Za-z]+/gs

/** The parameters of each challenge, under its scheme in lower case, in their order. */
const challengesOf = (header: string): ReadonlyArray<readonly [string, ReadonlyMap<string, string>]> => {
  const challenges: Array<readonly [string, Map<string, string>]> = []
  for (const [, name, quoted, token] of header.slice(0, readOfHeader).matchAll(part)) {
    if (name === undefined) continue
    const value = quoted?.replace(/\\(.)/gs, "$1") ?? token
    if (value === undefined) challenges.push([name.toLowerCase(), new Map()])
    else challenges.at(-1)?.[1].set(name.toLowerCase(), value)
  }
  return challenges
}

/** What the challenges for a token say: the first that says it counts. Never throws. */
export const parseChallenge = (header: string | undefined): Parameters => {
  const said = challengesOf(header ?? "").filter(([scheme]) => schemes.has(scheme))
  const first = (name: string) =>
    said.map(([, parameters]) => parameters.get(name)).find((value) => value !== undefined)
  return {
    schemes: said.map(([scheme]) => scheme),
    resourceMetadata: first("resource_metadata"),
    scope: first("scope"),
    algs: first("algs"),
    error: first("error"),
    errorDescription: first("error_description"),
  }
}
