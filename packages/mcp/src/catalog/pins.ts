/**
 * Tools as a person knows them: each is pinned in the form in which it was first offered, and one that comes back in
 * another form is held back until that was reviewed.
 *
 * What a tool says of itself is part of what a model is told, so a server that changes it changes what the model does.
 * A tool that is new is offered, and told. One that bears everything of a tool that is gone but its name is that tool,
 * renamed, and held like any other change. Where the host keeps no pins, nothing is held and nothing is compared.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import type { ServerConfig } from "../config.ts"
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import type { Tool } from "../protocol/model.ts"

/** What of a tool is pinned: what a model reads, and what decides of permissions. */
const parts = ["title", "description", "inputSchema", "outputSchema", "annotations", "execution"] as const
export type Form = { readonly [Part in (typeof parts)[number]]?: unknown }

/** Where two forms differ: `inputSchema.properties.path.description`. What was not there, or is no longer, is absent. */
export interface Change {
  readonly path: string
  readonly before?: unknown
  readonly after?: unknown
}

/** The forms of a server's tools, by their names. */
export type Forms = ReadonlyMap<string, Form>
/** What becomes of them: `undefined` is forgotten. */
export type FormChanges = ReadonlyMap<string, Form | undefined>

/** Where pins are kept: by server, for one user. */
export interface Pins {
  /** The forms known of a server; `undefined` where it was never seen. Asked once a server, before its tools are offered. */
  readonly load: (server: ServerConfig) => Forms | undefined
  /** Keeps what changed of them. Where that cannot be, it is the host's to tell. */
  readonly save: (server: ServerConfig, changes: FormChanges) => Effect.Effect<unknown>
}

/**
 * The pins in force. By default there are none.
 *
 * @example
 * ```ts
 * const kept = new Map<string, Map<string, object>>()
 * const untilExit = Layer.succeed(Pins)({
 *   load: ({ name }) => kept.get(name),
 *   save: ({ name }, changes) =>
 *     Effect.sync(() => {
 *       const forms = kept.get(name) ?? new Map<string, object>()
 *       for (const [tool, form] of changes) {
 *         if (form === undefined) forms.delete(tool)
 *         else forms.set(tool, form)
 *       }
 *       kept.set(name, forms)
 *     }),
 * })
 * ```
 */
export const Pins: Context.Reference<Pins | undefined> = Context.Reference<Pins | undefined>("@opencode/mcp/Pins", {
  defaultValue: () => undefined,
})

/** How many forms of tools that are gone are remembered, so that none comes back changed. */
const goneLimit = 1_000
/** How many changes are told one by one. */
const changeLimit = 100

const formOf = (tool: Tool): Form => {
  const form: { -readonly [Part in keyof Form]: Form[Part] } = {}
  for (const part of parts) if (tool[part] !== undefined) form[part] = tool[part]
  return form
}

const own = (of: JsonObject, name: string) => (Object.hasOwn(of, name) ? of[name] : undefined)
const namesOf = (before: JsonObject, after: JsonObject) => new Set([...Object.keys(before), ...Object.keys(after)])
const changed = (path: string, before: unknown, after: unknown): Change => ({
  path,
  ...(before === undefined ? {} : { before }),
  ...(after === undefined ? {} : { after }),
})

/** Collects where two values differ, whatever the order of their members, and no more places than `limit`. */
const compare = (before: unknown, after: unknown, path: string, into: Array<Change>, limit: number): void => {
  if (before === after || into.length >= limit) return
  if (isObject(before) && isObject(after)) {
    for (const name of namesOf(before, after)) {
      compare(own(before, name), own(after, name), path === "" ? name : `${path}.${name}`, into, limit)
    }
    return
  }
  if (Array.isArray(before) && Array.isArray(after) && isSameList(before, after)) return
  into.push(changed(path, before, after))
}

const isSameList = (before: ReadonlyArray<unknown>, after: ReadonlyArray<unknown>): boolean =>
  before.length === after.length && before.every((each, index) => isSame(each, after[index]))

const isSame = (before: unknown, after: unknown): boolean => {
  const found: Array<Change> = []
  compare(before, after, "", found, 1)
  return found.length === 0
}

/**
 * Where two forms differ: none where they are the same. Where they differ in more places than a person is told of one by
 * one, each part that differs is told whole: nothing is left out of what is approved.
 */
export const changes = (before: unknown, after: unknown): ReadonlyArray<Change> => {
  const found: Array<Change> = []
  compare(before, after, "", found, changeLimit + 1)
  if (found.length <= changeLimit || !isObject(before) || !isObject(after)) return found
  return [...namesOf(before, after)]
    .map((name) => changed(name, own(before, name), own(after, name)))
    .filter((part) => !isSame(part.before, part.after))
}

/** One text for all forms that are the same, whatever the order of their members, and for no other. */
const textOf = (form: Form): string =>
  JSON.stringify(form, (_, value: unknown) =>
    isObject(value) ? { "": Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)) } : value,
  )

/** What a tool that is held would be approved as: another one, once it is called or says of itself anything else. */
export const approvalOf = ({ formerly, tool }: Held): string =>
  createHash("sha256")
    .update(JSON.stringify([tool.name, formerly ?? null, textOf(formOf(tool))]))
    .digest("base64url")

/** A tool that is held back. */
export interface Held {
  readonly tool: Tool
  readonly difference: ReadonlyArray<Change>
  /** The name under which it was known, where it was renamed. */
  readonly formerly?: string
}

/** What a reading of a list came to. */
export interface Review {
  readonly held: ReadonlyMap<string, Held>
  /** Tools that were not known, where others were. */
  readonly added: ReadonlyArray<string>
}

/** The pins of one server. */
export interface Reviewer {
  /** Judges a list: it is not to be offered before. What is new is pinned. */
  readonly review: (tools: ReadonlyArray<Tool>) => Review
  /** Pins the present form of a tool that was held. */
  readonly approve: (held: Held) => void
}

/** The pins of a server. `save` is called with what changes. */
export const reviewer = (known: Forms | undefined, save: (changes: FormChanges) => void): Reviewer => {
  const forms = new Map(known)
  let isNew = known === undefined

  /** Those that are gone, by what they said of themselves. */
  const gone = (present: ReadonlySet<string>): ReadonlyMap<string, string> => {
    const found = new Map<string, string>()
    for (const [name, form] of forms) if (!present.has(name)) found.set(textOf(form), name)
    return found
  }
  /** Forgets the oldest of those that are gone. */
  const forget = (present: ReadonlySet<string>): ReadonlyArray<string> => {
    const gone = [...forms.keys()].filter((name) => !present.has(name))
    const forgotten = gone.slice(0, Math.max(0, gone.length - goneLimit))
    for (const name of forgotten) forms.delete(name)
    return forgotten
  }

  return {
    review: (tools) => {
      const held = new Map<string, Held>()
      const added = new Map<string, Form>()
      const present = new Set(tools.map(({ name }) => name))
      const former = tools.every(({ name }) => forms.has(name)) ? new Map<string, string>() : gone(present)
      for (const tool of tools) {
        const { name } = tool
        const form = formOf(tool)
        const before = forms.get(name)
        const difference = before === undefined ? [] : changes(before, form)
        const formerly = before === undefined && former.size > 0 ? former.get(textOf(form)) : undefined
        if (formerly !== undefined) {
          held.set(name, { tool, formerly, difference: [{ path: "name", before: formerly, after: name }] })
        } else if (difference.length > 0) held.set(name, { tool, difference })
        else if (before === undefined) {
          forms.set(name, form)
          added.set(name, form)
        }
      }
      const forgotten = forget(present).map((name) => [name, undefined] as const)
      const first = isNew
      isNew = false
      if (first || added.size > 0 || forgotten.length > 0) save(new Map([...added, ...forgotten]))
      return { held, added: first ? [] : [...added.keys()] }
    },
    approve: ({ formerly, tool }) => {
      const form = formOf(tool)
      if (formerly !== undefined) forms.delete(formerly)
      forms.set(tool.name, form)
      save(new Map([[tool.name, form], ...(formerly === undefined ? [] : [[formerly, undefined] as const])]))
    },
  }
}

/** The pins of a server by the host's `Pins`; `save` runs in the background. */
export const reviewerOf = (pins: Pins, server: ServerConfig, run: (save: Effect.Effect<unknown>) => void): Reviewer =>
  reviewer(pins.load(server), (changes) => run(pins.save(server, changes)))
