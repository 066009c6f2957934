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
  /** The request may wait for an answer that never comes: its timeout is short. */
  readonly silent?: true
}

const answered: Fate = { expected: "answer" }
const refused: Fate = { expected: "failure", refused: true }
/** It is refused in words that say that it was not taken: it is sent once more, and answered. */
const notTaken: Fate = { expected: "answer", refused: true }

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
  /** 429, and 503 below, which say when to come back. */
  busy: notTaken,
  broken: refused,
  gateway: refused,
  unavailable: notTaken,
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

export type RemoteFault = keyof typeof remoteFaults
export type LocalFault = keyof typeof localFaults

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
