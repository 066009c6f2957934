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
import { type Server, tagIn, tagOf } from "./faults.ts"
import { isAlive } from "../peers/alive.ts"
import { leavesNothing } from "./leaves-nothing.ts"
import { type Batch, type Listener, plan, type Step } from "./plan.ts"
import * as Residue from "./residue.ts"
import { executedBy, type Servers } from "./servers.ts"
import { endOf, fateOf, take, textOf, wrong } from "./step.ts"

/** Something happened that may never. */
export class Violation extends Data.TaggedError("Violation")<{
  readonly seed: number
  readonly step: number
  /** The last step of its batch: so many steps lead to it again. */
  readonly through: number
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
  /** The batches that end before this step are left out. Default: none. */
  readonly from?: number
  /** Is told how far it is. */
  readonly onBatch?: (steps: number) => void
}

const all: ReadonlyArray<Server> = ["local", "remote", "sse"]
const listeners: ReadonlyArray<Listener> = ["remote", "sse"]

/** Milliseconds after which a step is taken for one that never ends, and a server for one that is not coming back. */
const hang = 120_000
const usableWithin = 60_000

/** Every so many batches it is seen whether subscriptions still hold. */
const standingEvery = 10

/** What may be held at the end more than after a tenth of the run, in bytes. */
const heapGrowth = 32 * 1024 * 1024
const rssGrowth = 192 * 1024 * 1024

/**
 * How many fibres, timers, sockets and listeners there may be between two batches more than after the first ones. What a
 * batch has cancelled takes a second to be gone.
 */
const piles = 60

/** How many of the client's warnings and statuses a violation tells. */
const kept = 15

const standing = "test://item/standing"

/** What a step that did not fail counts as. */
const nameOf = ({ action }: Step) => (action.kind === "cancel" ? "cancelled" : "answered")

const make = (options: RunOptions, servers: Servers, mcp: Mcp["Service"], holds: () => Residue.Holds) => {
  const { seed } = options
  const outcomes = new Map<string, number>()
  const executions = new Map<number, number>()
  let probes = options.steps
  let at = 0
  /** What the client said last: it stands beside what was wrong. */
  const said: Array<string> = []
  const stop = mcp.listen(({ data, type }) => {
    if (type !== "mcp.warning" && type !== "mcp.status.changed") return
    said.push(`    step ${at}: ${type} ${JSON.stringify(data)}`.slice(0, 400))
    if (said.length > kept) said.shift()
  })
  const violation = (what: string, step = at) =>
    new Violation({ seed, step, through: at, what: [what, ...said].join("\n") })

  const tally = (name: string) => outcomes.set(name, (outcomes.get(name) ?? 0) + 1)

  /** Reads what was executed; fails where something was twice, and at once where it cannot have been asked for. */
  const account = Effect.suspend(() => {
    for (const tag of executedBy(servers)) {
      const found = tagIn(tag)
      if (found === undefined) return Effect.fail(violation(`something was executed that nobody asked for: ${tag}`))
      const times = (executions.get(found.number) ?? 0) + 1
      executions.set(found.number, times)
      if (times > 1) return Effect.fail(violation(`${tag} was executed twice`, found.number))
    }
    return Effect.void
  })

  /** A plain call succeeds: at once where nothing happened to the server, soon where something did. */
  const usable = (server: Server, calm: boolean): Effect.Effect<void, Violation> => {
    let why = ""
    const attempt = Effect.suspend(() => {
      probes += 1
      const tag = tagOf(probes, "none")
      const call = mcp.callTool(server, "count", { tag, payload: server }, { timeout: calm ? hang : 10_000 })
      return Effect.exit(
        Effect.filterOrFail(
          call,
          ({ content }) => textOf(content) === `${tag} ${server}`,
          ({ content }) => new Error(`an answer that is not its own: ${textOf(content)}`),
        ),
      )
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

  const asked = () => listeners.map((server) => ({ server, count: servers[server].proxy.count() }))

  /** No more is asked than the steps give reason to. */
  const noStorm = (batch: Batch, before: ReturnType<typeof asked>) =>
    Effect.suspend(() => {
      const steps = batch.steps.length
      for (const { count, server } of before) {
        const after = servers[server].proxy.count()
        const amount = (name: keyof typeof after) => after[name] - count[name]
        // In a calm batch one session may be forgotten. Each attempt over HTTP+SSE asks first whether it is to be.
        const begun = batch.calm ? (server === "remote" ? 1 : 0) : 12 + steps / 2
        if (amount("initialize") > begun) {
          return Effect.fail(violation(`${server}: ${amount("initialize")} handshakes`))
        }
        if (amount("gets") > 20 + 4 * steps) {
          return Effect.fail(violation(`${server}: a storm of ${amount("gets")} GETs`))
        }
        if (amount("requests") > 60 + 12 * steps) {
          return Effect.fail(violation(`${server}: a storm of ${amount("requests")} requests`))
        }
      }
      return Effect.void
    })

  /** What was left after the first batches. */
  let usual: Residue.Holds | undefined

  /** Between two batches a client holds as much as before them, and of each local server one process. */
  const nothingPiledUp = (index: number) =>
    Effect.suspend(() => {
      const processes = servers.logs.local.processes().filter(isAlive)
      if (processes.length > 1) return Effect.fail(violation(`local runs ${processes.length} times`))
      const now = holds()
      if (index <= 3 || usual === undefined) usual = now
      for (const name of Residue.held) {
        const grown = now[name] - usual[name]
        if (grown > piles) return Effect.fail(violation(`${grown} more ${name} than after the first batches`))
      }
      return Effect.void
    })

  /** What is refused or lost is sent once more, at most. */
  const noOftener = (step: Step) =>
    step.server === "local" || servers[step.server].proxy.tries(step.number) <= (fateOf(step).later === true ? 3 : 2)

  const one = (step: Step, calm: boolean) => Effect.exit(Effect.timeoutOption(take(mcp, servers, step, calm), hang))

  return {
    outcomes,
    begin: Effect.gen(function* () {
      for (const server of all) {
        const status = yield* mcp.add(config(server, servers.entries[server]))
        if (status.status !== "connected")
          return yield* violation(`${server} did not connect: ${JSON.stringify(status)}`)
      }
      yield* Effect.forEach(all, (server) => mcp.subscribe(server, standing), { discard: true })
    }),
    batch: (batch: Batch, index: number) =>
      Effect.gen(function* () {
        const before = asked()
        at = batch.steps.at(-1)?.number ?? at
        const exits = yield* Effect.forEach(batch.steps, (step) => one(step, batch.calm), {
          concurrency: "unbounded",
        })
        yield* Effect.forEach(all, (server) => usable(server, batch.calm), { discard: true })
        yield* account
        for (const [position, step] of batch.steps.entries()) {
          const exit = exits[position]
          if (exit === undefined) continue
          const end = endOf(exit)
          const named = `${step.server} ${JSON.stringify(step.action)} ${step.fault}`
          if (!noOftener(step)) return yield* violation(`${named}: was sent too often`, step.number)
          const what = wrong(step, end, batch.calm, executions.get(step.number) ?? 0)
          if (what !== undefined) return yield* violation(`${named}: ${what}`, step.number)
          tally(end.kind === "failed" ? String(end.reason) : nameOf(step))
        }
        yield* noStorm(batch, before)
        yield* nothingPiledUp(index)
        if (index % standingEvery === 0) yield* Effect.forEach(all, subscribed, { discard: true })
      }),
    /** Nothing is executed after the end, either. */
    end: Effect.ensuring(account, Effect.sync(stop)),
    violation,
  }
}

/** What is asked and looked for while the servers are there. */
const live = (
  options: RunOptions,
  servers: Servers,
  holds: () => Residue.Holds,
): Effect.Effect<Report, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { from = 0, seed, steps } = options
    const scope = yield* Effect.scope
    const mcp = Context.get(yield* Layer.buildWithScope(Mcp.layer({ directory: process.cwd() }), scope), Mcp)
    const course = make(options, servers, mcp, holds)
    yield* course.begin
    let first: Memory | undefined
    let done = 0
    let index = 0
    for (const batch of plan(seed, steps)) {
      index += 1
      done += batch.steps.length
      if (done < from) continue
      yield* course.batch(batch, index)
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
    const sessions = listeners.reduce((sum, server) => sum + servers[server].proxy.count().initialize, 0)
    return {
      seed,
      steps,
      outcomes: course.outcomes,
      sessions,
      processes: servers.logs.local.processes().length,
      memory,
    }
  })

/** Runs; fails with the first violation. */
export const run = (options: RunOptions): Effect.Effect<Report, unknown> => {
  const { seed, steps } = options
  return leavesNothing(
    (servers, holds) => live(options, servers, holds),
    (what) => new Violation({ seed, step: steps, through: steps, what }),
  )
}
