/** The way to the page's server: what it pushes, and what it is asked. */
import type { Answer, Asks, Push } from "../model.ts"
import { makeReader } from "./sse.ts"

/** `refused`: the secret of this page is not, or no longer, the server's. */
export type State = "connecting" | "open" | "lost" | "refused"

export interface Link {
  /** Of the asks that may take long, three are under way at a time; `signal` cancels one, also while it waits. */
  readonly ask: <Op extends keyof Asks>(op: Op, params: Asks[Op]["params"], signal?: AbortSignal) => Promise<Answer<Op>>
  readonly close: () => void
  /** Tries at once, where it waits to try again. */
  readonly retry: () => void
}

const failed = (tag: string, message: string, hint?: string) => ({ ok: false, error: { tag, message, hint } }) as const

/** A browser has six connections to one address: those that are held for long must not be all of them. */
const long = new Set<keyof Asks>(["call", "act", "taskResult"])
const longAtOnce = 3

/** Lets so many through at a time. What is cancelled while it waits needs no place. */
const makeGate = (most: number) => {
  const waiting = new Set<(placed: boolean) => void>()
  let inside = 0
  const turn = (signal: AbortSignal | undefined) =>
    new Promise<boolean>((resolve) => {
      const enter = (placed: boolean) => {
        waiting.delete(enter)
        resolve(placed)
      }
      waiting.add(enter)
      signal?.addEventListener("abort", () => waiting.has(enter) && enter(false))
    })
  const leave = () => {
    const [next] = waiting
    // Who waits takes the place over.
    if (next === undefined) inside--
    else next(true)
  }
  return async <A>(signal: AbortSignal | undefined, run: () => Promise<A>): Promise<A> => {
    const isFree = inside < most
    if (isFree) inside++
    const placed = isFree || (await turn(signal))
    return run().finally(() => placed && leave())
  }
}

/** Milliseconds to wait before the nth try. */
export const backoff = (failures: number): number => Math.min(10_000, 500 * 2 ** failures)

/**
 * Connects to the server at `base` (default: the page's own), and connects again whenever the connection is lost, until it is
 * refused or closed.
 */
export const makeLink = (
  secret: string,
  told: { readonly push: (push: Push) => void; readonly state: (state: State, why?: string) => void },
  base = "",
): Link => {
  const authorization = `Bearer ${secret}`
  const closing = new AbortController()
  let wake: () => void = () => undefined

  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  /** Follows one connection to its end; why it was not opened, if it was not. */
  const follow = async (): Promise<{ readonly refused?: true; readonly why?: string }> => {
    const response = await fetch(`${base}/events`, {
      headers: { authorization, accept: "text/event-stream" },
      signal: closing.signal,
    })
    if (response.status === 401 || response.status === 403) return { refused: true }
    if (!response.ok || response.body === null) return { why: (await response.text()).trim().slice(0, 300) }
    told.state("open")
    const read = makeReader()
    const chunks = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let next = await chunks.read(); !next.done; next = await chunks.read()) {
      for (const data of read(next.value)) told.push(JSON.parse(data) as Push)
    }
    return {}
  }

  const run = async () => {
    for (let failures = 0; !closing.signal.aborted; failures++) {
      const opened = Date.now()
      const ending = await follow().catch(() => ({ refused: undefined, why: undefined }))
      if (closing.signal.aborted) return
      if (ending.refused === true) return told.state("refused")
      if (Date.now() - opened > 10_000) failures = 0
      told.state("lost", ending.why)
      await pause(backoff(failures))
      told.state("connecting")
    }
  }
  void run()

  const gate = makeGate(longAtOnce)

  const send = async <Op extends keyof Asks>(op: Op, params: Asks[Op]["params"], signal?: AbortSignal) => {
    try {
      const response = await fetch(`${base}/ask`, {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify({ ...params, op }),
        signal: signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]),
      })
      if (response.status === 401 || response.status === 403) {
        told.state("refused")
        return failed(
          "Refused",
          "This page is not let in any more.",
          "Open it again with `mcp ui`, or with `/mcp` in OpenCode.",
        )
      }
      if (!response.ok) return failed("Failed", (await response.text()).trim() || `HTTP ${response.status}`)
      // Its own server's, of the same build.
      return (await response.json()) as Answer<Op>
    } catch {
      return signal?.aborted === true
        ? failed("Cancelled", "It was cancelled.")
        : failed(
            "Lost",
            "The page's server did not answer.",
            "Does OpenCode still run? The page connects again by itself.",
          )
    }
  }

  return {
    ask: (op, params, signal) =>
      long.has(op) ? gate(signal, () => send(op, params, signal)) : send(op, params, signal),
    close: () => closing.abort(),
    retry: () => wake(),
  }
}
