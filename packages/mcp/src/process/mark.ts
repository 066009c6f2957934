/**
 * Finds what a server started when its parents are gone: each process inherits a variable that names the server's start and
 * the process that started it. So those that left the group (`setsid`) are found after the server died by itself, and those
 * that this program left behind when it was killed are found by the next one.
 *
 * A server that inherits no environment gets no mark, and on Windows nobody can be asked for it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"
import { awaitGone, leader, type ProcessRecord, processTable, signalAll, together } from "./tree.ts"

/** The name of the variable. */
export const variable = "OPENCODE_MCP_OWNER"

/** A row of the process table and the mark that the process inherited. */
interface Marked extends ProcessRecord {
  readonly mark: string
}

/** Where process ids mean the same: those of another container, or another start of the machine, are others. */
export const space = Effect.orElseSucceed(
  Effect.try({
    try: () =>
      process.platform === "linux"
        ? `${readlinkSync("/proc/self/ns/pid")}${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}`
        : hostname(),
    catch: () => undefined,
  }),
  () => hostname(),
).pipe(Effect.map((text) => text.replace(/[^\w-]/g, "")))

const wordOf = (started: string): string => started.replace(/\s+/g, "_")

/** What the marks of this process have in common: the same for as long as it lives, so it is read once. */
const owner = Effect.runSync(
  Effect.cached(
    Effect.gen(function* () {
      const self = yield* leader(process.pid)
      return [yield* space, process.pid, wordOf(self.started)].join("/")
    }),
  ),
)

/** A mark of this process, for one start of one server. */
export const make: Effect.Effect<string> = Effect.map(owner, (prefix) => `${prefix}/${randomUUID()}`)

const markIn = (environment: string): string | undefined =>
  new RegExp(String.raw`(?:^|[\0 ])${variable}=([\w-]*/\d+/[^/\0 ]*/[\w-]+)`).exec(environment)?.[1]

// A process may end meanwhile, and those of others are nobody's business.
const readOne = ({ pid }: ProcessRecord): Effect.Effect<string | undefined> =>
  Effect.orElseSucceed(
    Effect.try({ try: () => markIn(readFileSync(`/proc/${pid}/environ`, "latin1")), catch: () => undefined }),
    () => undefined,
  )

const readPs: Effect.Effect<ReadonlyMap<number, string>> = Effect.callback((resume) => {
  execFile("ps", ["-axEww", "-o", "pid=,command="], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout) => {
    const rows = (error === null ? stdout : "").split("\n").flatMap((line) => {
      const mark = markIn(line)
      return mark === undefined ? [] : [[Number.parseInt(line, 10), mark] as const]
    })
    resume(Effect.succeed(new Map(rows)))
  })
})

/** Every process that has a mark. Empty where the platform does not tell. */
const all: Effect.Effect<ReadonlyArray<Marked>> = Effect.gen(function* () {
  if (process.platform === "win32") return []
  const table = yield* processTable
  const byPs = process.platform === "linux" ? undefined : yield* readPs
  const marks = yield* Effect.forEach(table, (row) =>
    byPs === undefined ? readOne(row) : Effect.succeed(byPs.get(row.pid)),
  )
  return table.flatMap((row, index) => {
    const mark = marks[index]
    return mark === undefined || row.pid === process.pid ? [] : [{ ...row, mark }]
  })
})

/** Servers that end at the same time are looked for at once. */
const marked = together(all)

/** Those that descend from one start of one server. */
export const startedAs = (mark: string): Effect.Effect<ReadonlyArray<ProcessRecord>> =>
  Effect.map(marked, (rows) => rows.filter((row) => row.mark === mark))

/** Those that descend from what this process started, whatever became of their parents. On Linux it waits for nothing. */
export const own: Effect.Effect<ReadonlyArray<ProcessRecord>> = Effect.gen(function* () {
  const prefix = `${yield* owner}/`
  return (yield* all).filter(({ mark }) => mark.startsWith(prefix))
})

/** Of `rows`, those whose owner lived in `here` and is not in the table any more, under its id and start time. */
export const abandoned = (
  rows: ReadonlyArray<Marked>,
  table: ReadonlyArray<ProcessRecord>,
  here: string,
): ReadonlyArray<ProcessRecord> =>
  rows.filter(({ mark }) => {
    const [where, pid, started] = mark.split("/")
    // Without a start time nobody can tell the owner from a stranger that has its id now.
    if (where !== here || started === undefined || started === "") return false
    return !table.some((row) => row.pid === Number(pid) && wordOf(row.started) === started)
  })

/** How long what was left behind may take to end, in milliseconds. */
const grace = 2_000

/** Ends what programs left behind that were killed before they could: SIGTERM, and then SIGKILL. Gives their number. */
export const sweep: Effect.Effect<number> = Effect.gen(function* () {
  const left = abandoned(yield* all, yield* processTable, yield* space)
  if (left.length === 0) return 0
  yield* signalAll(left, "SIGTERM")
  yield* signalAll(yield* awaitGone(left, grace), "SIGKILL")
  yield* awaitGone(left, grace)
  return left.length
}).pipe(Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()))
