/**
 * Changes to configuration files: one server's entry at a time, comments and everything else left as they are.
 *
 * A file that cannot be parsed or written is refused and stays what it is. What is to be written is parsed first: were
 * anything else in it changed, it would not be written.
 */
import { at, section } from "@opencode-ai/mcp/config/shape"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { applyEdits, modify } from "jsonc-parser"
import * as Directories from "./directories.ts"
import { ConfigError, WriteFailed } from "./error.ts"
import { blank, parse } from "./jsonc.ts"
import * as Member from "./member.ts"
import { replace } from "./replace.ts"

const names = ["opencode.jsonc", "opencode.json"]
const globalNames = [...names, "config.json"]

const firstFile = Effect.fnUntraced(function* (files: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  for (const file of files) {
    const info = yield* Effect.orElseSucceed(fs.stat(file), () => undefined)
    if (info?.type === "File") return file
  }
  return undefined
})

/** Where a person keeps the configuration of all projects: the file that is there, or the one to be made. */
export const globalFile = Effect.gen(function* () {
  const paths = yield* Path.Path
  const directory = yield* Directories.directory("CONFIG")
  const found = yield* firstFile(globalNames.map((name) => paths.join(directory, name)))
  return found ?? paths.join(directory, "opencode.json")
})

/**
 * The project's file: the nearest that is there, from the working directory up to the worktree's root, or one to be made at
 * that root; outside of a worktree what is there, or nothing.
 */
export const projectFile = (place: { readonly directory: string; readonly worktree: string; readonly git: boolean }) =>
  Effect.gen(function* () {
    const paths = yield* Path.Path
    const folders = [place.directory]
    for (let folder = place.directory; folder !== place.worktree && paths.dirname(folder) !== folder;) {
      folder = paths.dirname(folder)
      folders.push(folder)
    }
    const files = folders.flatMap((folder) => [
      ...names.map((name) => paths.join(folder, name)),
      ...names.map((name) => paths.join(folder, ".opencode", name)),
    ])
    return (yield* firstFile(files)) ?? (place.git ? paths.join(place.worktree, "opencode.json") : undefined)
  })

/** What stands in a file; nothing where there is none. */
const readText = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.catch(fs.readFileString(file), (error) =>
    error.reason._tag === "NotFound"
      ? Effect.succeed("")
      : Effect.fail(new ConfigError({ reason: new WriteFailed({ file, why: error.message, cause: error }) })),
  )
})

/** Replaces a file by another with the same mode; what it links to, where it is a link. */
const writeText = Effect.fnUntraced(function* (file: string, text: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const refuse = (why: string, cause?: unknown) =>
    new ConfigError({ reason: new WriteFailed({ file, why, ...(cause === undefined ? {} : { cause }) }) })
  return yield* Effect.gen(function* () {
    const real = yield* Effect.orElseSucceed(fs.realPath(file), () => file)
    const before = yield* Effect.orElseSucceed(fs.stat(real), () => undefined)
    // The directory alone decides whether a file can be replaced: its own mode is the person's word.
    if (before !== undefined && (before.mode & 0o200) === 0) return yield* refuse("it is read-only")
    if (before !== undefined) yield* fs.access(real, { writable: true })
    yield* fs.makeDirectory(paths.dirname(real), { recursive: true })
    const mode = before === undefined ? 0o644 : before.mode & 0o777
    yield* replace(fs, real, text, { mode, lasting: false })
  }).pipe(
    Effect.uninterruptible,
    Effect.catchTag("PlatformError", (error) => Effect.fail(refuse(error.message, error))),
  )
})

/** `value` at `path`, or nothing there any more where it is `undefined`. */
const edited = (file: string, text: string, path: ReadonlyArray<string>, value: unknown) =>
  Effect.gen(function* () {
    const source = text.trim() === "" ? "{}\n" : text
    // Offsets are the same in what stands for it, where tokens outside of strings do not mislead the parser.
    const readable = blank(source)
    const before = yield* parse(source, file)
    const result =
      value === undefined
        ? Member.remove(source, readable, path)
        : at(before, path) === undefined
          ? Member.insert(source, readable, path, value)
          : applyEdits(source, modify(readable, [...path], value, {}))
    const after = result === undefined ? undefined : yield* parse(result, file)
    if (
      result === undefined ||
      JSON.stringify(at(after, path)) !== JSON.stringify(value) ||
      !isRestKept(before, after, path)
    ) {
      const why = `its shape leaves no place for ${path.join(".")}; change it by hand`
      return yield* new ConfigError({ reason: new WriteFailed({ file, why }) })
    }
    return result
  })

/** Whether nothing differs but at the path, and above it where nothing was. */
const isRestKept = (before: unknown, after: unknown, path: ReadonlyArray<string>): boolean => {
  const [key, ...rest] = path
  if (key === undefined) return true
  const was = isObject(before) ? before : {}
  const is = isObject(after) ? after : {}
  const others = (of: object) => JSON.stringify(Object.entries(of).filter(([name]) => name !== key))
  return others(was) === others(is) && isRestKept(at(was, [key]), at(is, [key]), rest)
}

/** What a file says of servers. */
export interface Document {
  readonly file: string
  readonly text: string
  readonly value: unknown
}

/** Reads a file that is to be changed. Fails where it cannot be read or parsed. */
export const open = (file: string) =>
  Effect.gen(function* () {
    const text = yield* readText(file)
    return { file, text, value: yield* parse(text, file) } satisfies Document
  })

/** Where an entry stands, or is to stand: in OpenCode 2's shape below `servers`. */
export const pathOf = ({ value }: Document, name: string): ReadonlyArray<string> => {
  const mcp = at(value, ["mcp"])
  const { servers } = section(mcp ?? {})
  const found = servers.find((server) => server.name === name)
  if (found !== undefined) return found.path
  const isNested = isObject(at(mcp, ["servers"])) && servers.every(({ path }) => path[1] === "servers")
  return isNested ? ["mcp", "servers", name] : ["mcp", name]
}

/** Writes the entry of a server, in place of the one that is there. */
export const write = (document: Document, name: string, entry: unknown) =>
  Effect.flatMap(edited(document.file, document.text, pathOf(document, name), entry), (text) =>
    writeText(document.file, text),
  )

/** Takes the entry of a server out; `false` where there is none. */
export const remove = (document: Document, name: string) =>
  Effect.gen(function* () {
    const path = pathOf(document, name)
    if (at(document.value, path) === undefined) return false
    yield* writeText(document.file, yield* edited(document.file, document.text, path, undefined))
    return true
  })

/** Switches a server on or off, in the spelling that its entry has. */
export const setEnabled = (document: Document, name: string, enabled: boolean) =>
  Effect.gen(function* () {
    const path = pathOf(document, name)
    const entry = at(document.value, path)
    const isOther = isObject(entry) && Object.hasOwn(entry, "disabled") && !Object.hasOwn(entry, "enabled")
    const field = isOther ? "disabled" : "enabled"
    const value = isOther ? !enabled : enabled
    yield* writeText(document.file, yield* edited(document.file, document.text, [...path, field], value))
  })
