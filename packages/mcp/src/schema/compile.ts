/**
 * A document made into checks. Each schema of it is compiled once, when something that is compiled leads to it, with a
 * list of what is still to do in place of recursion: a schema of any shape takes time linear in its size.
 */
import * as Result from "effect/Result"
import { applicators, unevaluated } from "./applicators.ts"
import { assertions } from "./assertions.ts"
import { type Document, isSchema, locate, type Place, resolve, type Resource, token } from "./document.ts"
import { Invalid, type SchemaReason, TooComplex, UnresolvableReference, UnsupportedPattern } from "./error.ts"
import { logic, references } from "./logic.ts"
import type { Engine, Pattern } from "./pattern.ts"
import type { Reader } from "./reader.ts"
import type { Node } from "./run.ts"

const keywords = [...assertions, ...applicators, ...references, ...logic]

/** Schemas that may apply to one instance within each other. */
const longest = 400

const nowhere: ReadonlyMap<Resource, Node> = new Map()
const nothing: Pattern = { size: 0, test: () => true }

/** Compiles a document; `patterns` is needed where it has patterns. */
export const compile = (
  document: Document,
  formats: boolean,
  patterns: Engine | undefined,
): Result.Result<Node, SchemaReason> => {
  const nodes = new Map<object, Node>()
  const todo: Array<{ readonly node: Node; readonly schema: Exclude<Place["schema"], boolean> }> = []
  /** The first is told. */
  const failures: Array<SchemaReason> = []
  const fail = (reason: SchemaReason) => void failures.push(reason)

  const nodeOf = ({ path, resource, schema }: Place): Node => {
    const known = typeof schema === "boolean" ? undefined : nodes.get(schema)
    if (known !== undefined) return known
    const node: Node = { path, resource, checks: [], after: [], inPlace: [] }
    if (schema === false) node.checks.push((run) => run.fail("nothing is allowed here"))
    if (typeof schema === "boolean") return node
    nodes.set(schema, node)
    todo.push({ node, schema })
    return node
  }

  const dynamic = new Map<string, ReadonlyMap<Resource, Node>>()
  const named = (name: string): ReadonlyMap<Resource, Node> => {
    const known = dynamic.get(name)
    if (known !== undefined) return known
    const found = new Map<Resource, Node>()
    dynamic.set(name, found)
    for (const resource of document.resources.values()) {
      const place = resource.dynamic.get(name)
      if (place !== undefined) found.set(resource, nodeOf(place))
    }
    return found
  }

  const readerOf = (node: Node, schema: Reader["schema"]): Reader => {
    const { path, resource } = node
    const below: Reader["node"] = (value, ...keys) => {
      const at = `${path}${keys.map(token).join("")}`
      if (!isSchema(value)) fail(new Invalid({ path: at, detail: "is neither an object nor a boolean, so no schema" }))
      const home = typeof value === "object" && value !== null ? document.homes.get(value) : undefined
      return nodeOf({ schema: isSchema(value) ? value : true, resource: home ?? resource, path: at })
    }
    const inPlace = (one: Node): Node => {
      node.inPlace.push(one)
      return one
    }
    return {
      schema,
      dialect: resource.dialect,
      path,
      formats,
      fail,
      node: below,
      inPlace: (value, ...keys) => inPlace(below(value, ...keys)),
      refer: (reference) => {
        const place = resolve(document, resource, reference)
        if (place === undefined) fail(new UnresolvableReference({ path, reference }))
        return inPlace(place === undefined ? node : nodeOf(place))
      },
      dynamic: (reference) => {
        const place = resolve(document, resource, reference)
        const name = resource.dialect === 2019 ? "" : locate(reference, resource.uri)?.fragment
        if (name === undefined || place === undefined) return nowhere
        return place.resource.dynamic.get(name)?.schema === place.schema ? named(name) : nowhere
      },
      pattern: (pattern) => {
        const compiled = patterns?.(pattern)
        if (compiled === undefined) return nothing
        if (Result.isSuccess(compiled)) return compiled.success
        fail(new UnsupportedPattern({ path, pattern, detail: compiled.failure }))
        return nothing
      },
    }
  }

  const root = nodeOf(document.root)
  for (let next = todo.pop(); next !== undefined && failures.length === 0; next = todo.pop()) {
    const { node, schema } = next
    const reader = readerOf(node, schema)
    const isReference = node.resource.dialect < 2019 && typeof schema.$ref === "string"
    for (const [to, those] of [
      [node.checks, isReference ? references : keywords],
      [node.after, isReference ? [] : unevaluated],
    ] as const) {
      for (const keyword of those) {
        const check = keyword(reader)
        if (check !== undefined) to.push(check)
      }
    }
  }
  const failure = failures[0] ?? endless(nodes.values())
  return failure === undefined ? Result.succeed(root) : Result.fail(failure)
}

/** Whether schemas apply to one instance without end, or through too many others. */
const endless = (all: Iterable<Node>): TooComplex | undefined => {
  /** The longest way from a node; -1 while it is looked for. */
  const lengths = new Map<Node, number>()
  for (const start of all) {
    const stack = [{ node: start, at: 0, length: 0 }]
    if (lengths.has(start)) continue
    lengths.set(start, -1)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.node.inPlace[top.at++]
      const known = next === undefined ? undefined : lengths.get(next)
      if (next === undefined) {
        lengths.set(top.node, top.length)
        stack.pop()
        const above = stack.at(-1)
        if (above !== undefined) above.length = Math.max(above.length, top.length + 1)
      } else if (known === undefined) {
        lengths.set(next, -1)
        stack.push({ node: next, at: 0, length: 0 })
      } else if (known === -1) {
        return new TooComplex({ path: next.path, detail: "it refers to itself without end" })
      } else top.length = Math.max(top.length, known + 1)
      if (top.length > longest) {
        return new TooComplex({ path: top.node.path, detail: `more than ${longest} schemas apply within each other` })
      }
    }
  }
  return undefined
}
