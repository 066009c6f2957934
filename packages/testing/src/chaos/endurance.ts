/**
 * A long run without harm but for connections that are lost: so many calls, and among them so many lost connections, and
 * what this process holds meanwhile, which may not grow.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Mcp } from "@opencode-ai/mcp"
import { config } from "../client.ts"
import { type Server, tagOf } from "./faults.ts"
import { leavesNothing } from "./leaves-nothing.ts"
import * as Residue from "./residue.ts"
import { executedBy, gone, type Servers, signal } from "./servers.ts"
import { textOf } from "./step.ts"

export interface EnduranceOptions {
  readonly calls: number
  readonly reconnects: number
  /** Is told how many calls were answered, and how many connections lost. */
  readonly onRound?: (calls: number, reconnects: number) => void
}

export interface Endured {
  readonly calls: number
  readonly reconnects: number
  /** Handshakes over HTTP, and processes of the local server, that came of it. */
  readonly sessions: number
  readonly processes: number
  /** After each tenth, once this process had warmed up. */
  readonly memory: ReadonlyArray<ReturnType<typeof Residue.memory>>
}

export class NotEndured extends Data.TaggedError("NotEndured")<{ readonly what: string }> {
  override get message(): string {
    return this.what
  }
}

/** Calls that are under way at once. */
const atOnce = 64

/** Looks at memory, of which the first is taken for what is held anyway. */
const looks = 10

/**
 * What may be held more after the last tenths than after the first ones, in bytes: of the heap 40 for each of 100,000 calls.
 * RSS is as much the runtime's affair as ours.
 */
const growth = { heap: 4 * 1024 * 1024, rss: 64 * 1024 * 1024 }

/** A look at memory is right or too much: the least of so many counts. */
const least = 3

/** Milliseconds after which a server is not coming back. */
const usableWithin = 60_000

/** A connection is lost, in one of the ways in which that happens. */
interface Loss {
  readonly server: Server
  readonly happens: Effect.Effect<unknown, unknown>
}

const lossesOf = (mcp: Mcp["Service"], { localPid, remote, sse }: Servers): ReadonlyArray<Loss> => {
  const forgotten: Loss = { server: "remote", happens: Effect.sync(remote.proxy.forget) }
  const left = (server: Server): Loss => ({
    server,
    happens: Effect.andThen(mcp.disconnect(server), mcp.connect(server)),
  })
  const killed = Effect.suspend(() => {
    const pid = localPid()
    signal(pid, "SIGKILL")
    return gone(pid)
  })
  return [
    forgotten,
    { server: "remote", happens: Effect.sync(remote.proxy.cut) },
    { server: "sse", happens: Effect.sync(sse.proxy.cut) },
    left("remote"),
    forgotten,
    left("local"),
    left("sse"),
    // Processes are the slowest of them.
    forgotten,
    { server: "sse", happens: Effect.sync(sse.proxy.cut) },
    left("remote"),
    forgotten,
    { server: "local", happens: killed },
  ]
}

const order: readonly [Server, ...ReadonlyArray<Server>] = ["local", "remote", "local", "remote", "sse"]

const live = (options: EnduranceOptions, servers: Servers): Effect.Effect<Endured, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { calls, reconnects } = options
    const scope = yield* Effect.scope
    const mcp = Context.get(yield* Layer.buildWithScope(Mcp.layer({ directory: process.cwd() }), scope), Mcp)
    yield* Effect.forEach(["local", "remote", "sse"] as const, (server) =>
      mcp.add(config(server, servers.entries[server])),
    )
    const losses = lossesOf(mcp, servers)
    const memory: Array<ReturnType<typeof Residue.memory>> = []
    const done = { calls: 0, losses: 0 }
    let asked = 0

    const call = (server: Server) =>
      Effect.suspend(() => {
        asked += 1
        const tag = tagOf(asked, "none")
        return Effect.flatMap(mcp.callTool(server, "count", { tag, payload: server }), ({ content }) =>
          textOf(content) === `${tag} ${server}`
            ? Effect.succeed(tag)
            : Effect.fail(new NotEndured({ what: `${tag} got an answer that is not its own: ${textOf(content)}` })),
        )
      })

    /** The first call after a loss may fail: it may have been on its way. */
    const served = (server: Server): Effect.Effect<void> =>
      Effect.flatMap(Effect.exit(call(server)), (exit) =>
        Exit.isSuccess(exit) ? Effect.void : Effect.andThen(Effect.sleep(20), served(server)),
      )

    const lose = Effect.suspend(() => {
      const loss = losses[done.losses % losses.length]
      done.losses += 1
      if (loss === undefined) return Effect.void
      return Effect.timeoutOrElse(Effect.andThen(loss.happens, served(loss.server)), {
        duration: usableWithin,
        orElse: () =>
          Effect.fail(new NotEndured({ what: `${loss.server} did not come back from loss ${done.losses}` })),
      })
    })

    const round = Effect.gen(function* () {
      const size = Math.min(Math.max(atOnce, Math.ceil(calls / Math.max(reconnects, 1))), calls - done.calls)
      const tags = yield* Effect.forEach(
        Array.from({ length: size }, (_, at) => order[at % order.length] ?? order[0]),
        call,
        { concurrency: atOnce },
      )
      done.calls += size
      while (done.losses < reconnects && done.losses * calls < done.calls * reconnects) yield* lose
      const executed = executedBy(servers)
      const once = new Set(executed)
      const missing = tags.find((tag) => !once.has(tag))
      if (missing !== undefined) return yield* new NotEndured({ what: `${missing} was answered and not executed` })
      if (once.size < executed.length) return yield* new NotEndured({ what: "a call was executed twice" })
    })

    while (done.calls < calls) {
      yield* round
      options.onRound?.(done.calls, done.losses)
      if (done.calls >= ((memory.length + 1) * calls) / looks) memory.push(Residue.memory())
    }
    for (const name of ["heap", "rss"] as const) {
      const held = memory.map((look) => look[name])
      const grown = Math.min(...held.slice(-least)) - Math.min(...held.slice(0, least))
      if (grown <= growth[name]) continue
      return yield* new NotEndured({ what: `${name} grew by ${Math.round(grown / 1024 / 1024)} MB: ${held.join(" ")}` })
    }
    const sessions = [servers.remote, servers.sse].reduce((sum, { proxy }) => sum + proxy.count().initialize, 0)
    return {
      calls: done.calls,
      reconnects: done.losses,
      sessions,
      processes: servers.logs.local.processes().length,
      memory,
    }
  })

/** Runs; fails with what was wrong. */
export const endure = (options: EnduranceOptions): Effect.Effect<Endured, unknown> =>
  leavesNothing(
    (servers) => live(options, servers),
    (what) => new NotEndured({ what }),
  )
