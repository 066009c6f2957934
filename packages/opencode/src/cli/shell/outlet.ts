/**
 * What the shell says to the other end of the pipe: lines in order, those of one tick in one write, one write at a time.
 *
 * A reply is never lost. Who does not read is not listened to either (`pressure`), and loses events once too much waits:
 * first those that a server can produce without end, far later all. What was lost is counted, and said in an
 * `mcp.warning` as soon as there is room. A reader that went away is `gone`.
 */
import type { Event } from "@opencode-ai/mcp/events"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

/** Where lines go. `done` is called once, when the text is written or cannot be. */
export interface Sink {
  readonly write: (text: string, done: (failed: boolean) => void) => void
}

/** How much may wait to be written, in UTF-16 units. */
export interface OutletLimits {
  /** From here on nothing more is read, and chatter is lost. Default 4 Mi. */
  readonly high: number
  /** From here on every event is lost. Default 32 Mi. */
  readonly most: number
}

export interface OutletOptions {
  readonly sink: Sink
  /** An event as a line, without its end. */
  readonly encode: (event: Event) => string
  /** Called with `true` once too much waits, and with `false` once it is written. */
  readonly pressure: (high: boolean) => void
  readonly limits?: OutletLimits
}

export interface Outlet {
  /** Says a line that has to arrive. */
  readonly reply: (line: string) => void
  /** Says what happened, if there is room. */
  readonly event: (event: Event) => void
  /** Once everything is written, or nobody reads any more. */
  readonly flushed: Effect.Effect<void>
  /** Once nobody reads any more. */
  readonly gone: Effect.Effect<void>
}

export const defaultLimits: OutletLimits = { high: 4 * 1024 * 1024, most: 32 * 1024 * 1024 }

/** The most that is joined into one write, in UTF-16 units. */
const joined = 1024 * 1024

// What comes as fast as a server can write it.
const chatter: ReadonlySet<Event["type"]> = new Set(["mcp.log", "mcp.stderr", "mcp.progress"])

const lossOf = (server: string, lost: ReadonlyMap<string, number>): Event => {
  const total = [...lost.values()].reduce((sum, each) => sum + each, 0)
  const kinds = [...lost].map(([type, count]) => `${count} ${type}`).join(", ")
  const message = `${total} events were dropped, because the output was not read fast enough: ${kinds}`
  return { type: "mcp.warning", data: { server, message } }
}

export const make = ({ encode, limits = defaultLimits, pressure, sink }: OutletOptions): Outlet => {
  let queue: Array<string> = []
  /** What waits: queued, or being written. */
  let size = 0
  let scheduled = false
  let writing = false
  let high = false
  let broken = false
  let waiters: Array<Deferred.Deferred<void>> = []
  const gone = Deferred.makeUnsafe<void>()
  const lost = new Map<string, Map<string, number>>()

  const settle = () => {
    const settled = waiters
    waiters = []
    for (const waiter of settled) Deferred.doneUnsafe(waiter, Effect.void)
  }

  const next = () => {
    if (queue.length === 0) return settle()
    let length = 0
    let count = 0
    while (count < queue.length && (count === 0 || length + (queue[count]?.length ?? 0) <= joined)) {
      length += queue[count]?.length ?? 0
      count += 1
    }
    const text = queue.splice(0, count).join("")
    writing = true
    sink.write(text, (failed) => {
      size -= text.length
      if (failed) return end()
      if (high && size < limits.high / 2) {
        high = false
        tellLoss()
        pressure(false)
      }
      writing = false
      next()
    })
  }

  const end = () => {
    broken = true
    queue = []
    lost.clear()
    Deferred.doneUnsafe(gone, Effect.void)
    settle()
  }

  const enqueue = (line: string) => {
    if (broken) return
    queue.push(`${line}\n`)
    size += line.length + 1
    if (!high && size > limits.high) {
      high = true
      pressure(true)
    }
    if (writing || scheduled) return
    scheduled = true
    queueMicrotask(() => {
      scheduled = false
      if (!writing && !broken) next()
    })
  }

  const tellLoss = () => {
    for (const [server, counts] of lost) {
      lost.delete(server)
      enqueue(encode(lossOf(server, counts)))
    }
  }

  const lose = ({ data, type }: Event) => {
    const counts = lost.get(data.server) ?? new Map<string, number>()
    counts.set(type, (counts.get(type) ?? 0) + 1)
    lost.set(data.server, counts)
  }

  return {
    reply: enqueue,
    event: (event) => {
      if (broken) return
      if (high && (size > limits.most || chatter.has(event.type))) return lose(event)
      enqueue(encode(event))
    },
    flushed: Effect.suspend(() => {
      if (broken || (queue.length === 0 && !writing)) return Effect.void
      const waiter = Deferred.makeUnsafe<void>()
      waiters.push(waiter)
      return Deferred.await(waiter)
    }),
    gone: Deferred.await(gone),
  }
}
