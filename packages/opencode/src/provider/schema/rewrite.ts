/**
 * One schema on its way to a provider: what it is read from, what was dropped, and what has to be undone in arguments.
 *
 * The reader of `@opencode-ai/mcp/schema` finds what references lead to, within the schema alone. Everything here is
 * bounded: what would make a schema too large or too deep for a model is cut, and said to be.
 */
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Document from "@opencode-ai/mcp/schema/document"
import * as Keyword from "./keyword.ts"
import type { Dialect } from "./dialect.ts"

/** The largest schema that a model is shown. */
const mostNodes = 5000
const deepest = 40

/** A schema in the server's, and the references that were followed on the way to it. */
export interface At {
  readonly schema: JsonObject | boolean
  readonly resource: Document.Resource
  readonly path: string
  readonly trail: ReadonlySet<string>
}

/** What was changed in a schema, so that arguments that fit it have to be changed back. */
export interface Fix {
  /** The server's values by what stands for them. */
  readonly values?: ReadonlyMap<string, unknown>
  /** The server's names of properties by what stands for them. */
  readonly names?: ReadonlyMap<string, string>
}

export class Rewrite {
  readonly dropped = new Set<string>()
  readonly fixes = new WeakMap<object, Fix>()
  /** Rewritten definitions by their names. */
  readonly definitions = new Map<string, JsonObject>()
  private readonly texts = new WeakMap<object, unknown>()
  private readonly names = new Map<string, string>()
  private readonly waiting: Array<{ readonly name: string; readonly at: At }> = []
  private nodes = 0

  readonly document: Document.Document
  readonly dialect: Dialect

  constructor(document: Document.Document, dialect: Dialect) {
    this.document = document
    this.dialect = dialect
  }

  drop(path: string): void {
    if (this.dropped.size < 100) this.dropped.add(path === "" ? "/" : path)
  }

  /** Whether there is room for one more schema, this deep. */
  enter({ path }: At, depth: number): boolean {
    this.nodes += 1
    if (depth <= deepest && this.nodes <= mostNodes) return true
    this.drop(path)
    return false
  }

  /** A property of an object; none where no more fit. */
  property(name: string, at: At, rewrite: (at: At) => JsonObject): ReadonlyArray<readonly [string, JsonObject]> {
    if (this.nodes <= mostNodes) return [[name, rewrite(at)]]
    this.drop(at.path)
    return []
  }

  /** A schema that stands in another one. */
  below(from: At, schema: unknown, ...keys: ReadonlyArray<string | number>): At | undefined {
    if (!Document.isSchema(schema)) return undefined
    const home = typeof schema === "boolean" ? undefined : this.document.homes.get(schema)
    const path = from.path + keys.map(Document.token).join("")
    return { schema, resource: home ?? from.resource, path, trail: from.trail }
  }

  /** A schema of ours that is made of several. */
  combined(keyword: "allOf" | "anyOf", parts: ReadonlyArray<At>): At | undefined {
    const [first] = parts
    if (first === undefined || parts.length === 1) return first
    const schemas = [...new Map(parts.map(({ schema }) => [this.text(schema), schema])).values()]
    const trail = new Set(parts.flatMap((part) => [...part.trail]))
    const schema = schemas.length === 1 ? (schemas[0] ?? true) : (joined(keyword, schemas) ?? { [keyword]: schemas })
    if (typeof schema === "object" && schemas.length > 1) this.texts.set(schema, schema)
    return { ...first, schema, trail }
  }

  /** What equal schemas have in common. Those that we made are like no other. */
  text(schema: JsonObject | boolean): unknown {
    if (typeof schema === "boolean") return schema
    const known = this.texts.get(schema) ?? JSON.stringify(schema)
    this.texts.set(schema, known)
    return known
  }

  /** What a reference leads to; `undefined` where it is not in the schema. */
  resolve(from: At, reference: unknown): At | undefined {
    if (typeof reference !== "string") return undefined
    const found = Document.resolve(this.document, from.resource, reference)
    return found === undefined ? undefined : { ...found, trail: new Set([...from.trail, found.path]) }
  }

  /** The name under which what a reference leads to will be defined. */
  define(at: At): string {
    const known = this.names.get(at.path)
    if (known !== undefined) return known
    const wanted = (at.path.split("/").at(-1) ?? "").replace(/[^a-zA-Z0-9_.-]/g, "_") || "root"
    const taken = new Set(this.names.values())
    let name = wanted
    for (let count = 2; taken.has(name) || name === "__proto__"; count++) name = `${wanted}_${count}`
    this.names.set(at.path, name)
    this.waiting.push({ name, at })
    return name
  }

  /** Rewrites all that was referred to, and what that refers to. */
  finish(rewrite: (at: At) => JsonObject): void {
    for (let next = this.waiting.pop(); next !== undefined; next = this.waiting.pop()) {
      this.definitions.set(next.name, rewrite(next.at))
    }
  }

  /** The name of a property as the provider takes it. */
  renamed(name: string): string {
    const { names: allowed } = this.dialect
    return allowed?.test(name) === false ? name.replace(/[^a-zA-Z0-9_.-]/g, "_").slice(0, 56) || "_" : name
  }

  /** The names of all properties of an object as the provider takes them, no two alike. */
  rename(names: ReadonlyArray<string>): ReadonlyMap<string, string> {
    const fits = (name: string) => this.renamed(name) === name
    const taken = new Set(names.filter(fits))
    return new Map(
      names.map((name) => {
        if (fits(name)) return [name, name]
        const wanted = this.renamed(name)
        let given = wanted
        for (let count = 2; taken.has(given); count++) given = `${wanted}_${count}`
        taken.add(given)
        return [name, given]
      }),
    )
  }
}

const plainKeys = new Set(["const", "enum", "type"])

/** Several lists of values as one: what tells the members of a union apart. */
const joined = (keyword: string, schemas: ReadonlyArray<JsonObject | boolean>): JsonObject | undefined => {
  if (keyword !== "anyOf") return undefined
  const all: Array<unknown> = []
  for (const schema of schemas) {
    const values = typeof schema === "boolean" ? undefined : Keyword.valuesOf(schema)
    if (values === undefined || Object.keys(schema).some((key) => !plainKeys.has(key))) return undefined
    all.push(...values)
  }
  return { enum: all }
}
