/**
 * The processes that a local server started, and their end.
 *
 * A server's descendants are found by walking the process table before anything is ended, because a process whose
 * parent is gone can no longer be traced to it; its process group catches those that are started meanwhile. A process
 * is known by its id and its start time, so an id that was reused is never signalled. Zombies count as gone.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { systemDirectory } from "./program.ts"
import * as Windows from "./windows.ts"

/** One row of the process table. */
export interface ProcessRecord {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** Start time in the platform's own unit: only ever compared. */
  readonly started: string
}

const parseStat = (pid: string, stat: string): ProcessRecord | undefined => {
  // The second field is the command in parentheses and may hold spaces: what counts comes after the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [state, parent, group] = fields
  if (state === "Z" || state === "X" || parent === undefined || group === undefined) return undefined
  return { pid: Number(pid), parent: Number(parent), group: Number(group), started: fields[19] ?? "" }
}

/** A living process by Linux's files; it may have ended since it was listed. */
export const readOne = (pid: string): Effect.Effect<ProcessRecord | undefined> =>
  Effect.try({
    try: () => parseStat(pid, readFileSync(`/proc/${pid}/stat`, "latin1")),
    catch: () => undefined,
  }).pipe(Effect.orElseSucceed(() => undefined))

const readProc: Effect.Effect<ReadonlyArray<ProcessRecord>> = Effect.suspend(() =>
  Effect.forEach(
    readdirSync("/proc").filter((name) => /^\d+$/.test(name)),
    readOne,
  ),
).pipe(Effect.map((records) => records.filter((record) => record !== undefined)))

/** A start time as `ps` writes it (`lstart`), alone or as the last column, which may be padded. */
export const parseStarted = (output: string): string => output.trim().replace(/\s+/g, " ")

/** The columns `pid`, `ppid`, `pgid`, `stat` and `lstart` of `ps`, without a heading. */
export const parsePs = (output: string): ReadonlyArray<ProcessRecord> =>
  output.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line)
    if (match === null || (match[4] ?? "").startsWith("Z")) return []
    const started = parseStarted(match[5] ?? "")
    return [{ pid: Number(match[1]), parent: Number(match[2]), group: Number(match[3]), started }]
  })

/** What a program prints; empty where it fails. */
const outputOf = ([file, args]: Windows.Command): Effect.Effect<string> =>
  Effect.callback((resume) => {
    execFile(file, args, { windowsHide: true, maxBuffer: 16 * 1024 * 1024 }, (error, stdout) =>
      resume(Effect.succeed(error === null ? stdout : "")),
    )
  })

/** Many servers that end at the same time ask once: it takes half a second there. */
const windowsTable = Effect.runSync(
  Effect.cachedWithTTL(
    Effect.map(
      Effect.suspend(() => outputOf(Windows.listCommand(systemDirectory()))),
      Windows.parseList,
    ),
    50,
  ),
)

/** Every living process. Empty where the platform does not tell. */
export const processTable: Effect.Effect<ReadonlyArray<ProcessRecord>> = Effect.suspend(() => {
  switch (process.platform) {
    case "linux":
      return readProc
    case "win32":
      return windowsTable
    default:
      return Effect.map(outputOf(["ps", ["-axo", "pid=,ppid=,pgid=,stat=,lstart="]]), parsePs)
  }
})

/**
 * One look for all who ask before it is taken: fifty servers that end at the same time do not read the table fifty times
 * before the first of them is told, and nobody sees what was older than the question.
 */
export const together = <A>(look: Effect.Effect<A>): Effect.Effect<A> => {
  let next: Deferred.Deferred<A> | undefined
  return Effect.suspend(() => {
    if (next !== undefined) return Deferred.await(next)
    const taken = Deferred.makeUnsafe<A>()
    next = taken
    const take = Effect.suspend(() => {
      next = undefined
      return Deferred.into(look, taken)
    })
    // Whoever asked first looks for the others too, so it is not interrupted.
    return Effect.uninterruptible(Effect.yieldNow.pipe(Effect.andThen(take), Effect.andThen(Deferred.await(taken))))
  })
}

/** The processes that descend from `root`, and `root` itself, as the table has them. */
export const descendants = (table: ReadonlyArray<ProcessRecord>, root: number): ReadonlyArray<ProcessRecord> => {
  const found = new Map<number, ProcessRecord>()
  const visit = (pid: number) => {
    for (const record of table) {
      if (record.parent !== pid || found.has(record.pid)) continue
      found.set(record.pid, record)
      visit(record.pid)
    }
  }
  const self = table.find((record) => record.pid === root)
  if (self !== undefined) found.set(root, self)
  visit(root)
  return [...found.values()]
}

/**
 * Of the processes known before, those that still live, those that they started since, and the members of their groups.
 * A group outlives its leader and keeps its id from being given away; a process that has the id of a leader and another
 * start time shows that the group was gone, and the id given to a stranger.
 */
export const survivors = (
  table: ReadonlyArray<ProcessRecord>,
  known: ReadonlyArray<ProcessRecord>,
): ReadonlyArray<ProcessRecord> => {
  const byPid = new Map(table.map((record) => [record.pid, record]))
  const isSame = ({ pid, started }: ProcessRecord) => {
    const now = byPid.get(pid)
    return now !== undefined && (started === "" || now.started === started)
  }
  const groups = new Set(
    known
      .filter((record) => record.group === record.pid && (!byPid.has(record.pid) || isSame(record)))
      .map(({ pid }) => pid),
  )
  const alive = [...known.filter(isSame), ...table.filter(({ group }) => groups.has(group))]
  const all = new Map(alive.flatMap((record) => descendants(table, record.pid)).map((record) => [record.pid, record]))
  return [...all.values()]
}

/** How often a process that should end is looked at, in milliseconds. */
const pollInterval = 20

/** How processes are seen and ended. */
export interface System {
  /** Whether there are neither groups nor signals. */
  readonly isWindows: boolean
  readonly table: Effect.Effect<ReadonlyArray<ProcessRecord>>
  /** The same as it was a moment ago: for those who look again and again, and may be many. */
  readonly lately: Effect.Effect<ReadonlyArray<ProcessRecord>>
  /** Signals a process, which may have ended meanwhile. */
  readonly signal: (pid: number, name: NodeJS.Signals) => Effect.Effect<void>
  readonly run: (command: Windows.Command) => Effect.Effect<unknown>
}

const here: System = {
  isWindows: process.platform === "win32",
  table: together(processTable),
  lately: Effect.runSync(Effect.cachedWithTTL(processTable, pollInterval / 2)),
  signal: (pid, name) => Effect.ignore(Effect.try({ try: () => process.kill(pid, name), catch: () => undefined })),
  run: outputOf,
}

/** Signals each of them. */
export const signalAll = (
  records: ReadonlyArray<ProcessRecord>,
  name: NodeJS.Signals,
  system = here,
): Effect.Effect<void> => Effect.forEach(records, (record) => system.signal(record.pid, name), { discard: true })

/** Waits until none of them lives, or for `bound` milliseconds; gives those that do. */
export const awaitGone = (
  known: ReadonlyArray<ProcessRecord>,
  bound: number,
  system = here,
): Effect.Effect<ReadonlyArray<ProcessRecord>> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    let left = survivors(yield* system.table, known)
    while (left.length > 0 && (yield* Clock.currentTimeMillis) - began < bound) {
      yield* Effect.sleep(pollInterval)
      left = survivors(yield* system.lately, known)
    }
    return left
  })

/** The bounds of an ending, in milliseconds. */
export interface Grace {
  /** Between the end of stdin and SIGTERM. */
  readonly stdin: number
  /** Between SIGTERM and SIGKILL. */
  readonly term: number
}

/** A server that heeds the end of its stdin does so at once; heeding SIGTERM may take a while (Lifecycle, Shutdown). */
export const defaultGrace: Grace = { stdin: 1_000, term: 2_000 }

/**
 * The leader of a group as it was when it was started. Where `ps` tells its start time, that is filled in when it has,
 * because a connection does not wait for it; empty until then, and where the platform does not tell.
 */
export const leader = (pid: number): Effect.Effect<ProcessRecord> =>
  Effect.gen(function* () {
    const own = { pid, parent: process.pid, group: pid, started: "" }
    if (process.platform === "linux") own.started = (yield* readOne(String(pid)))?.started ?? ""
    else if (process.platform !== "win32") {
      execFile("ps", ["-o", "lstart=", "-p", String(pid)], (error, stdout) => {
        if (error === null) own.started = parseStarted(stdout)
      })
    }
    return own
  })

interface Ending {
  /** See `leader`. */
  readonly root: ProcessRecord
  readonly closeStdin: Effect.Effect<void>
  /** Ends when the process itself has ended. */
  readonly exited: Effect.Effect<void>
  readonly grace: Grace
  /** What it started that cannot be traced to it by parents. Default: nothing. */
  readonly strays?: Effect.Effect<ReadonlyArray<ProcessRecord>> | undefined
}

const endBySignals = (ending: Ending, system: System): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { closeStdin, exited, grace, root, strays = Effect.succeed([]) } = ending
    let known = [root, ...survivors(yield* system.table, [root]), ...(yield* strays)]
    /** Those that live, and what was started meanwhile: at its end a server may start what leaves it at once. */
    const look = Effect.gen(function* () {
      known = [...known, ...(yield* strays)]
      return survivors(yield* system.table, known)
    })
    yield* closeStdin
    yield* exited.pipe(Effect.timeoutOption(grace.stdin))
    let left = yield* look
    if (left.length === 0) return
    yield* signalAll(left, "SIGTERM", system)
    yield* awaitGone([...known, ...left], grace.term, system)
    left = yield* look
    if (left.length === 0) return
    yield* signalAll(left, "SIGKILL", system)
    yield* awaitGone([...known, ...left], 1_000, system)
  })

/** Without signals: nobody can be asked to end but by stdin. */
const endOnWindows = ({ closeStdin, exited, grace, root }: Ending, system: System): Effect.Effect<void> =>
  Effect.gen(function* () {
    const descends = descendants(yield* system.table, root.pid).filter(({ pid }) => pid !== root.pid)
    yield* closeStdin
    const ended = yield* exited.pipe(Effect.timeoutOption(grace.stdin))
    // Until we have heard that it ended, its id is its own.
    if (Option.isNone(ended)) yield* system.run(Windows.endTreeCommand(systemDirectory(), root.pid))
    if (descends.length === 0) return
    const left = survivors(yield* system.table, descends).map(({ pid }) => pid)
    if (left.length > 0) yield* system.run(Windows.endCommand(systemDirectory(), left))
  })

/**
 * Ends a process and all that descends from it: closes stdin and waits, SIGTERM and waits, SIGKILL. Ends when nothing
 * is left, or when even SIGKILL has had its second. Timed by the real clock, whatever clock the program runs on:
 * a process does not live in simulated time. `system` is this machine unless a test says otherwise.
 */
export const endTree = (ending: Ending, system = here): Effect.Effect<void> =>
  (system.isWindows ? endOnWindows : endBySignals)(ending, system).pipe(
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
    Effect.uninterruptible,
  )
