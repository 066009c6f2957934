/**
 * A run: the client, its servers, and steps until there are no more or something is wrong. After each batch of steps that
 * were taken at once, what may never be is looked for; at the end, what was left behind.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Mcp } from "@opencode-ai/mcp"
import { config } from "../client.ts"
import { isAlive } from "../peers/alive.ts"
import { temporaryDirectory } from "../recording.ts"
import { tagIn, tagOf } from "./faults.ts"
import { type Batch, plan, type Server, type Step } from "./plan.ts"
import * as Residue from "./residue.ts"
import { type Servers, servers as startServers } from "./servers.ts"
import { reasonOf, take, wrong } from "./step.ts"

/** Something happened that may never. */
export class Violation extends Data.TaggedError("Violation")<{
  readonly seed: number
  readonly step: number
  readonly what: string
}> {
  override get message(): string {
    return `seed ${this.seed}, step ${this.step}: ${this.what}`
  }
}

export interface Report {
  readonly seed: number
  readonly steps: number
  /** How many steps ended how: `answered`, `cancelled`, or the reason of the failure. */
  readonly outcomes: ReadonlyMap<string, number>
  /** Handshakes over HTTP, and processes of the local server. */
  readonly sessions: number
  readonly processes: number
  /** After a tenth of the batches and at the end, in bytes. */
  readonly memory: readonly [before: Memory, after: Memory]
}

type Memory = ReturnType<typeof Residue.memory>

export interface RunOptions {
  readonly seed: number
  readonly steps: number
  /** Is told how far it is. */
  readonly onBatch?: (steps: number) => void
}

const both: ReadonlyArray<Server> = ["local", "remote"]

/** Milliseconds after which a step is taken for one that never ends, and a server for one that is not coming back. */
const hang = 120_000
const usableWithin = 60_000

/** Every so many batches it is seen whether subscriptions still hold. */
const standingEvery = 10

/** What may be held at the end more than after a tenth of the run, in bytes. */
const heapGrowth = 32 * 1024 * 1024
const rssGrowth = 192 * 1024 * 1024

const standing = "test://item/standing"

const make = (options: RunOptions, servers: Servers, mcp: Mcp["Service"]) => {
  const { seed } = options
  const outcomes = new Map<string, number>()
  const executions = new Map<number, number>()
  let probes = options.steps
  let at = 0
  const violation = (what: string) => new Violation({ seed, step: at, what })

  const tally = (name: string) => outcomes.set(name, (outcomes.get(name) ?? 0) + 1)

  /** Reads what was executed; fails where something was twice, and at once where it cannot have been asked for. */
  const account = Effect.suspend(() => {
    for (const tag of [...servers.log.executed(), ...servers.remoteLog.executed()]) {
      const found = tagIn(tag)
      if (found === undefined) return Effect.fail(violation(`something was executed that nobody asked for: ${tag}`))
      const times = (executions.get(found.number) ?? 0) + 1
      executions.set(found.number, times)
      if (times > 1) return Effect.fail(new Violation({ seed, step: found.number, what: `${tag} was executed twice` }))
    }
    return Effect.void
  })

  /** A plain call succeeds: at once where nothing happened to the server, soon where something did. */
  const usable = (server: Server, calm: boolean): Effect.Effect<void, Violation> => {
    let why = ""
    const attempt = Effect.suspend(() => {
      probes += 1
      const tag = tagOf(probes, "none")
      return Effect.exit(mcp.callTool(server, "count", { tag, payload: "" }, { timeout: calm ? hang : 10_000 }))
    })
    const again: Effect.Effect<void> = Effect.flatMap(attempt, (exit) => {
      if (Exit.isSuccess(exit)) return Effect.void
      why = String(exit.cause)
      return calm ? Effect.never : Effect.andThen(Effect.sleep(20), again)
    })
    return Effect.timeoutOrElse(again, {
      duration: calm ? 20_000 : usableWithin,
      orElse: () => Effect.fail(violation(`${server} was not usable any more: ${why}`)),
    })
  }

  /** A subscription of the beginning holds, through all sessions since. */
  const subscribed = (server: Server): Effect.Effect<void, Violation> =>
    Effect.callback<void>((resume) => {
      const stop = mcp.listen(({ data, type }) => {
        if (type === "mcp.resource.updated" && data.server === server && data.uri === standing) resume(Effect.void)
      })
      return Effect.sync(stop)
    }).pipe(
      Effect.raceFirst(
        Effect.forever(
          Effect.andThen(Effect.exit(mcp.callTool(server, "touch", { uri: standing })), Effect.sleep(200)),
        ),
      ),
      Effect.timeoutOrElse({
        duration: usableWithin,
        orElse: () => Effect.fail(violation(`${server} says nothing of what was subscribed to`)),
      }),
    )

  /** No more is asked than the steps give reason to. */
  const noStorm = (batch: Batch, before: ReturnType<Servers["remote"]["proxy"]["count"]>) =>
    Effect.suspend(() => {
      const after = servers.remote.proxy.count()
      const steps = batch.steps.length
      const amount = (name: keyof typeof after) => after[name] - before[name]
      const begun = batch.calm ? 1 : 12 + steps / 2
      if (amount("initialize") > begun) return Effect.fail(violation(`${amount("initialize")} handshakes`))
      if (amount("gets") > 20 + 4 * steps) return Effect.fail(violation(`a storm of ${amount("gets")} GETs`))
      if (amount("requests") > 60 + 12 * steps)
        return Effect.fail(violation(`a storm of ${amount("requests")} requests`))
      return Effect.void
    })

  const one = (step: Step, calm: boolean) => Effect.exit(Effect.timeoutOption(take(mcp, servers, step, calm), hang))

  return {
    outcomes,
    begin: Effect.gen(function* () {
      for (const server of both) {
        const status = yield* mcp.add(config(server, servers.entries[server]))
        if (status.status !== "connected")
          return yield* violation(`${server} did not connect: ${JSON.stringify(status)}`)
      }
      yield* Effect.forEach(both, (server) => mcp.subscribe(server, standing), { discard: true })
    }),
    batch: (batch: Batch, index: number) =>
      Effect.gen(function* () {
        const before = servers.remote.proxy.count()
        const exits = yield* Effect.forEach(batch.steps, (step) => one(step, batch.calm), {
          concurrency: "unbounded",
        })
        at = batch.steps.at(-1)?.number ?? at
        yield* Effect.forEach(both, (server) => usable(server, batch.calm), { discard: true })
        yield* account
        for (const [position, step] of batch.steps.entries()) {
          const exit = exits[position]
          if (exit === undefined) continue
          const what = wrong(step, exit, batch.calm, executions.get(step.number) ?? 0)
          if (what !== undefined) {
            const named = `${step.server} ${JSON.stringify(step.action)} ${step.fault}`
            return yield* new Violation({ seed, step: step.number, what: `${named}: ${what}` })
          }
          tally(reasonOf(exit) ?? (step.action.kind === "cancel" ? "cancelled" : "answered"))
        }
        yield* noStorm(batch, before)
        if (index % standingEvery === 0) yield* Effect.forEach(both, subscribed, { discard: true })
      }),
    /** Nothing is executed after the end, either. */
    end: account,
    violation,
  }
}

/** What is asked and looked for while the servers are there. */
const live = (options: RunOptions, servers: Servers): Effect.Effect<Omit<Report, "processes">, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { seed, steps } = options
    const scope = yield* Effect.scope
    const mcp = Context.get(yield* Layer.buildWithScope(Mcp.layer({ directory: process.cwd() }), scope), Mcp)
    const course = make(options, servers, mcp)
    yield* course.begin
    let first: Memory | undefined
    let done = 0
    let index = 0
    for (const batch of plan(seed, steps)) {
      yield* course.batch(batch, (index += 1))
      done += batch.steps.length
      options.onBatch?.(done)
      if (done >= steps / 10) first ??= Residue.memory()
    }
    yield* course.end
    const memory = [first ?? Residue.memory(), Residue.memory()] as const
    const [before, after] = memory
    for (const [name, grown, limit] of [
      ["heap", after.heap - before.heap, heapGrowth],
      ["RSS", after.rss - before.rss, rssGrowth],
    ] as const) {
      if (grown > limit) return yield* course.violation(`the ${name} grew by ${Math.round(grown / 1024 / 1024)} MB`)
    }
    const sessions = servers.remote.proxy.count().initialize
    return { seed, steps, outcomes: course.outcomes, sessions, memory }
  })

/** Runs; fails with the first violation. */
export const run = (options: RunOptions): Effect.Effect<Report, unknown> =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    // Whoever started this may arm a timer of its own in the same breath.
    yield* Effect.yieldNow
    const before = yield* Residue.count
    const pids: Array<number> = []
    const report = yield* before.within(
      Effect.scoped(
        Effect.gen(function* () {
          const servers = yield* startServers(directory)
          yield* Effect.addFinalizer(() =>
            Effect.sync(() => void pids.push(...servers.log.processes(), ...servers.remoteLog.processes())),
          )
          const report = yield* Effect.scoped(live(options, servers))
          return { ...report, processes: servers.log.processes().length }
        }),
      ),
    )
    const left = [...pids.filter(isAlive).map((pid) => `the process ${pid}`), ...(yield* Residue.left(before))]
    if (left.length === 0) return report
    return yield* new Violation({ seed: options.seed, step: options.steps, what: `left behind: ${left.join(", ")}` })
  }).pipe(Effect.scoped)
