/**
 * Finding a tool among many by what it does.
 *
 * The index is made when it is first asked, and then follows what servers list, tool by tool. Words are compared by their
 * stems, by their beginnings and, where they are long, with a typing error; what a tool is called counts more than what is
 * said of it.
 */
import type { Tool } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import type MiniSearch from "minisearch"
import type * as MCP from "../mcp/index.ts"

/** The tools of servers, by key. */
export type Tools = Readonly<Record<string, MCP.ToolDefinition>>

export interface Index {
  /** The keys of the tools that fit best, best first, out of those that `isWanted`. */
  readonly find: (
    tools: Tools,
    query: string,
    limit: number,
    isWanted?: (key: string) => boolean,
  ) => Effect.Effect<ReadonlyArray<string>>
}

interface Entry {
  readonly key: string
  readonly definition: MCP.ToolDefinition
}

/** The longest text of one field. What a server says at more length is not worth the time. */
const longest = 2000
/** The longest query, in characters. */
const longestQuery = 500

const weights = { name: 3, title: 2, server: 3, parameters: 0.5 }

/** Words that say nothing about what is wanted. */
const noise = new Set(
  (
    "a an and are as at be by can could did do does for from get give has have how i if in into is it its let me my no not of on " +
    "or our please some than that the their them then there these they this to tool up use used using want was we were " +
    "what when where which who will with would you your"
  ).split(" "),
)

/** Words for the same: what a model asks for is not what a server's author called it. */
const alike = [
  ["add", "create", "insert", "make", "new", "open"],
  ["delete", "discard", "drop", "erase", "remove"],
  ["find", "list", "lookup", "query", "search", "show"],
  ["download", "fetch", "read", "retrieve", "view"],
  ["post", "publish", "send", "submit", "write"],
  ["change", "edit", "modify", "set", "update"],
  ["call", "execute", "invoke", "run", "trigger"],
  ["begin", "launch", "start"],
  ["cancel", "close", "end", "stop", "terminate"],
  ["reboot", "restart"],
  ["move", "rename"],
  ["email", "mail", "message"],
  ["appointment", "event", "meeting"],
  ["directory", "folder"],
  ["issue", "task", "ticket"],
  ["database", "db"],
  ["person", "people", "user"],
]

/** What counts a word that was not said, where one like it was. */
const alikeWeight = 0.4

/** The words of a text; of a name too, however it is spelt. */
const split = (text: string): Array<string> =>
  text
    .slice(0, longest)
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .split(/[^\p{L}\p{N}]+/u)

/** One form of a word for all of its forms, as far as endings tell: it need not be a word itself. */
export const stem = (word: string): string => {
  let root = word
  if (root.length > 4 && root.endsWith("ies")) root = `${root.slice(0, -3)}y`
  else if (root.length > 3 && root.endsWith("s") && !/(?:ss|us|is)$/.test(root)) root = root.slice(0, -1)
  const ending = /(?:ing|ed)$/.exec(root)?.[0]
  if (ending !== undefined && root.length - ending.length >= 3 && /[aeiouy]/.test(root.slice(0, -ending.length))) {
    root = root.slice(0, -ending.length).replace(/([^aeiouyls])\1$/, "$1")
  }
  return root.length > 4 && root.endsWith("e") ? root.slice(0, -1) : root
}

const term = (word: string): string | null => {
  const lower = word.toLowerCase()
  return lower === "" || noise.has(lower) ? null : stem(lower)
}

const synonyms = new Map<string, Array<string>>()
for (const group of alike) {
  for (const word of group) {
    const others = group.filter((other) => other !== word).map(stem)
    synonyms.set(stem(word), [...(synonyms.get(stem(word)) ?? []), ...others])
  }
}

/** The words of a query, and after them others for the same. */
const wordsOf = (query: string): { readonly said: ReadonlyArray<string>; readonly meant: ReadonlyArray<string> } => {
  const said = [...new Set(split(query).flatMap((word) => term(word) ?? []))]
  const meant = said.flatMap((word) => synonyms.get(word) ?? [])
  return { said, meant: [...new Set(meant)].filter((word) => !said.includes(word)) }
}

const fieldOf = ({ definition, key }: Entry, field: string): string => {
  const { server, tool } = definition
  switch (field) {
    case "key":
      return key
    case "name":
      return tool.name
    case "title":
      return tool.title ?? tool.annotations?.title ?? ""
    case "description":
      return tool.description ?? ""
    case "server":
      return server
    default:
      return Object.keys(tool.inputSchema.properties ?? {}).join(" ")
  }
}

/** An index without tools. */
export const make = (): Index => {
  let engine: MiniSearch<Entry> | undefined
  let seen: Tools | undefined
  const known = new Map<string, Tool>()

  const follow = (index: MiniSearch<Entry>, tools: Tools) => {
    if (tools === seen) return
    seen = tools
    for (const [key, tool] of known) {
      if (Object.hasOwn(tools, key) && tools[key]?.tool === tool) continue
      known.delete(key)
      index.discard(key)
    }
    for (const [key, definition] of Object.entries(tools)) {
      if (known.has(key)) continue
      known.set(key, definition.tool)
      index.add({ key, definition })
    }
  }

  /** A new one where most of what is in the old one is gone. */
  const current = (Engine: typeof MiniSearch, tools: Tools): MiniSearch<Entry> => {
    if (engine === undefined || engine.dirtCount > Math.max(1000, engine.documentCount)) {
      known.clear()
      seen = undefined
      engine = new Engine<Entry>({
        idField: "key",
        fields: ["name", "title", "description", "server", "parameters"],
        extractField: fieldOf,
        tokenize: split,
        processTerm: term,
        // It works on in the background, by timers of its own.
        autoVacuum: false,
        searchOptions: {
          boost: weights,
          prefix: (word) => word.length > 2,
          fuzzy: (word) => (word.length > 4 ? 1 : false),
          weights: { prefix: 0.4, fuzzy: 0.3 },
        },
      })
    }
    follow(engine, tools)
    return engine
  }

  return {
    find: (tools, query, limit, isWanted = () => true) =>
      Effect.map(
        Effect.promise(() => import("minisearch")),
        ({ default: Engine }) => {
          const { meant, said } = wordsOf(query.slice(0, longestQuery))
          const wasSaid = (at: number) => at < said.length
          return current(Engine, tools)
            .search([...said, ...meant].join(" "), {
              // They are stems already.
              processTerm: (word) => word,
              boostTerm: (_, at) => (wasSaid(at) ? 1 : alikeWeight),
              prefix: (word, at) => wasSaid(at) && word.length > 2,
              fuzzy: (word, at) => (wasSaid(at) && word.length > 4 ? 1 : false),
              filter: ({ id }) => isWanted(id),
            })
            .slice(0, limit)
            .map(({ id }): string => id)
        },
      ),
  }
}
