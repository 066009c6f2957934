/**
 * Two thousand tools as real servers have them: much alike within a kind, named and described by each in its own way.
 *
 * The same ones each time. They are made from lists in `work.ts` and `machines.ts`; nothing is random.
 */
import type { CorpusServer, Kind } from "./kind.ts"
import { machines } from "./machines.ts"
import { work } from "./work.ts"

/** A tool as its server lists it. */
export interface CorpusTool {
  readonly server: string
  readonly tool: {
    readonly name: string
    readonly title?: string
    readonly description: string
    readonly inputSchema: { readonly [key: string]: unknown; readonly type: "object" }
  }
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

const plural = (text: string): string => (text.endsWith("y") ? `${text.slice(0, -1)}ies` : `${text}s`)

/** A text in the words of a server. */
const worded = (text: string, { words = {} }: CorpusServer): string =>
  Object.entries(words).reduce(
    (before, [from, to]) =>
      before
        .replaceAll(new RegExp(`\\b${plural(from)}\\b`, "g"), plural(to))
        .replaceAll(new RegExp(`\\b${capital(from)}\\b`, "g"), capital(to))
        .replaceAll(new RegExp(`\\b${from}\\b`, "g"), to),
    text,
  )

const spelt = (words: string, style: CorpusServer["style"]): string => {
  const parts = words.toLowerCase().split(" ")
  if (style === "camel") return parts.map((part, index) => (index === 0 ? part : capital(part))).join("")
  return parts.join(style === "snake" ? "_" : "-")
}

/** How servers speak of themselves, in turn. */
const voices: ReadonlyArray<(text: string, product: string) => string> = [
  (text, product) => `${text.replace(/\.$/, "")} (${product}).`,
  (text) => text,
  (text, product) => `${product}: ${text} Requires that you are signed in.`,
  (text) => `${text}\n\nReturns a JSON object. Use this when the user asks for it; do not guess identifiers.`,
  (text, product) => `Tool of the ${product} integration. ${text}`,
]

const types = { n: { type: "integer" }, b: { type: "boolean" }, l: { type: "array", items: { type: "string" } } }

const parameter = (text: string, server: CorpusServer) => {
  const [, name = "", optional, kind] = /^(\w+)(\?)?(?::([nbl]))?$/.exec(text) ?? []
  const type = kind === "n" || kind === "b" || kind === "l" ? types[kind] : { type: "string" }
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  const given = spelt(worded(words, server), server.style === "kebab" ? "camel" : server.style)
  return {
    name: given,
    schema: { ...type, description: `The ${worded(words, server)}.` },
    required: optional === undefined,
  }
}

const made = (server: CorpusServer, voice: number, line: string): CorpusTool => {
  const [words = "", text = "", parameters = ""] = line.split("|").map((part) => part.trim())
  const own = worded(words, server)
  const all = parameters
    .split(" ")
    .filter((one) => one !== "")
    .map((one) => parameter(one, server))
  const speak = voices[voice % voices.length]
  const description = worded(text, server)
  const required = all.filter((one) => one.required).map(({ name }) => name)
  return {
    server: server.name,
    tool: {
      name: spelt(server.prefix === undefined ? own : `${server.prefix} ${own}`, server.style),
      ...(voice % 2 === 0 ? { title: capital(own) } : {}),
      description: speak === undefined ? description : speak(description, server.product),
      inputSchema: {
        type: "object",
        properties: Object.fromEntries(all.map(({ name, schema }) => [name, schema])),
        ...(required.length === 0 ? {} : { required }),
      },
    },
  }
}

const ofKind = ({ operations, servers }: Kind): ReadonlyArray<CorpusTool> =>
  servers.flatMap((server, voice) =>
    operations
      .trim()
      .split("\n")
      .map((line) => made(server, voice, line)),
  )

/** The first so many of them, 2,000 unless told. */
export const corpus = (count = 2000): ReadonlyArray<CorpusTool> =>
  [...work, ...machines].flatMap(ofKind).slice(0, count)
