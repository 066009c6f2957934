/**
 * The servers of all sources, each merged from what the sources say of it, in the order in which they are first named.
 *
 * Every entry is kept as it was written beside what it became: an approval is of what was written, and an error names the
 * file and the path in it. The schema of an entry costs a start-up most of its time, so it is loaded with the first server.
 */
import type { ServerConfig } from "@opencode-ai/mcp/config"
import { at, canonical, pathText, section } from "@opencode-ai/mcp/config/shape"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Discovered } from "./discover.ts"
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
  readonly config?: ServerConfig
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

/** A timeout for all servers, as one source has it, substituted. */
export interface SectionTimeout {
  readonly file: string
  readonly path: ReadonlyArray<string>
  readonly value: unknown
}

/** A source as it was parsed: nothing in it is substituted, and it may hold secrets. */
export interface Document {
  readonly file: string
  /** What relative paths in it are relative to. */
  readonly directory: string
  readonly home: string
  readonly project: boolean
  readonly value: unknown
}

/** What the sources say, server by server, the later over the earlier. */
export interface Collected {
  readonly parts: ReadonlyMap<string, ReadonlyArray<Part>>
  readonly timeouts: ReadonlyArray<SectionTimeout>
}

export interface Merged {
  readonly servers: ReadonlyArray<Server>
  readonly warnings: ReadonlyArray<string>
  readonly secrets: ReadonlyArray<string>
  /** What the sections say of all servers, as it is written. */
  readonly timeouts: ReadonlyArray<SectionTimeout>
  /** The sources, for the other sections: `sections.ts`. */
  readonly documents: ReadonlyArray<Document>
}

/** What one source says of a server. */
export interface Part {
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
  const timeouts: Array<SectionTimeout> = []
  const documents: Array<Document> = []

  for (const source of found.sources) {
    const { file } = source
    const document = yield* parse(source.text, file)
    documents.push({ file, directory: source.directory, home: found.home, project: source.project, value: document })
    const take = Effect.fnUntraced(function* (value: unknown) {
      const result: Substituted = yield* substitute(value, { directory: source.directory, home: found.home })
      for (const secret of result.secrets) secrets.add(secret)
      return result
    })
    const takeTimeout = Effect.fnUntraced(function* (path: ReadonlyArray<string>, written: unknown) {
      if (written !== undefined) timeouts.push({ file, path, value: (yield* take(written)).value })
    })

    yield* takeTimeout(["experimental", "mcp_timeout"], at(document, ["experimental", "mcp_timeout"]))
    const mcp = at(document, ["mcp"])
    if (mcp === undefined) continue
    const { servers, stray, timeout } = section(mcp)
    for (const each of stray) warnings.push(`${file}: ${pathText(each.path)}: expected an object, ignored`)
    yield* takeTimeout(["mcp", "timeout"], timeout)
    for (const { entry, name: writtenName, path } of servers) {
      const name = String((yield* take(writtenName)).value)
      const { errors, value, variables } = yield* take(entry)
      const origin: Origin = { file, path, project: source.project }
      const part: Part = { origin, entry, written: canonical(entry), value: canonical(value), variables, errors }
      parts.set(name, [...(parts.get(name) ?? []), part])
    }
  }

  if (parts.size === 0) return { servers: [], warnings, secrets: [...secrets], timeouts, documents } satisfies Merged
  const { assemble, secretsOf } = yield* Effect.promise(() => import("./assemble.ts"))
  const assembled = assemble({ parts, timeouts })
  for (const part of [...parts.values()].flat()) for (const secret of secretsOf(part.value)) secrets.add(secret)
  return {
    servers: assembled.servers,
    warnings: [...new Set([...warnings, ...assembled.warnings])],
    secrets: [...secrets],
    timeouts,
    documents,
  } satisfies Merged
})
