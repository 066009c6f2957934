/** What every contestant does. One file per contestant in `subject/`, loaded by the worker that measures it. */

export interface Command {
  readonly command: string
  readonly args: ReadonlyArray<string>
}

/** How callers wait for their calls: as fibres, through a promise, or through a promise with an AbortSignal each. */
export type Way = "fibres" | "promise" | "signal"

export interface Connection {
  /** Keeps `inflight` calls of `echo` going until `calls` were answered, and checks each answer. */
  readonly load: (options: { readonly calls: number; readonly inflight: number; readonly way: Way }) => Promise<void>
  /** Every tool, over all pages, asked of the server anew. */
  readonly listTools: () => Promise<ReadonlyArray<unknown>>
  readonly close: () => Promise<void>
}

export interface Subject {
  /** Connected means: `initialize` was answered and every tool is listed. */
  readonly stdio: (servers: ReadonlyArray<Command>) => Promise<ReadonlyArray<Connection>>
  readonly http: (url: string) => Promise<Connection>
}

/** The rows of this client alone. */
export interface Offer {
  /** Connects all of these and answers with `tools()` as a model turn asks for it. */
  readonly offer: (urls: ReadonlyArray<string>) => Promise<{
    readonly tools: () => Promise<number>
    readonly close: () => Promise<void>
  }>
  /** Loads a service that keeps catalogues below `cache`, without making it. */
  readonly keeping: (cache: string) => Promise<Keeping>
}

/** A service that knows what its servers offered last. */
export interface Keeping {
  /** Makes it, adds these and answers with how many tools are offered then, without waiting for servers. */
  readonly offered: (servers: ReadonlyArray<Command>) => Promise<number>
  /** How many there are once every server is connected. */
  readonly settled: () => Promise<number>
  readonly close: () => Promise<void>
}

/** The part of a tool result that is looked at. */
export interface Answer {
  readonly content?: unknown
}

/** Fails a benchmark whose answers are wrong, at the least cost there is. */
export const check = (result: Answer): void => {
  const content = result.content
  if (!Array.isArray(content) || content.length !== 1 || typeof content[0].text !== "string") {
    throw new Error(`not the answer of the raw server: ${JSON.stringify(result).slice(0, 200)}`)
  }
}

/** The callers of a client that speaks promises. */
export const loadPromises =
  (call: (value: number, signal?: AbortSignal) => Promise<Answer>): Connection["load"] =>
  async ({ calls, inflight, way }) => {
    let left = calls
    const caller = async () => {
      while (left > 0) {
        const value = left--
        check(await (way === "signal" ? call(value, new AbortController().signal) : call(value)))
      }
    }
    await Promise.all(Array.from({ length: inflight }, caller))
  }
