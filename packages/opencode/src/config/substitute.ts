/**
 * `{env:NAME}` and `{file:path}` in the strings of a value, as OpenCode has them: a variable that is not set is the empty
 * string, a file is trimmed, its path is relative to the file it stands in, `~/` is the home directory, and a path may
 * itself hold `{env:NAME}`. What takes a token's place is never looked at again.
 */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import { mark } from "./jsonc.ts"

/** Where a value stands. */
export interface Place {
  /** What `{file:}` is relative to. */
  readonly directory: string
  readonly home: string
}

/** A value with its tokens replaced. */
export interface Substituted {
  readonly value: unknown
  /** `env:NAME` and `file:/absolute/path`, sorted, each once: what the value takes from this machine. */
  readonly variables: ReadonlyArray<string>
  /** What took a token's place, but for the variables that everyone may see, such as `HOME`. */
  readonly secrets: ReadonlyArray<string>
  /** Why a token could not be replaced; each names its file. */
  readonly errors: ReadonlyArray<string>
}

// A file that is not yet approved may name any path: what is read is bounded, and a device or a pipe is not opened.
const fileLimit = 1024 * 1024

const tokens = /\{env:([^}]+)\}|\{file:((?:\{env:[^}]+\}|[^}])+)\}/g
const variable = /\{env:([^}]+)\}/g

// Every process shows these in what it prints; hiding them would make messages unreadable and protect nothing.
const harmless = new Set(["HOME", "PWD", "USER", "LOGNAME", "PATH", "SHELL", "TMPDIR", "LANG", "TERM", "HOSTNAME"])
for (const name of ["CONFIG", "DATA", "STATE", "CACHE"]) harmless.add(`XDG_${name}_HOME`)

/** The value of an environment variable; `undefined` where it is not set, or empty. */
export const environment = (name: string) =>
  Effect.gen(function* () {
    const provider = yield* ConfigProvider.ConfigProvider
    const node = yield* provider.load([name]).pipe(Effect.orElseSucceed(() => undefined))
    return node?.value === "" ? undefined : node?.value
  })

export const substitute = Effect.fnUntraced(function* (value: unknown, place: Place) {
  const found = new Set<string>()
  collect(value, found)
  const variables = new Set<string>()
  const secrets = new Set<string>()
  const errors: Array<string> = []
  const replacements = new Map<string, string>()

  const env = Effect.fnUntraced(function* (name: string) {
    const text = (yield* environment(name)) ?? ""
    variables.add(`env:${name}`)
    if (text !== "" && !harmless.has(name)) secrets.add(text)
    return text
  })

  for (const token of found) {
    const [, name, file] = new RegExp(tokens.source).exec(token) ?? []
    if (name !== undefined) replacements.set(token, yield* env(name))
    if (file === undefined) continue
    const names = [...file.matchAll(variable)].map((match) => match[1] ?? "")
    const values = new Map<string, string>()
    for (const inner of names) values.set(inner, yield* env(inner))
    const wanted = file.replace(variable, (_, inner: string) => values.get(inner) ?? "")
    const result = yield* readFile(wanted, place)
    variables.add(`file:${result.path}`)
    if (result.text === undefined) errors.push(`{file:${file}}: ${result.path} ${result.why}`)
    else if (result.text !== "") secrets.add(result.text)
    replacements.set(token, result.text ?? "")
  }
  return {
    value: found.size === 0 ? value : replace(value, replacements),
    variables: [...variables].toSorted(),
    secrets: [...secrets],
    errors,
  } satisfies Substituted
})

interface Read {
  readonly path: string
  readonly text?: string
  readonly why?: string
}

const readFile = Effect.fnUntraced(function* (wanted: string, place: Place) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const path = wanted.startsWith("~/")
    ? paths.join(place.home, wanted.slice(2))
    : paths.resolve(place.directory, wanted)
  return yield* Effect.gen(function* (): Effect.fn.Return<Read, PlatformError> {
    const info = yield* fs.stat(path)
    if (info.type !== "File") return { path, why: "is no regular file" }
    if (info.size > fileLimit) return { path, why: `is larger than ${fileLimit} bytes` }
    return { path, text: (yield* fs.readFileString(path)).trim() }
  }).pipe(
    Effect.catch(({ reason }) =>
      Effect.succeed<Read>({
        path,
        why: reason._tag === "NotFound" ? "does not exist" : `cannot be read (${reason._tag})`,
      }),
    ),
  )
})

const collect = (value: unknown, found: Set<string>): void => {
  if (typeof value === "string") for (const match of value.matchAll(tokens)) found.add(match[0])
  else if (Array.isArray(value)) for (const item of value) collect(item, found)
  else if (typeof value === "object" && value !== null) {
    for (const [key, field] of Object.entries(value)) {
      collect(key, found)
      collect(field, found)
    }
  }
}

const replace = (value: unknown, replacements: ReadonlyMap<string, string>): unknown => {
  if (typeof value === "string") {
    if (!value.startsWith(`${mark}{`)) return replaceText(value, replacements)
    const text = replaceText(value.slice(mark.length), replacements)
    return /^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(text) ? JSON.parse(text) : text
  }
  if (Array.isArray(value)) return value.map((item) => replace(item, replacements))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [replaceText(key, replacements), replace(field, replacements)]),
  )
}

const replaceText = (text: string, replacements: ReadonlyMap<string, string>): string =>
  text.replace(tokens, (token) => replacements.get(token) ?? token)
