/**
 * The end of OpenCode's process where it does not wait for its instances: `opencode serve` dies of Ctrl-C, and others exit.
 * Servers end with their stdin then, but what heeds neither that nor its process group would outlive OpenCode.
 */
import * as Mark from "@opencode-ai/mcp/process/mark"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** How often, and how many milliseconds each, those that were asked to end are waited for. */
const looks = 5
const pause = 100

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const
const closers = new Set<() => Promise<unknown>>()
let isEnding = false

/** Where the platform lets nobody look without waiting, there is nothing to be done. */
const left = () => Exit.match(Effect.runSyncExit(Mark.own), { onFailure: () => [], onSuccess: (found) => found })

/** Ends what is left of all servers, before it returns. */
const endNow = () => {
  const signal = (name: NodeJS.Signals) => {
    for (const { pid } of left()) {
      Effect.runSyncExit(Effect.try({ try: () => process.kill(pid, name), catch: () => undefined }))
    }
  }
  if (left().length === 0) return
  signal("SIGTERM")
  const clock = new Int32Array(new SharedArrayBuffer(4))
  for (let look = 0; look < looks && left().length > 0; look++) Atomics.wait(clock, 0, 0, pause)
  signal("SIGKILL")
}

const onSignal = (signal: NodeJS.Signals) => {
  // Somebody else decides what it means: to stop a session, say. If it is to exit, `exit` follows.
  if (process.listenerCount(signal) > 1) return
  const die = () => {
    process.off(signal, onSignal)
    process.kill(process.pid, signal)
  }
  if (isEnding) {
    endNow()
    return die()
  }
  isEnding = true
  void Promise.allSettled([...closers].map((close) => close())).then(die)
}

/** Has `close` called when the process is about to end by a signal. Returns what takes that back. */
export const attach = (close: () => Promise<unknown>): (() => void) => {
  if (closers.size === 0) {
    for (const signal of signals) process.on(signal, onSignal)
    process.on("exit", endNow)
  }
  closers.add(close)
  return () => {
    closers.delete(close)
    if (closers.size > 0 || isEnding) return
    for (const signal of signals) process.off(signal, onSignal)
    process.off("exit", endNow)
  }
}
