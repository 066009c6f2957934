/** Which process holds a lock, and whether it lives: known by its id and its start time, because ids are given again. */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import { attempt, codeOf } from "./system.ts"
import { readOne } from "./tree.ts"

export interface Holder {
  readonly pid: number
  /** Start time in the platform's own unit, only ever compared; empty where the platform does not tell. */
  readonly started: string
  /** Where its id means something: the machine, and on Linux the namespace. */
  readonly host: string
  /** This one taking of the lock. */
  readonly id: string
}

const orUndefined = <A>(effect: Effect.Effect<A, unknown>): Effect.Effect<A | undefined> =>
  Effect.orElseSucceed(effect, () => undefined)

/** `undefined` where there is no such process, or only what its parent has yet to collect. */
const ofProc = (pid: number): Effect.Effect<string | undefined> =>
  Effect.flatMap(readOne(String(pid)), (found) =>
    found === undefined
      ? Effect.undefined
      : // Ticks since the machine was started, so of two starts of the machine they may be the same.
        attempt(() => `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()} ${found.started}`).pipe(
          orUndefined,
        ),
  )

const ofPs = (pid: number): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const env = { ...process.env, LC_ALL: "C", TZ: "UTC" }
    execFile("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { env }, (_error, stdout) => {
      const [state = "", ...started] = stdout.trim().split(/\s+/)
      resume(Effect.succeed(state === "" || state.startsWith("Z") ? undefined : started.join(" ")))
    })
  })

const bySignal = (pid: number): Effect.Effect<string | undefined> =>
  attempt(() => process.kill(pid, 0)).pipe(
    Effect.as(""),
    // It lives and is another's.
    Effect.catch((cause) => Effect.succeed(codeOf(cause) === "ESRCH" ? undefined : "")),
  )

const startedOf =
  process.platform === "linux" ? ofProc : process.platform === "win32" ? bySignal : (pid: number) => ofPs(pid)

const namespace: Effect.Effect<string> =
  process.platform === "linux"
    ? Effect.orElseSucceed(
        attempt(() => readlinkSync("/proc/self/ns/pid")),
        () => "",
      )
    : Effect.succeed("")

/** This process, to take a lock once. */
export const self: Effect.Effect<Holder> = Effect.gen(function* () {
  return {
    pid: process.pid,
    started: (yield* startedOf(process.pid)) ?? "",
    host: `${hostname()} ${yield* namespace}`.trim(),
    id: randomBytes(12).toString("base64url"),
  }
})

/** Whether the holder of a lock lives; `unknown` where that cannot be told from here. */
export const lives = (holder: Holder, me: Holder): Effect.Effect<"yes" | "no" | "unknown"> =>
  holder.host !== me.host
    ? Effect.succeed("unknown")
    : Effect.map(startedOf(holder.pid), (started) => {
        if (started === undefined) return "no"
        if (started === "" || holder.started === "") return "unknown"
        return started === holder.started ? "yes" : "no"
      })

export const write = (holder: Holder): string => JSON.stringify(holder)

/** `undefined` where it makes no sense: it is being written, or its writer died. */
export const parse = (text: string): Effect.Effect<Holder | undefined> =>
  attempt((): Holder | undefined => {
    const value: unknown = JSON.parse(text)
    if (typeof value !== "object" || value === null) return undefined
    const { host, id, pid, started }: { readonly [Member in keyof Holder]?: unknown } = value
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined
    return typeof host === "string" && typeof id === "string" && typeof started === "string"
      ? { pid, started, host, id }
      : undefined
  }).pipe(orUndefined)
