/**
 * The sections of the configuration that a session needs beside `mcp`: merged and substituted as that is, once somebody
 * asks for them. What is in them is read by whoever they belong to; this says where each value stands.
 *
 * What a project's files say may send keys of the person elsewhere, load code, or approve its own tools. So their
 * `provider`, and what they allow in `permission`, count only where the person trusts the project. What they ask for or
 * deny holds beside the person's own rules (`limits`), and takes the place of none.
 */
import { at, pathText } from "@opencode-ai/mcp/config/shape"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import { decode, openHeaders } from "./assemble.ts"
import type { Snapshot } from "./config.ts"
import { deepMerge } from "./deep.ts"
import * as Mask from "./mask.ts"
import type { Document } from "./merge.ts"
import { substitute } from "./substitute.ts"

const names = ["provider", "model", "permission", "experimental"] as const
/** The sections, as they are called in the file. */
export type Name = (typeof names)[number]

/** One section. */
export interface Section {
  /** Of all sources, the later over the earlier; `undefined` where none has it. It may hold secrets. */
  readonly value: unknown
  /** `<file>: provider.x.npm`: the place that has the last word on a path in it. */
  readonly where: (path?: ReadonlyArray<string>) => string
  /** What a project's files want asked or denied: each narrows what the value says, and none widens it. */
  readonly limits: ReadonlyArray<{ readonly file: string; readonly value: unknown }>
  /** Why tokens in it could not be replaced, with their places. Masked. */
  readonly errors: ReadonlyArray<{ readonly path: ReadonlyArray<string>; readonly message: string }>
}

interface Interface {
  readonly get: (name: Name) => Section
  /** Hides what is secret in the servers' entries and in these sections. */
  readonly mask: (text: string) => string
  /** What of a project's files does not count. */
  readonly warnings: ReadonlyArray<string>
}

interface Read {
  readonly document: Document
  readonly value: unknown
}

/** What a project's files say of these sections that needs the person's trust; `undefined` where there is nothing. */
export const untrusted = ({ documents }: Pick<Snapshot, "documents">): ReadonlyArray<Document> =>
  documents.filter(
    ({ project, value }) => project && (at(value, ["provider"]) !== undefined || allows(at(value, ["permission"]))),
  )

const allows = (permission: unknown): boolean =>
  permission === "allow" || (isObject(permission) && Object.values(permission).some(allows))

/** One action for everything is a rule like any other: no other file's rules take its place. */
const byPermission = (permission: unknown): unknown =>
  typeof permission === "string" ? { "*": permission } : permission

/** The rules without what they allow. */
const withoutAllow = (permission: unknown): unknown => {
  if (permission === "allow") return undefined
  if (!isObject(permission)) return permission
  const kept = Object.entries(permission).map(([key, value]) => [key, withoutAllow(value)] as const)
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined))
}

const secretKey = /key|token|secret|password|credential|authorization/i

/** Texts under a provider's options that are secret by their name: `apiKey`, whatever is a header. */
const secretsOf = (value: unknown, secret = false): ReadonlyArray<string> => {
  if (typeof value === "string") {
    const password = URL.canParse(value) ? new URL(value).password : ""
    return [...(secret ? [value, value.replace(/^(?:basic|bearer)\s+/i, "")] : []), password, decode(password)]
  }
  if (Array.isArray(value)) return value.flatMap((each) => secretsOf(each, secret))
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, field]) => {
    if (key.toLowerCase() !== "headers" || !isObject(field)) return secretsOf(field, secret || secretKey.test(key))
    return Object.entries(field).flatMap(([name, text]) => secretsOf(text, !openHeaders.test(name)))
  })
}

const read = Effect.fnUntraced(function* (snapshot: Snapshot, trusted: boolean) {
  const secrets = new Set<string>()
  const held = trusted ? [] : untrusted(snapshot)
  const section = Effect.fnUntraced(function* (name: Name) {
    const all: Array<Read> = []
    const errors: Array<Section["errors"][number]> = []
    const limits: Array<Section["limits"][number]> = []
    for (const document of snapshot.documents) {
      const found = at(document.value, [name])
      const written = name === "permission" ? byPermission(found) : found
      const isLimit = name === "permission" && document.project && (held.includes(document) || !allows(found))
      const taken =
        !held.includes(document) || name === "model" || name === "experimental"
          ? written
          : name === "permission"
            ? withoutAllow(written)
            : undefined
      if (taken === undefined) continue
      // Each member by itself: a token that cannot be replaced spoils no other provider.
      const members = isObject(taken) ? Object.entries(taken) : [["", taken] as const]
      const values: Array<readonly [string, unknown]> = []
      for (const [key, member] of members) {
        const result = yield* substitute({ [key]: member }, document)
        for (const secret of result.secrets) secrets.add(secret)
        for (const message of result.errors) {
          const path = key === "" ? [] : [key]
          errors.push({ path, message: `${document.file}: ${pathText([name, ...path])}: ${message}` })
        }
        if (isObject(result.value)) values.push(...Object.entries(result.value))
      }
      const value = isObject(taken) ? Object.fromEntries(values) : values[0]?.[1]
      if (isLimit) limits.push({ file: document.file, value })
      else all.push({ document, value })
    }
    const last = all.at(-1)
    const found: Section = {
      value: all.length === 0 ? undefined : all.map(({ value }) => value).reduce(deepMerge),
      where: (path = []) => {
        for (let length = path.length; length >= 0; length -= 1) {
          const part = all.findLast(({ value }) => at(value, path.slice(0, length)) !== undefined)
          if (part !== undefined) return `${part.document.file}: ${pathText([name, ...path])}`
        }
        return last === undefined ? pathText([name, ...path]) : `${last.document.file}: ${pathText([name, ...path])}`
      },
      limits,
      errors,
    }
    return [name, found] as const
  })
  const sections = new Map(yield* Effect.forEach(names, section))
  const nothing: Section = { value: undefined, where: (path = []) => pathText(path), limits: [], errors: [] }
  const get = (name: Name) => sections.get(name) ?? nothing
  for (const secret of secretsOf(get("provider").value)) secrets.add(secret)
  const hide = Mask.make(secrets)
  const mask = (text: string) => hide(snapshot.mask(text))
  return {
    get: (name) => {
      const section = get(name)
      return { ...section, errors: section.errors.map((each) => ({ ...each, message: mask(each.message) })) }
    },
    mask,
    warnings: held.map(
      ({ file }) =>
        `${file}: a project's "provider" and what its "permission" allows count with --trust alone, ignored`,
    ),
  } satisfies Interface
})

/** The sections of a configuration. */
export class Sections extends Context.Service<Sections, Interface>()("@opencode/config/Sections") {
  /** Reads them. `trusted`: whether the project's files are the person's word, too. */
  static readonly layer = (
    snapshot: Snapshot,
    options: { readonly trusted: boolean },
  ): Layer.Layer<Sections, never, FileSystem.FileSystem | Path.Path> =>
    Layer.effect(Sections)(read(snapshot, options.trusted))
}
