/**
 * The frame of a command that lives for one question: reads the configuration, asks for approvals where somebody can
 * answer, starts the servers that are needed, and closes them afterwards.
 */
import { Mcp } from "@opencode-ai/mcp/mcp"
import type { Event } from "@opencode-ai/mcp/events"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import { Config, type ConfigError, type Server, type Snapshot } from "../config/config.ts"
import { Trust, type TrustError } from "../trust/trust.ts"
import type { CliFailure, ExitCode } from "./failure.ts"
import type { McpError } from "@opencode-ai/mcp/error"
import { configured, find, type Options } from "./configuration.ts"
import { Output } from "./output.ts"
import * as Runtime from "./runtime.ts"
import * as Text from "./text.ts"

/**
 * Asks for each server that is not approved yet, one after another, before anything is started. `off`: also for those that
 * are switched off.
 */
export const approve = (snapshot: Snapshot, wanted: (name: string) => boolean, off = false) =>
  Effect.gen(function* () {
    const output = yield* Output
    if (!output.interactive()) return
    const trust = yield* Trust
    for (const server of snapshot.servers) {
      if (!wanted(server.name) || server.config === undefined || !(off || server.config.enabled)) continue
      if (yield* trust.isApproved(server, snapshot.directory)) continue
      const { confirmTrust } = yield* Effect.promise(() => import("./ask.ts"))
      if (yield* confirmTrust(server, snapshot.directory)) yield* trust.approve(server, snapshot.directory)
    }
  })

/** Says the warnings of servers, and with `--log-level` what else they tell. */
const tell = (event: Event): Effect.Effect<void, never, Output> =>
  Effect.flatMap(Output, (output) => {
    const { data, type } = event
    const name = output.err.paint("dim", Text.oneLine(data.server))
    if (event.type === "mcp.warning") return output.warn(`${Text.oneLine(data.server)}: ${event.data.message}`)
    if (event.type === "mcp.log" && output.says("info")) {
      const { data: what, level } = event.data
      return output.say(`${level}: ${name} ${Text.harmless(typeof what === "string" ? what : JSON.stringify(what))}`)
    }
    if (event.type === "mcp.stderr" && output.says("debug")) {
      return output.say(`stderr: ${name} ${Text.harmless(event.data.line)}`)
    }
    return output.says("debug") && type !== "mcp.progress"
      ? output.say(`debug: ${name} ${type} ${Text.harmless(JSON.stringify(data))}`)
      : Effect.void
  })

/** Takes each event as it happens. */
export type Listener = (event: Event) => void

const listening = (listener: Listener): Effect.Effect<void, never, Mcp | Scope.Scope> =>
  Effect.flatMap(Mcp, (mcp) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => mcp.listen(listener)),
        (stop) => Effect.sync(stop),
      ),
    ),
  )

/** Runs `use` with the servers of the shell that it was typed in. */
const within = <E>(
  running: Context.Context<Runtime.Services>,
  use: (snapshot: Snapshot) => Effect.Effect<ExitCode, E, Runtime.Services | Output | Environment | Scope.Scope>,
  listener: Listener | undefined,
) =>
  Effect.gen(function* () {
    if (listener !== undefined) yield* listening(listener)
    return yield* use(yield* (yield* Config).get)
  }).pipe(Effect.scoped, Effect.provideContext(running))

/** The servers that a command needs: one by its name, those that fit, or all. */
export type Wanted = string | ((server: Server) => boolean) | undefined

/**
 * Runs `use` while the servers connect: all of them, those that fit, or the one that is named, which must be configured.
 *
 * What happens before `use` has an answer is told afterwards, so that it does not write into what moves; unless
 * `listener` takes every event itself.
 */
export const withServers = <E>(
  options: Options,
  server: Wanted,
  use: (snapshot: Snapshot) => Effect.Effect<ExitCode, E, Runtime.Services | Output | Environment | Scope.Scope>,
  listener?: Listener,
): Effect.Effect<ExitCode, E | ConfigError | McpError | TrustError | CliFailure, Output | Environment> =>
  Effect.gen(function* () {
    const running = yield* Runtime.Running
    if (running !== undefined) return yield* within(running, use, listener)
    return yield* withOwn(options, server, use, listener)
  })

const withOwn = <E>(
  options: Options,
  server: Wanted,
  use: (snapshot: Snapshot) => Effect.Effect<ExitCode, E, Runtime.Services | Output | Environment | Scope.Scope>,
  listener: Listener | undefined,
) =>
  Effect.gen(function* () {
    const snapshot = yield* configured
    if (typeof server === "string") yield* find(snapshot, server)
    const fitting =
      typeof server === "function" ? new Set(snapshot.servers.filter(server).map(({ name }) => name)) : undefined
    const wanted = (name: string) => fitting?.has(name) ?? (server === undefined || name === server)
    yield* approve(snapshot, wanted)
    return yield* Effect.gen(function* () {
      const output = yield* Output
      const events: Array<Event> = []
      yield* listening((event) => {
        if (listener !== undefined) return listener(event)
        if (event.type === "mcp.elicitation.completed" && output.interactive()) {
          output.floor.clear()
          output.draw(`${Text.oneLine(event.data.server)} says that the visit is over.\n`)
        }
        if (event.type === "mcp.warning" || output.says("info")) events.push(event)
      })
      yield* Runtime.start({ only: wanted })
      return yield* Effect.ensuring(
        use(snapshot),
        Effect.suspend(() => Effect.forEach(events, tell, { discard: true })),
      )
    }).pipe(Effect.scoped, Effect.provide(Runtime.servers(options, Runtime.person(options, yield* Output))))
  }).pipe(Effect.provide(Runtime.configuration(options)))

/** What the platform gives every command. */
export type Environment = FileSystem.FileSystem | Path.Path
