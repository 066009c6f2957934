/** What a run may leave behind in this process: timers, fibres, listeners, sockets, memory. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { poll } from "../polling.ts"

/** How long what is left may take to go, in milliseconds. */
const grace = 10_000

/** The sockets and pipes that this process holds; none where nobody tells. */
const handles = (): ReadonlyArray<string> => {
  const link = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      // It was closed meanwhile.
      return ""
    }
  }
  try {
    return readdirSync("/proc/self/fd")
      .map(link)
      .filter((name) => /^(socket|pipe):/.test(name))
  } catch {
    return []
  }
}

/** What the kernel says of these sockets. */
const connections = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const inodes = names.map((name) => name.replace(/\D/g, ""))
  try {
    const rows = readFileSync("/proc/net/tcp", "utf8").split("\n")
    return rows
      .map((row) => row.trim().split(/\s+/))
      .filter((fields) => inodes.includes(fields[9] ?? ""))
      .map((fields) => fields.slice(1, 4).join(" "))
  } catch {
    return []
  }
}

const listeners = (): number => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)

/** Counts the timers that are armed, until the Scope closes. */
const timers: Effect.Effect<() => ReadonlyArray<string>, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const armed = new Map<unknown, string>()
      const { clearInterval, clearTimeout, setInterval, setTimeout } = globalThis
      const where = () => new Error("armed").stack?.split("\n").slice(3, 6).join(" ") ?? ""
      const timeout = (run: (...args: Array<unknown>) => void, ms?: number, ...args: Array<unknown>) => {
        const timer = setTimeout(() => {
          armed.delete(timer)
          run(...args)
        }, ms)
        armed.set(timer, where())
        return timer
      }
      const interval = (run: () => void, ms?: number) => {
        const timer = setInterval(run, ms)
        armed.set(timer, where())
        return timer
      }
      const clear = (timer: NodeJS.Timeout) => {
        armed.delete(timer)
        clearTimeout(timer)
      }
      Object.assign(globalThis, {
        setTimeout: timeout,
        setInterval: interval,
        clearTimeout: clear,
        clearInterval: clear,
      })
      return {
        armed,
        restore: () => Object.assign(globalThis, { clearInterval, clearTimeout, setInterval, setTimeout }),
      }
    }),
    ({ restore }) => Effect.sync(restore),
  ),
  ({ armed }) =>
    () => [...armed.values()],
)

/** What is there now: give it to `left` once everything is closed. */
export interface Before {
  readonly handles: ReadonlyArray<string>
  readonly listeners: number
  readonly fibres: () => number
  readonly timers: () => ReadonlyArray<string>
}

/** Begins to count. `within` counts the fibres of an Effect. */
export const count: Effect.Effect<
  Before & { readonly within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> },
  never,
  Scope.Scope
> = Effect.gen(function* () {
  let fibres = 0
  const service: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      fibres += 1
    },
    recordFiberEnd: () => {
      fibres -= 1
    },
  }
  return {
    handles: handles(),
    listeners: listeners(),
    fibres: () => fibres,
    timers: yield* timers,
    within: (effect) => Effect.provideService(effect, Metric.FiberRuntimeMetrics, service),
  }
})

/** What may pile up. */
export const held = ["fibres", "timers", "sockets", "listeners"] as const

export type Holds = Readonly<Record<(typeof held)[number], number>>

/** How much there is, now. */
export const holds = (before: Before): Holds => ({
  fibres: before.fibres(),
  timers: before.timers().length,
  sockets: handles().length,
  listeners: listeners(),
})

/** What is left of it, in words, after some seconds; empty where nothing is. */
export const left = (before: Before): Effect.Effect<ReadonlyArray<string>> => {
  const look = () => [
    ...(before.fibres() > 0 ? [`${before.fibres()} fibres`] : []),
    ...before.timers().map((from) => `a timer ${from}`),
    ...handles()
      .filter((name) => !before.handles.includes(name))
      .map((name) => `a ${name} ${connections([name]).join("")}`),
    ...(listeners() > before.listeners ? [`${listeners() - before.listeners} listeners of the process`] : []),
  ]
  const none = poll(() => (look().length === 0 ? true : undefined))
  return Effect.map(Effect.timeoutOption(none, grace), () => look())
}

/** What this process holds, in bytes, after a collection where the runtime can be asked for one. */
export const memory = (): { readonly heap: number; readonly rss: number } => {
  const collect: unknown = "Bun" in globalThis ? Object(globalThis).Bun.gc : Object(globalThis).gc
  if (typeof collect === "function") collect(true)
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, rss }
}
