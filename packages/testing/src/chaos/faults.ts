/**
 * What is done to one request or its answer. A request carries its fault in its tag (`chaos-<number>-<fault>`), so that
 * whoever stands on the way knows what to do without being told, and the same steps have the same faults. Only the first
 * request with a tag is harmed: what a client sends once more shows that it did. No Effect: the peer's process imports it.
 */

/** What has to come of a request in a batch that nothing else disturbs. */
export interface Fate {
  readonly expected: "answer" | "failure" | "either"
  /** Whether the server never sees the request, the first time. */
  readonly refused?: true
  /** It is asked again when the server said, whatever else it is asked again for. */
  readonly later?: true
  /** The request may wait for an answer that never comes: its timeout is short. */
  readonly silent?: true
}

const answered: Fate = { expected: "answer" }
const refused: Fate = { expected: "failure", refused: true }
/** It is refused in words that say that it was not taken: it is sent once more, and answered. */
const notTaken: Fate = { expected: "answer", refused: true }
/** Refused with `Retry-After`: asked again then. */
const later: Fate = { expected: "answer", refused: true, later: true }

/** Over Streamable HTTP. */
export const remoteFaults = {
  none: answered,
  delay: answered,
  /** Each event twice. */
  duplicate: answered,
  /** Comments, events of other kinds, and an answer to nobody before the right one. */
  junk: answered,
  /** The session is forgotten, and it is said so with 404. */
  forget: notTaken,
  /** … or with 400, as text … */
  missing: notTaken,
  /** … or as a JSON-RPC error. */
  invalid: notTaken,
  /** 404 each time, to this request alone: it is sent once more, and no oftener. */
  always: refused,
  /** A 400 with the word session in it, which means something else. */
  bad: refused,
  unauthorized: refused,
  busy: later,
  broken: refused,
  gateway: refused,
  unavailable: later,
  /** The socket closes before the server has the request. */
  dropBefore: refused,
  /** … and after the server executed it. */
  dropAfter: { expected: "either" },
  /** 500, after the server executed it. */
  late: { expected: "failure" },
  /** Half of the answer, and then the socket closes. */
  truncate: { expected: "either", silent: true },
  corrupt: { expected: "either", silent: true },
  /** The answer has the id of nobody. */
  foreign: { expected: "either", silent: true },
  page: { expected: "failure" },
  silent: { expected: "either", silent: true },
} satisfies Record<string, Fate>

/** Over stdio. */
export const localFaults = {
  none: answered,
  delay: answered,
  duplicate: answered,
  junk: answered,
  /** The answer in pieces, with pauses in between. */
  pieces: answered,
  silent: { expected: "failure", silent: true },
  truncate: { expected: "failure", silent: true },
  corrupt: { expected: "failure", silent: true },
  foreign: { expected: "failure", silent: true },
} satisfies Record<string, Fate>

/** Over HTTP+SSE: to the POST, or to the answer on the stream of all. */
export const sseFaults = {
  none: answered,
  delay: answered,
  duplicate: answered,
  junk: answered,
  bad: refused,
  unauthorized: refused,
  busy: later,
  broken: refused,
  gateway: refused,
  unavailable: later,
  dropBefore: refused,
  // The answer comes on the stream all the same, before the POST fails or after it.
  dropAfter: { expected: "either" },
  late: { expected: "either" },
  silent: { expected: "failure", silent: true },
  corrupt: { expected: "failure", silent: true },
  foreign: { expected: "failure", silent: true },
} satisfies Record<string, Fate>

/** What may be done to a request, by the server that it is for. */
export const faults = { local: localFaults, remote: remoteFaults, sse: sseFaults } satisfies Record<
  string,
  Readonly<Record<string, Fate>>
>

export type Server = keyof typeof faults
export type Fault = keyof typeof localFaults | keyof typeof remoteFaults | keyof typeof sseFaults

/** Those that the peer over HTTP+SSE does itself: on the way nobody can tell which answer is whose. */
export const onStream: ReadonlySet<string> = new Set(["delay", "duplicate", "junk", "silent", "corrupt", "foreign"])

/** The faults that make the client begin another session. */
export const forgetting: ReadonlySet<string> = new Set(["forget", "missing", "invalid", "always"])

/** What loses an answer at once: what only reads is asked once more. */
export const askedAgain: ReadonlySet<string> = new Set(["dropBefore", "dropAfter"])

export const tagOf = (number: number, fault: string) => `chaos-${number}-${fault}`

/** The first tag in a text. */
export const tagIn = (
  text: string,
): { readonly tag: string; readonly number: number; readonly fault: string } | undefined => {
  const [tag, number, fault] = /chaos-(\d+)-(\w+)/.exec(text) ?? []
  return tag === undefined || fault === undefined ? undefined : { tag, number: Number(number), fault }
}

/** The id of nobody: what no client of ours counts up to. */
export const nobody = 900_000_001

const corrupted = (text: string) => text.replace(/"jsonrpc":/g, `"jsonrpc";`)

/** An answer as events, with something done to it: what is written, and whether the socket closes then. */
export const harmedEvents = (fault: string, text: string): { readonly text: string; readonly drop?: true } => {
  const half = Math.floor(text.length / 2)
  switch (fault) {
    case "duplicate":
      return { text: text + text }
    case "junk": {
      const stranger = `{"jsonrpc":"2.0","id":${nobody},"result":{}}`
      return { text: `: a comment\n\nevent: ping\ndata: {}\n\nevent: message\ndata: ${stranger}\n\n${text}` }
    }
    case "truncate":
      return { text: text.slice(0, half), drop: true }
    case "corrupt":
      return { text: corrupted(text) }
    case "foreign":
      return { text: text.replace(/"id":\d+(?=[,}])/g, `"id":${nobody}`) }
    default:
      return { text }
  }
}
