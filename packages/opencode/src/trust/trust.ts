/**
 * Which servers of a project's files a person has approved.
 *
 * An approval is a hash: of the entry before substitution, of the names of what it takes from the machine, and of the
 * directory it runs in. Anything else under the same name is another server and asks again. Approvals lie with the
 * user's state (`$XDG_STATE_HOME/opencode/mcp-trust.json`, mode 0600), where no project can put one.
 */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { createHash } from "node:crypto"
import type { Server } from "../config/merge.ts"
import { environment } from "../config/substitute.ts"
import * as State from "./state.ts"

/** The approvals could not be kept. */
export class TrustError extends Data.TaggedError("TrustError")<{
  readonly file: string
  readonly cause: PlatformError
}> {
  override get message(): string {
    return `${this.file}: approvals cannot be kept there: ${this.cause.message}`
  }
}

/** One kept approval. */
export interface Approval {
  readonly name: string
  readonly directory: string
  readonly hash: string
}

export interface TrustOptions {
  /** Approve everything, for this run alone (`--trust`, or `OPENCODE_MCP_TRUST=all`). Default `false`. */
  readonly all?: boolean
}

/**
 * The hash of an approval: SHA-256, hexadecimal. `enabled` is no part of it, so switching a server off and on again
 * asks nothing; the order of an object's keys is none either.
 */
export const approvalHash = (entry: unknown, variables: ReadonlyArray<string>, directory: string): string => {
  const what = isObject(entry) ? Object.fromEntries(Object.entries(entry).filter(([key]) => key !== "enabled")) : entry
  const text = JSON.stringify([1, ordered(what), [...new Set(variables)].toSorted(), directory])
  return createHash("sha256").update(text).digest("hex")
}

/** Objects as lists of pairs, so that neither order nor `__proto__` plays a part. */
const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return ["array", value.map(ordered)]
  if (!isObject(value)) return value
  const pairs = Object.entries(value).toSorted((a, b) => (a[0] < b[0] ? -1 : 1))
  return ["object", pairs.map(([key, field]) => [key, ordered(field)])]
}

export class Trust extends Context.Service<
  Trust,
  {
    /** Whether it may be started in `directory`: no project's file has a part in it, or this form of it was approved. */
    readonly isApproved: (server: Server, directory: string) => Effect.Effect<boolean>
    /** Keeps the approval of this form of it. */
    readonly approve: (server: Server, directory: string) => Effect.Effect<void, TrustError>
    /** Takes back every approval under this name in `directory`; whether there was one. */
    readonly revoke: (name: string, directory: string) => Effect.Effect<boolean, TrustError>
    /** What is kept. A file that cannot be read, or holds something else, approves nothing. */
    readonly approvals: Effect.Effect<ReadonlyArray<Approval>>
  }
>()("@opencode/Trust") {
  static readonly layer = (options: TrustOptions = {}): Layer.Layer<Trust, never, FileSystem.FileSystem | Path.Path> =>
    Layer.effect(
      Trust,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const paths = yield* Path.Path
        const file = paths.join(yield* State.directory, "mcp-trust.json")
        const all = options.all === true || (yield* environment("OPENCODE_MCP_TRUST")) === "all"
        const one = yield* Semaphore.make(1)
        const alone = <A, E>(change: Effect.Effect<A, E>) => one.withPermits(1)(State.alone(fs, paths, file)(change))

        const approvals = fs.readFileString(file).pipe(
          Effect.map(parse),
          Effect.orElseSucceed((): ReadonlyArray<Approval> => []),
        )

        const write = (list: ReadonlyArray<Approval>) =>
          Effect.mapError(
            State.write(fs, paths, file, `${JSON.stringify({ version: 1, approvals: list }, null, 2)}\n`),
            (cause) => new TrustError({ file, cause }),
          )

        const hashOf = (server: Server, directory: string) => approvalHash(server.written, server.variables, directory)

        return {
          approvals,
          isApproved: (server, directory) =>
            all || !server.project
              ? Effect.succeed(true)
              : Effect.map(approvals, (list) => {
                  const hash = hashOf(server, directory)
                  return list.some((each) => each.hash === hash && each.name === server.name)
                }),
          approve: (server, directory) =>
            alone(
              Effect.flatMap(approvals, (list) => {
                const hash = hashOf(server, directory)
                const others = list.filter((each) => each.hash !== hash || each.name !== server.name)
                return write([...others, { name: server.name, directory, hash }])
              }),
            ),
          revoke: (name, directory) =>
            alone(
              Effect.flatMap(approvals, (list) => {
                const others = list.filter((each) => each.name !== name || each.directory !== directory)
                if (others.length === list.length) return Effect.succeed(false)
                return Effect.as(write(others), true)
              }),
            ),
        }
      }),
    )
}

const parse = (text: string): ReadonlyArray<Approval> => {
  const parsed = Result.try((): unknown => JSON.parse(text))
  const list = Result.isSuccess(parsed) && isObject(parsed.success) ? parsed.success["approvals"] : undefined
  return Array.isArray(list) ? list.filter(isApproval) : []
}

const isApproval = (value: unknown): value is Approval =>
  isObject(value) && ["name", "directory", "hash"].every((key) => typeof value[key] === "string")
