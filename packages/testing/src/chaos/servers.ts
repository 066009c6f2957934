/** The servers of a chaos run, and what befalls them as processes. */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync, readSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as Scope from "effect/Scope"
import { isAlive } from "../peers/alive.ts"
import { poll } from "../polling.ts"
import type { Server } from "./faults.ts"
import { chaosProxy, type ChaosProxy } from "./proxy.ts"

const program = fileURLToPath(new URL("peer-main.ts", import.meta.url))

/** What the peers have written: which tools were executed, in which process each server is. */
export interface Log {
  readonly path: string
  /** The tags that were executed since it was asked last. */
  readonly executed: () => ReadonlyArray<string>
  /** Every process that there ever was, the last one last. */
  readonly processes: () => ReadonlyArray<number>
}

const openLog = (path: string): Effect.Effect<Log, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        writeFileSync(path, "")
        return openSync(path, "r")
      }),
      (file) => Effect.sync(() => closeSync(file)),
    ),
    (file) => {
      const processes: Array<number> = []
      const buffer = Buffer.alloc(64 * 1024)
      let rest = ""
      let tags: Array<string> = []
      const read = () => {
        for (let size = readSync(file, buffer); size > 0; size = readSync(file, buffer)) {
          const lines = (rest + buffer.toString("latin1", 0, size)).split("\n")
          rest = lines.pop() ?? ""
          for (const line of lines) {
            if (line.startsWith("process ")) processes.push(Number(line.slice(8)))
            else tags.push(line)
          }
        }
      }
      return {
        path,
        processes: () => {
          read()
          return processes
        },
        executed: () => {
          read()
          const found = tags
          tags = []
          return found
        },
      }
    },
  )

/** A server that listens, kept running as a supervisor would. */
export interface Listening {
  readonly proxy: ChaosProxy
  readonly pid: () => number
  /** Ends it, and starts the next one. */
  readonly restart: (signal: NodeJS.Signals) => Effect.Effect<void>
}

const started = (child: ChildProcess): Effect.Effect<string> =>
  Effect.callback((resume) => {
    let text = ""
    const look = (chunk: Buffer) => {
      text += chunk.toString()
      const url = /^listening (\S+)$/m.exec(text)?.[1]
      if (url !== undefined) resume(Effect.succeed(url))
    }
    child.stdout?.on("data", look)
    child.stderr?.on("data", look)
    child.once("exit", (code) => resume(Effect.die(new Error(`the peer ended with ${code}: ${text}`))))
  })

const ended = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

const listening = (kind: "http" | "sse", log: string): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.gen(function* () {
    const proxy = yield* chaosProxy(kind)
    let child: ChildProcess | undefined
    const stop = (signal: NodeJS.Signals) =>
      Effect.suspend(() => {
        const last = child
        proxy.upstream = undefined
        if (last === undefined) return Effect.void
        last.kill("SIGCONT")
        last.kill(signal)
        return ended(last)
      })
    const start = Effect.suspend(() => {
      const next = spawn(process.execPath, [program, kind, log], {
        stdio: ["pipe", "pipe", "pipe"],
        // Ctrl-C is for this program to follow; the peer ends with its stdin.
        detached: true,
      })
      next.stdin.on("error", () => undefined)
      child = next
      return Effect.map(started(next), (url) => {
        proxy.upstream = url
      })
    })
    // Two who restart it at once would start two.
    const turns = Semaphore.makeUnsafe(1)
    yield* Effect.acquireRelease(start, () => stop("SIGKILL"))
    return {
      proxy,
      pid: () => child?.pid ?? 0,
      restart: (signal) => turns.withPermit(Effect.uninterruptible(Effect.andThen(stop(signal), start))),
    }
  })

export interface Servers {
  /** What each has written. */
  readonly logs: Readonly<Record<Server, Log>>
  readonly remote: Listening
  readonly sse: Listening
  /** Entries of a configuration. */
  readonly entries: Readonly<Record<Server, object>>
  /** The process of the local server, which the client started; 0 where there is none. */
  readonly localPid: () => number
}

/** Starts what listens; the local one is for the client to start. All are gone with the Scope. */
export const servers = (directory: string): Effect.Effect<Servers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const log = (server: Server) => openLog(join(directory, `${server}.log`))
    const logs = { local: yield* log("local"), remote: yield* log("remote"), sse: yield* log("sse") }
    const remote = yield* listening("http", logs.remote.path)
    const sse = yield* listening("sse", logs.sse.path)
    return {
      logs,
      remote,
      sse,
      entries: {
        local: { type: "local", command: [process.execPath, program, "stdio", logs.local.path] },
        remote: { type: "remote", url: remote.proxy.url, oauth: false },
        sse: { type: "remote", url: sse.proxy.url, oauth: false },
      },
      localPid: () => {
        const pid = logs.local.processes().at(-1) ?? 0
        return pid > 0 && isAlive(pid) ? pid : 0
      },
    }
  })

/** What was executed since this was asked last, by all of them. */
export const executedBy = ({ logs }: Servers): ReadonlyArray<string> =>
  Object.values(logs).flatMap((log) => log.executed())

/** Every process that there ever was. */
export const processesOf = ({ logs }: Servers): ReadonlyArray<number> =>
  Object.values(logs).flatMap((log) => log.processes())

/** Sends a signal to a process that may have gone. */
export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    if (pid > 0) process.kill(pid, name)
  } catch {
    // It has gone.
  }
}

/** Waits until the process has gone. */
export const gone = (pid: number): Effect.Effect<true> => poll(() => (isAlive(pid) ? undefined : true))
