/**
 * The servers of all sources, each merged from what the sources say of it, in the order in which they are first named.
 *
 * Every entry is kept as it was written beside what it became: an approval is of what was written, and an error names the
 * file and the path in it.
 */
import * as Mcp from "@opencode-ai/mcp/config"
import { at, describe, describeUnknown, pathText } from "@opencode-ai/mcp/config/problem"
import { canonical, isRecord, section, writtenPath } from "@opencode-ai/mcp/config/shape"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Discovered, Source } from "./discover.ts"
import { parse } from "./jsonc.ts"
import { substitute, type Substituted } from "./substitute.ts"

/** Where a part of a server's entry comes from. */
export interface Origin {
  /** An absolute path, or the name of an environment variable. */
  readonly file: string
  /** Where the entry stands in it: `["mcp", "servers", "files"]`. */
  readonly path: ReadonlyArray<string>
  /** Whether it is a project's file. */
  readonly project: boolean
}

/** A configured server. */
export interface Server {
  readonly name: string
  /** Absent where the entry is bad: then `error` says why, for the server's status. */
  readonly config?: Mcp.ServerConfig
  readonly error?: string
  /** Every file that says something of it; the last wins. */
  readonly origins: ReadonlyArray<Origin>
  /** Whether a project's file has a part in it, so that it needs approval. */
  readonly project: boolean
  /** The merged entry before substitution, in OpenCode 1's spelling. */
  readonly written: unknown
  /** `env:NAME` and `file:/absolute/path` of all its tokens, sorted. */
  readonly variables: ReadonlyArray<string>
  /** What tells one form of the entry from another; not to be shown, it holds secrets. */
  readonly fingerprint: Redacted.Redacted<string>
}

export interface Merged {
  readonly servers: ReadonlyArray<Server>
  readonly warnings: ReadonlyArray<string>
  readonly secrets: ReadonlyArray<string>
}

interface Part {
  readonly origin: Origin
  /** As written, before its spelling was changed. */
  readonly entry: unknown
  readonly written: unknown
  readonly value: unknown
  readonly variables: ReadonlyArray<string>
  readonly errors: ReadonlyArray<string>
}

/** Reads every source and merges what they say. */
export const merge = Effect.fnUntraced(function* (found: Discovered) {
  const warnings = [...found.warnings]
  const secrets = new Set<string>()
  const parts = new Map<string, Array<Part>>()
  const timeout: { -readonly [K in keyof Mcp.Timeout]?: number } = {}
  let everything: number | undefined

  for (const source of found.sources) {
    const document = yield* parse(source.text, source.file)
    const take = Effect.fnUntraced(function* (value: unknown) {
      const result: Substituted = yield* substitute(value, { directory: source.directory, home: found.home })
      for (const secret of result.secrets) secrets.add(secret)
      return result
    })

    const experimental = at(document, ["experimental", "mcp_timeout"])
    if (experimental !== undefined) {
      const { value } = yield* take(experimental)
      if (Mcp.isTimeout(value)) everything = value
      else warnings.push(ignored(source, ["experimental", "mcp_timeout"], value))
    }
    const mcp = at(document, ["mcp"])
    if (mcp === undefined) continue
    const { servers, stray, timeout: own } = section(mcp)
    for (const each of stray) warnings.push(`${source.file}: ${pathText(each.path)}: expected an object, ignored`)
    if (own !== undefined) {
      const { value } = yield* take(own)
      for (const key of ["startup", "catalog", "execution"] as const) {
        const ms = isRecord(value) ? at(value, [key]) : value
        if (Mcp.isTimeout(ms)) timeout[key] = ms
        else if (ms !== undefined)
          warnings.push(ignored(source, ["mcp", "timeout", ...(isRecord(value) ? [key] : [])], ms))
      }
    }
    for (const { entry, name: writtenName, path } of servers) {
      const named = yield* take(writtenName)
      const { errors, value, variables } = yield* take(entry)
      const name = String(named.value)
      const origin: Origin = { file: source.file, path, project: source.project }
      const part: Part = { origin, entry, written: canonical(entry), value: canonical(value), variables, errors }
      parts.set(name, [...(parts.get(name) ?? []), part])
    }
  }

  const servers: Array<Server> = []
  const defaults = { timeout: { ...(everything === undefined ? {} : same(everything)), ...timeout } }
  for (const [name, layers] of parts) {
    const server = assemble(name, layers, defaults, warnings)
    if (server !== undefined) servers.push(server)
    for (const part of layers) for (const secret of secretsOf(part.value)) secrets.add(secret)
  }
  return { servers, warnings: [...new Set(warnings)], secrets: [...secrets] } satisfies Merged
})

const same = (ms: number): Mcp.Timeout => ({ startup: ms, catalog: ms, execution: ms })

const ignored = (source: Source, path: ReadonlyArray<string>, found: unknown) =>
  `${source.file}: ${describe({ path, expected: "whole milliseconds above 0", found })}, ignored`

/** One server of its parts; nothing where they only switch on or off what no file defines, as in OpenCode. */
const assemble = (
  name: string,
  layers: ReadonlyArray<Part>,
  defaults: Mcp.Defaults,
  warnings: Array<string>,
): Server | undefined => {
  const written = layers.map((part) => part.written).reduce(deepMerge)
  const value = layers.map((part) => part.value).reduce(deepMerge)
  const last = layers.at(-1)
  if (last === undefined) return undefined
  if (layers.every((part) => isSwitch(part.value))) {
    warnings.push(`${where(last.origin)}: "enabled" alone, but no file defines this server: ignored`)
    return undefined
  }
  const server: Server = {
    name,
    origins: layers.map((part) => part.origin),
    project: layers.some((part) => part.origin.project && !isSwitch(part.value)),
    written,
    variables: [...new Set(layers.flatMap((part) => part.variables))].toSorted(),
    fingerprint: Redacted.make(JSON.stringify([value, defaults])),
  }
  const decoded = Mcp.decode(name, value, defaults)
  for (const warning of decoded.warnings) {
    const [part, path] = blame(layers, last, warning.path)
    warnings.push(`${part.origin.file}: ${describeUnknown({ ...warning, path }, part.origin.path)}`)
  }
  const unresolved = layers.flatMap((part) => part.errors.map((error) => `${where(part.origin)}: ${error}`))
  const problems = (decoded.problems ?? []).map((problem) => {
    const [part, path] = blame(layers, last, problem.path)
    return `${part.origin.file}: ${describe(problem, part.origin.path, path)}`
  })
  const error = [...unresolved, ...problems].join("; ")
  if (error !== "" || decoded.config === undefined) return { ...server, error }
  return { ...server, config: decoded.config }
}

const isSwitch = (value: unknown) => isRecord(value) && Object.keys(value).every((key) => key === "enabled")

const where = (origin: Origin) => `${origin.file}: ${pathText(origin.path)}`

/** The part that has the last word on a path, and the path as it is spelled there. */
const blame = (layers: ReadonlyArray<Part>, last: Part, path: ReadonlyArray<string>) => {
  const part =
    layers.findLast((each) => path.length > 0 && at(each.value, path) !== undefined) ??
    layers.findLast((each) => isRecord(each.value) && Object.hasOwn(each.value, "type")) ??
    last
  return [part, writtenPath(part.entry, path)] as const
}

/** Objects are merged key by key, all else is replaced. Built of own properties: no key reaches a prototype. */
const deepMerge = (base: unknown, over: unknown): unknown => {
  if (!isRecord(base) || !isRecord(over)) return over
  const merged = new Map(Object.entries(base))
  for (const [key, value] of Object.entries(over)) {
    merged.set(key, merged.has(key) ? deepMerge(merged.get(key), value) : value)
  }
  return Object.fromEntries(merged)
}

// Headers that say nothing about the person. Their values are words that answers are full of.
const openHeaders = /^(?:accept(?:-.*)?|cache-control|content-type|origin|referer|user-agent)$/i

const secretFields: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["oauth", ["clientSecret", "privateKey", "token", "idpClientSecret", "idToken"]],
  ["tls", ["key", "passphrase"]],
]

/** The secrets that stand in an entry literally, be the entry right or wrong. */
const secretsOf = (value: unknown): ReadonlyArray<string> => {
  const secrets: Array<unknown> = []
  const headers = at(value, ["headers"])
  for (const [name, text] of Object.entries(isRecord(headers) ? headers : {})) {
    if (!openHeaders.test(name)) secrets.push(text, String(text).replace(/^(?:basic|bearer)\s+/i, ""))
  }
  for (const [key, fields] of secretFields) for (const field of fields) secrets.push(at(value, [key, field]))
  for (const key of ["url", "proxy"]) {
    const url = at(value, [key])
    const password = typeof url === "string" && URL.canParse(url) ? new URL(url).password : ""
    secrets.push(password, decode(password))
  }
  return secrets.filter((secret) => typeof secret === "string")
}

const decode = (text: string) => Result.getOrElse(Result.try(() => decodeURIComponent(text)), () => text)
