/** Servers out of what the sources say: defaults found, parts merged, entries decoded, what is wrong put into words. */
import * as Mcp from "@opencode-ai/mcp/config"
import { describe, describeUnknown } from "@opencode-ai/mcp/config/problem"
import { at, pathText, writtenPath } from "@opencode-ai/mcp/config/shape"
import { isPath } from "@opencode-ai/mcp/http/pem"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { deepMerge } from "./deep.ts"
import type { Collected, Merged, Origin, Part, SectionTimeout, Server } from "./merge.ts"

/** The servers and, in the order in which they were met, the warnings. */
export const assemble = ({ parts, timeouts }: Collected): Pick<Merged, "servers" | "warnings"> => {
  const warnings: Array<string> = []
  const defaults = defaultsOf(timeouts, warnings)
  const servers = [...parts].flatMap(([name, layers]) => assembleOne(name, layers, defaults, warnings) ?? [])
  return { servers, warnings }
}

/** `mcp.timeout` comes before `experimental.mcp_timeout`, in whichever file either stands. */
export const defaultsOf = (timeouts: ReadonlyArray<SectionTimeout>, warnings: Array<string> = []): Mcp.Defaults => {
  const own: { -readonly [K in keyof Mcp.Timeout]?: number } = {}
  const legacy: typeof own = {}
  for (const { file, path, value } of timeouts) {
    const into = path[0] === "mcp" ? own : legacy
    const each = isObject(value) && into === own
    for (const key of ["startup", "catalog", "execution"] as const) {
      const found = each ? at(value, [key]) : value
      if (Mcp.isTimeout(found)) into[key] = found
      else if (found !== undefined) {
        const problem = { path: each ? [...path, key] : path, expected: "whole milliseconds above 0", found }
        const warning = `${file}: ${describe(problem)}, ignored`
        if (!warnings.includes(warning)) warnings.push(warning)
      }
    }
  }
  return { timeout: { ...legacy, ...own } }
}

/** One server of its parts; nothing where they only switch on or off what no file defines, as in OpenCode. */
const assembleOne = (
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

const isSwitch = (value: unknown) => isObject(value) && Object.keys(value).every((key) => key === "enabled")

const where = (origin: Origin) => `${origin.file}: ${pathText(origin.path)}`

/** The part that has the last word on a path, and the path as it is spelled there. */
const blame = (layers: ReadonlyArray<Part>, last: Part, path: ReadonlyArray<string>) => {
  const part =
    layers.findLast((each) => path.length > 0 && at(each.value, path) !== undefined) ??
    layers.findLast((each) => isObject(each.value) && Object.hasOwn(each.value, "type")) ??
    last
  return [part, writtenPath(part.entry, path)] as const
}

// Headers that say nothing about the person. Their values are words that answers are full of.
export const openHeaders = /^(?:accept(?:-.*)?|cache-control|content-type|origin|referer|user-agent)$/i

const secretFields: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["oauth", ["clientSecret", "privateKey", "token", "idpClientSecret", "idToken"]],
  ["tls", ["passphrase"]],
]

/** The secrets that stand in an entry literally, be the entry right or wrong. */
export const secretsOf = (value: unknown): ReadonlyArray<string> => {
  const secrets: Array<unknown> = []
  const headers = at(value, ["headers"])
  for (const [name, text] of Object.entries(isObject(headers) ? headers : {})) {
    if (!openHeaders.test(name)) secrets.push(text, String(text).replace(/^(?:basic|bearer)\s+/i, ""))
  }
  for (const [key, fields] of secretFields) for (const field of fields) secrets.push(at(value, [key, field]))
  const key = at(value, ["tls", "key"])
  // The path of a file is no secret, and errors name it.
  if (typeof key === "string" && !isPath(key)) secrets.push(key)
  for (const key of ["url", "proxy"]) {
    const url = at(value, [key])
    const password = typeof url === "string" && URL.canParse(url) ? new URL(url).password : ""
    secrets.push(password, decode(password))
  }
  return secrets.filter((secret) => typeof secret === "string")
}

/** Percent-decoded, where that is what it is. */
export const decode = (text: string) =>
  Result.getOrElse(
    Result.try(() => decodeURIComponent(text)),
    () => text,
  )
