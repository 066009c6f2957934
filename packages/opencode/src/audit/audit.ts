/**
 * What was called, when, how it ended and who let it through: a line of JSON for each call of a tool, with the user's state.
 *
 * `$XDG_STATE_HOME/opencode/mcp-audit.jsonl`, mode 0600; beyond 10 MiB it becomes `mcp-audit.jsonl.1`, in place of the one
 * before. Secrets in arguments are hidden, long texts are cut, results are not kept. No call waits for it, and one that cannot
 * be written down is made all the same.
 */
import type { CallError } from "@opencode-ai/mcp/mcp"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { isSecret } from "@opencode-ai/mcp/capability/secret"
import { at } from "@opencode-ai/mcp/config/shape"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { CallToolResult } from "@opencode-ai/mcp/protocol/model"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Semaphore from "effect/Semaphore"
import { Config, type Snapshot } from "../config/config.ts"
import { masked } from "../config/mask.ts"
import { masking } from "../config/secrets.ts"
import * as State from "../trust/state.ts"

/** Who let a call through. */
export type Approver =
  /** Somebody who typed it, or the program at the other end of a pipe. */
  | "caller"
  /** The person, when asked: for this call, or for always. */
  | "person"
  | "person, for always"
  /** A rule of the configuration. */
  | "rule"
  /** A server that is trusted says that the tool only reads. */
  | "trusted annotations"
  /** No rule says anything. */
  | "default"

/** Who let the calls through that are made with it. */
export const ApprovedBy: Context.Reference<Approver> = Context.Reference<Approver>("@opencode/ApprovedBy", {
  defaultValue: () => "caller",
})

/** One line. */
export interface Line {
  /** ISO 8601, in UTC. */
  readonly time: string
  readonly server: string
  readonly tool: string
  readonly arguments: unknown
  /** `ok`, `error` where the tool says so, `cancelled`, or the reason of the failure. */
  readonly outcome: string
  readonly durationMs: number
  readonly approvedBy: Approver
}

const sizeLimit = 10 * 1024 * 1024
const textLimit = 500
const itemLimit = 50
const deepest = 6

/** Arguments as they are kept. */
const kept = (value: unknown, mask: (text: string) => string, depth = 0): unknown => {
  if (typeof value === "string") {
    const text = mask(value)
    return text.length > textLimit ? `${text.slice(0, textLimit)}… [${text.length} characters]` : text
  }
  if (typeof value !== "object" || value === null) return value
  if (depth === deepest) return Array.isArray(value) ? "[…]" : "{…}"
  if (Array.isArray(value)) return value.slice(0, itemLimit).map((each) => kept(each, mask, depth + 1))
  const pairs = Object.entries(value)
    .slice(0, itemLimit)
    .map(([name, each]) => [name, isSecret(name) ? masked : kept(each, mask, depth + 1)] as const)
  return Object.fromEntries(pairs)
}

const outcomeOf = (exit: Exit.Exit<CallToolResult, CallError>): string => {
  if (Exit.isSuccess(exit)) return exit.value.isError === true ? "error" : "ok"
  if (Cause.hasInterruptsOnly(exit.cause)) return "cancelled"
  return exit.cause.reasons.find(Cause.isFailReason)?.error.reason._tag ?? "defect"
}

/** `"experimental": { "mcp_audit": false }`, by the person's word: a project's files do not switch it off. */
const isOff = ({ documents }: Snapshot): boolean =>
  documents
    .filter(({ project }) => !project)
    .map(({ value }) => at(value, ["experimental", "mcp_audit"]))
    .findLast((value) => value !== undefined) === false

/** The client, whose calls are written down. */
export const layer: Layer.Layer<Mcp, never, Mcp | Config | FileSystem.FileSystem | Path.Path> = Layer.effect(
  Mcp,
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const config = yield* Config
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope
    const one = yield* Semaphore.make(1)
    const file = paths.join(yield* State.directory, "mcp-audit.jsonl")

    const isLong = Effect.orElseSucceed(
      Effect.map(fs.stat(file), ({ size }) => size > sizeLimit),
      () => false,
    )
    const turn = fs.rename(file, `${file}.1`)
    const append = (line: Line) =>
      Effect.gen(function* () {
        yield* fs.makeDirectory(paths.dirname(file), { recursive: true, mode: 0o700 })
        // Two programs that saw it too long at once would put the new one in place of the old.
        if (yield* isLong)
          yield* State.alone(fs, paths, file)(Effect.flatMap(isLong, (still) => (still ? turn : Effect.void)))
        yield* fs.writeFileString(file, `${JSON.stringify(line)}\n`, { flag: "a", mode: 0o600 })
        // What is written when all ends waits for its turn, too.
      }).pipe(Effect.ignore, one.withPermits(1), Effect.uninterruptible)

    return {
      ...mcp,
      callTool: (server, tool, args, options) =>
        Effect.gen(function* () {
          const snapshot = yield* config.get
          if (isOff(snapshot)) return yield* mcp.callTool(server, tool, args, options)
          const approvedBy = yield* ApprovedBy
          const started = clock.currentTimeMillisUnsafe()
          return yield* Effect.onExit(mcp.callTool(server, tool, args, options), (exit) => {
            const line: Line = {
              time: new Date(started).toISOString(),
              server,
              tool,
              arguments: isObject(args) ? kept(args, masking(snapshot)) : undefined,
              outcome: outcomeOf(exit),
              durationMs: clock.currentTimeMillisUnsafe() - started,
              approvedBy,
            }
            return Effect.forkIn(append(line), scope, { startImmediately: true })
          })
        }),
    }
  }),
)
