/**
 * Which files hold the configuration, in the order in which they count: what comes later wins.
 *
 * Nothing is parsed here. A file that belongs to the person is not found a second time as the project's, so a worktree
 * around the home directory makes nobody's own configuration a stranger's.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { homedir } from "node:os"
import * as Directories from "./directories.ts"
import { ConfigError, FileMissing, ReadFailed } from "./error.ts"
import { environment } from "./substitute.ts"

/** A text that holds configuration. */
export interface Source {
  /** An absolute path, or the name of the environment variable that holds the text. */
  readonly file: string
  /** What relative paths in it are relative to. */
  readonly directory: string
  readonly text: string
  /** Whether a project's files, and not the person, say so: such servers need approval. */
  readonly project: boolean
}

export interface Discovered {
  readonly sources: ReadonlyArray<Source>
  readonly warnings: ReadonlyArray<string>
  /** The working directory, absolute. */
  readonly directory: string
  /** The root of the git worktree around `directory`; `directory` itself outside of one. */
  readonly worktree: string
  readonly home: string
}

export interface DiscoverOptions {
  /** The one file to read in place of all others (`--config`), relative to `directory`. */
  readonly config?: string
  /** Default: the working directory of this process. */
  readonly directory?: string
}

const globalNames = ["config.json", "opencode.json", "opencode.jsonc"]
const names = ["opencode.json", "opencode.jsonc"]
const sizeLimit = 16 * 1024 * 1024

export const discover = Effect.fnUntraced(function* (options: DiscoverOptions) {
  const paths = yield* Path.Path
  const directory = paths.resolve(options.directory ?? ".")
  const home = (yield* environment("HOME")) ?? homedir()
  const worktree = (yield* worktreeOf(directory)) ?? directory
  const place = { directory, worktree, home }

  if (options.config !== undefined) {
    const file = paths.resolve(directory, options.config)
    const text = yield* readNamed(file)
    if (text === undefined) {
      return yield* new ConfigError({ reason: new FileMissing({ file, namedBy: "--config" }) })
    }
    const source: Source = { file, directory: paths.dirname(file), text, project: false }
    return { ...place, sources: [source], warnings: [] } satisfies Discovered
  }

  const warnings: Array<string> = []
  const userFiles = [yield* Directories.directory("CONFIG"), paths.join(home, ".opencode")].flatMap((folder) =>
    globalNames.map((name) => paths.join(folder, name)),
  )
  const user = yield* readAll(userFiles, false)

  const named: Array<Source> = []
  const custom = yield* environment("OPENCODE_CONFIG")
  if (custom !== undefined) {
    const file = paths.resolve(directory, custom)
    const text = yield* readNamed(file)
    if (text === undefined) warnings.push(`${file}: no such file, but OPENCODE_CONFIG names it`)
    else named.push({ file, directory: paths.dirname(file), text, project: false })
  }

  const customDirectory = yield* environment("OPENCODE_CONFIG_DIR")
  const folderFiles =
    customDirectory === undefined ? [] : names.map((name) => paths.resolve(directory, customDirectory, name))
  const folder = yield* readAll(folderFiles, false)

  // What the person has named is trusted wherever it is found; the global files do not come again at all.
  const own = new Set(yield* Effect.forEach([...user, ...named, ...folder], (source) => realPath(source.file)))
  const global = new Set(yield* Effect.forEach(user, (source) => realPath(source.file)))
  const disabled = /^(?:1|true)$/i.test((yield* environment("OPENCODE_DISABLE_PROJECT_CONFIG")) ?? "")
  const folders = disabled ? [] : between(paths, worktree, directory)
  const projectFiles = [
    ...folders.flatMap((each) => names.map((name) => paths.join(each, name))),
    ...folders.flatMap((each) => names.map((name) => paths.join(each, ".opencode", name))),
  ]
  const project: Array<Source> = []
  for (const source of yield* readAll(projectFiles, true)) {
    const real = yield* realPath(source.file)
    if (!global.has(real)) project.push({ ...source, project: !own.has(real) })
  }

  const content = yield* environment("OPENCODE_CONFIG_CONTENT")
  const inline: ReadonlyArray<Source> =
    content === undefined ? [] : [{ file: "OPENCODE_CONFIG_CONTENT", directory, text: content, project: false }]

  return { ...place, sources: [...user, ...named, ...project, ...folder, ...inline], warnings } satisfies Discovered
})

/** The folders from `root` down to `leaf`, both included. */
const between = (paths: Path.Path, root: string, leaf: string): ReadonlyArray<string> => {
  const folders = [leaf]
  for (let folder = leaf; folder !== root && paths.dirname(folder) !== folder;) {
    folder = paths.dirname(folder)
    folders.unshift(folder)
  }
  return folders
}

/** A `.git` file (a linked worktree, a submodule) or a `.git` directory with a HEAD in it marks a worktree's root. */
export const worktreeOf = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const typeOf = (path: string) =>
    Effect.map(fs.stat(path), (info) => info.type).pipe(Effect.orElseSucceed(() => "None"))
  for (let folder = directory; ; folder = paths.dirname(folder)) {
    const git = yield* typeOf(paths.join(folder, ".git"))
    if (git === "File") return folder
    if (git === "Directory" && (yield* typeOf(paths.join(folder, ".git", "HEAD"))) === "File") return folder
    if (paths.dirname(folder) === folder) return undefined
  }
})

const readAll = Effect.fnUntraced(function* (files: ReadonlyArray<string>, project: boolean) {
  const paths = yield* Path.Path
  const texts = yield* Effect.forEach(files, (file) => readFound(file), { concurrency: "unbounded" })
  return files.flatMap((file, index): ReadonlyArray<Source> => {
    const text = texts[index]
    return text === undefined ? [] : [{ file, directory: paths.dirname(file), text, project }]
  })
})

const failed = (file: string, why: string, cause?: unknown) =>
  new ConfigError({ reason: new ReadFailed({ file, why, ...(cause === undefined ? {} : { cause }) }) })

/** A file that the person named: whatever can be read, a pipe too. */
const readNamed = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readFileString(file).pipe(
    Effect.catch((error) => {
      if (error.reason._tag === "NotFound") return Effect.succeed(undefined)
      return Effect.fail(failed(file, error.reason._tag === "BadResource" ? "it is a directory" : error.message, error))
    }),
  )
})

/** A file that may be there: a regular one, of a size that a person could have written. */
const readFound = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* fs.stat(file).pipe(Effect.orElseSucceed(() => undefined))
  if (info?.type !== "File") return undefined
  if (info.size > sizeLimit) return yield* failed(file, `it is larger than ${sizeLimit} bytes`)
  return yield* Effect.mapError(fs.readFileString(file), (error) => failed(file, error.message, error))
})

const realPath = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.realPath(file).pipe(Effect.orElseSucceed(() => file))
})
