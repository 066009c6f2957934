/** What the table consists of. Goals are those of the project's quality contract. */

/** The columns, in their order. */
export const subjects = ["bare", "sdk-v1", "sdk-v2", "effect", "ours"] as const
export type SubjectName = (typeof subjects)[number]

/** `ratio`: everything is divided by the bare client. The others are this client's own value. */
export type Unit = "ratio" | "ms" | "MB" | "count" | "quotient"

export interface Row {
  readonly id: string
  readonly work: string
  /** What was sampled, before any division: it is what `--json` calls the raw numbers. */
  readonly sampled: string
  readonly unit: Unit
  readonly better: "lower" | "higher"
  readonly goal: number
}

export interface Settings {
  readonly quick: boolean
  readonly rounds: number
  /** Runs in processes of their own, where a warm process would hide what is measured. */
  readonly runs: number
  readonly stdioCalls: number
  readonly httpCalls: number
  readonly inflight: number
  readonly largeCalls: number
  readonly largeResult: number
  readonly message: number
  readonly tools: number
  readonly lists: number
  readonly servers: number
  readonly manyServers: number
  readonly offeredServers: number
  readonly offeredTools: number
}

export const full: Settings = {
  quick: false,
  rounds: 5,
  runs: 7,
  stdioCalls: 40_000,
  httpCalls: 10_000,
  inflight: 64,
  largeCalls: 64,
  largeResult: 1 << 20,
  message: 32 << 20,
  tools: 5_000,
  lists: 30,
  servers: 20,
  manyServers: 200,
  offeredServers: 50,
  offeredTools: 100,
}

/** Shows that everything runs; its numbers say nothing. */
export const quick: Settings = {
  quick: true,
  rounds: 1,
  runs: 1,
  stdioCalls: 1_000,
  httpCalls: 200,
  inflight: 64,
  largeCalls: 4,
  largeResult: 1 << 20,
  message: 4 << 20,
  tools: 500,
  lists: 2,
  servers: 4,
  manyServers: 20,
  offeredServers: 5,
  offeredTools: 20,
}

export interface Measurement {
  readonly settings: Settings
  /** Says what is being measured now. */
  readonly at: (what: string) => void
  readonly sample: (row: string, subject: SubjectName, value: number) => void
  readonly failed: (row: string, subject: SubjectName, error: unknown) => void
}

/** One piece of work that fills one row or several. `wanted` are the ids of those that were asked for. */
export interface Scenario {
  readonly rows: ReadonlyArray<Row>
  /** It is measured where it is asked for by name alone. */
  readonly apart?: boolean
  readonly run: (measurement: Measurement, wanted: ReadonlySet<string>) => Promise<void>
}
