/**
 * Where the programs of one person meet: a directory that nobody else gets into, and in it for each server a lock, which its
 * owner holds as long as it runs the server, and a record of how the owner is reached and what it runs.
 *
 * A directory that others could write in, or that is another's, is not used.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { createHash, randomBytes } from "node:crypto"
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { isAbsolute, join } from "node:path"
import { parse } from "../protocol/json.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import { attempt, codeOf, type SystemFailed } from "../process/system.ts"
import type { ProcessRecord } from "../process/tree.ts"

/** There is no place where programs could meet. */
export class NoPlace extends Data.TaggedError("NoPlace")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** Where those meet who share one server. */
export interface Place {
  /** Held by its owner. */
  readonly lock: string
  readonly record: string
  /** A new address for a listener. */
  readonly address: () => string
}

/** What an owner says of itself. */
export interface OwnerRecord {
  /** Its process id. */
  readonly owner: number
  /** The path of a socket, or the name of a pipe. */
  readonly address: string
  /** Known to those who may read the record. */
  readonly secret: string
  /** Where process ids mean the same. */
  readonly space: string
  /** The server's process, once it is there. */
  readonly server?: ProcessRecord | undefined
}

/** Bytes in the path of a socket: 108 with its end on Linux, 104 elsewhere. */
const addressLimit = 103

/** What is wrong with a directory. */
const objection = (path: string): string | undefined => {
  const info = lstatSync(path)
  if (!info.isDirectory()) return `${path} is no directory`
  if (process.platform === "win32") return undefined
  if (info.uid !== process.getuid?.()) return `${path} belongs to another user`
  if ((info.mode & 0o077) !== 0) return `${path} is open to other users; let it be yours alone (chmod 700)`
  return undefined
}

const made = (path: string): Effect.Effect<string, NoPlace> =>
  attempt(() => mkdirSync(path, { mode: 0o700 })).pipe(
    Effect.catchIf(
      (cause) => codeOf(cause) === "EEXIST",
      () => Effect.void,
    ),
    Effect.andThen(attempt(() => objection(path))),
    Effect.mapError((cause) => new NoPlace({ detail: `${path} cannot be made (${codeOf(cause) ?? "unknown"})` })),
    Effect.flatMap((detail) => (detail === undefined ? Effect.succeed(path) : Effect.fail(new NoPlace({ detail })))),
  )

/** The first that can be used: in the directory of the person's session, or among the temporary files. */
const directory: Effect.Effect<string, NoPlace> = Effect.suspend(() => {
  const session = process.env["XDG_RUNTIME_DIR"] ?? ""
  const own = process.getuid?.() ?? "user"
  const candidates = [
    ...(isAbsolute(session) ? [join(session, "opencode-mcp")] : []),
    join(tmpdir(), `opencode-mcp-${own}`),
  ].filter((path) => process.platform === "win32" || Buffer.byteLength(path) + 18 <= addressLimit)
  const [first, ...others] = candidates.map(made)
  if (first === undefined) {
    return Effect.fail(new NoPlace({ detail: `the path of ${tmpdir()} is too long for a socket in it` }))
  }
  return others.reduce((all, next) => Effect.catch(all, () => next), first)
})

/** The place of one server: `identity` is what makes it another than the others of this person. */
export const of = (identity: unknown): Effect.Effect<Place, NoPlace> =>
  Effect.map(directory, (directory) => {
    const key = createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 32)
    return {
      lock: join(directory, `${key}.lock`),
      record: join(directory, `${key}.json`),
      address: () => {
        const name = randomBytes(6).toString("hex")
        return process.platform === "win32"
          ? `\\\\.\\pipe\\opencode-mcp-${key}-${name}`
          : join(directory, `${name}.sock`)
      },
    }
  })

const isProcess = (value: unknown): value is ProcessRecord =>
  isObject(value) &&
  typeof value.pid === "number" &&
  typeof value.parent === "number" &&
  typeof value.group === "number" &&
  typeof value.started === "string"

const isRecord = (value: unknown): value is OwnerRecord =>
  isObject(value) &&
  typeof value.owner === "number" &&
  typeof value.address === "string" &&
  typeof value.secret === "string" &&
  typeof value.space === "string" &&
  (value.server === undefined || isProcess(value.server))

/** What the last owner said; `undefined` where there was none, or it had not come to that, or took it back. */
export const read = ({ record }: Place): Effect.Effect<OwnerRecord | undefined> =>
  attempt(() => parse(readFileSync(record, "utf8"))).pipe(
    Effect.map((value) => (isRecord(value) ? value : undefined)),
    Effect.orElseSucceed(() => undefined),
  )

/** Says it, at once. Only who holds the lock may. */
export const write = ({ record }: Place, own: OwnerRecord): Effect.Effect<void, SystemFailed> =>
  attempt(() => {
    const path = `${record}.${process.pid}`
    writeFileSync(path, JSON.stringify(own), { mode: 0o600 })
    renameSync(path, record)
  })

/** Takes it back. */
export const remove = (...paths: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.forEach(paths, (path) => Effect.ignore(attempt(() => rmSync(path, { force: true }))), { discard: true })
