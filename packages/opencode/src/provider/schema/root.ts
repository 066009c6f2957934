/**
 * The root of a tool's schema: an object with properties and no union, whatever the server wrote.
 *
 * No provider takes `anyOf`, `oneOf` or `allOf` there. The members of a union become one object with the properties of
 * all; which of them go together the description says, and the server's own schema still decides.
 */
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import { empty, type Facts, gather, type Union } from "./facts.ts"
import { flat } from "./flat.ts"
import * as Keyword from "./keyword.ts"
import { kept } from "./kept.ts"
import type { At, Rewrite } from "./rewrite.ts"

/** The largest union that is spelt out. */
const mostWays = 8

export const root = (rewrite: Rewrite, at: At): JsonObject => {
  const facts = empty()
  gather(rewrite, facts, at, 0)
  const ways = facts.unions.flatMap((union) => fold(rewrite, facts, union, 0) ?? [])
  if (facts.types !== undefined && !facts.types.includes("object")) rewrite.drop("/type")
  if (facts.values !== undefined) rewrite.drop("/enum")
  return rewrite.dialect.shape === "flat" ? flattened(rewrite, facts, ways) : whole(rewrite, facts, ways)
}

/** Takes the members of a union together. Gives how they differ in what they require. */
const fold = (rewrite: Rewrite, facts: Facts, union: Union, depth: number): string | undefined => {
  const members = union.members
    .map((member) => {
      const own = empty()
      gather(rewrite, own, member, depth + 1)
      if (depth < 5) for (const inner of own.unions) fold(rewrite, own, inner, depth + 1)
      return own
    })
    .filter(({ types }) => types === undefined || types.includes("object"))
  if (members.length !== 1 || union.members.length > 1) rewrite.drop(union.path)
  const names = new Set(members.flatMap(({ properties }) => [...properties.keys()]))
  for (const name of names) {
    const found = members.flatMap(({ properties }) => properties.get(name) ?? [])
    const one = rewrite.combined("anyOf", found)
    const before = facts.properties.get(name)
    const both = one === undefined || before === undefined ? one : rewrite.combined("allOf", [before, one])
    if (both !== undefined) facts.properties.set(name, both)
  }
  const [first, ...others] = members
  for (const name of first?.required ?? []) {
    if (others.every(({ required }) => required.has(name))) facts.required.add(name)
  }
  // What one member forbids another may allow.
  const additional = rewrite.combined(
    "anyOf",
    members.flatMap((member) => member.additional ?? []),
  )
  if (facts.additional === undefined && members.every((member) => member.additional !== undefined)) {
    facts.additional = additional
  }
  const ways = new Set(members.map((member) => [...member.required].map((name) => way(member, name)).join(", ")))
  return ways.size > 1 && ways.size <= mostWays
    ? `Give one of: ${[...ways].map((way) => way || "nothing").join(" | ")}`
    : undefined
}

/** A name that has to be given, with its value where there is one alone: what tells the members apart. */
const way = ({ properties }: Facts, name: string): string => {
  const schema = properties.get(name)?.schema
  const values = typeof schema === "object" ? Keyword.valuesOf(schema) : undefined
  return values?.length === 1 ? `${name}: ${JSON.stringify(values[0])}` : name
}

const worded = (facts: Facts, ways: ReadonlyArray<string>): Array<readonly [string, unknown]> => {
  const title = facts.plain.get("title")
  const said = [facts.plain.get("description"), ...ways].filter((text) => typeof text === "string")
  return [
    ...(typeof title === "string" ? [["title", title] as const] : []),
    ...(said.length > 0 ? [["description", said.join("\n")] as const] : []),
  ]
}

const closed = { additionalProperties: false }

const flattened = (rewrite: Rewrite, facts: Facts, ways: ReadonlyArray<string>): JsonObject => {
  const properties = wanted(rewrite, facts)
  const made = properties.flatMap(([name, at]) => rewrite.property(name, at, (one) => flat(rewrite, one, 1)))
  for (const [keyword, { at }] of facts.rest) rewrite.drop(`${at.path}/${keyword}`)
  return {
    ...Object.fromEntries(worded(facts, ways)),
    type: "object",
    properties: Object.fromEntries(made),
    ...required(facts, properties),
    ...(rewrite.dialect.maps ? additional(facts, (at) => flat(rewrite, at, 1)) : unsaid(rewrite, facts)),
  }
}

/** Of a provider whose objects are closed always. */
const unsaid = (rewrite: Rewrite, { additional }: Facts) => {
  if (additional !== undefined && additional.schema !== false) rewrite.drop(additional.path)
  return {}
}

const wanted = (rewrite: Rewrite, facts: Facts): ReadonlyArray<readonly [string, At]> => {
  for (const name of facts.required) if (!facts.properties.has(name)) rewrite.drop("/required")
  return [...facts.properties].filter(([name, at]) => {
    if (name === "__proto__") rewrite.drop(at.path)
    return name !== "__proto__" && at.schema !== false
  })
}

const required = (
  facts: Facts,
  properties: ReadonlyArray<readonly [string, At]>,
  names?: ReadonlyMap<string, string>,
) => {
  const found = properties.flatMap(([name]) => (facts.required.has(name) ? [names?.get(name) ?? name] : []))
  return found.length === 0 ? {} : { required: found }
}

const additional = ({ additional: at, rest }: Facts, rewrite: (at: At) => JsonObject): JsonObject => {
  if (at !== undefined) return { additionalProperties: typeof at.schema === "boolean" ? at.schema : rewrite(at) }
  return rest.has("patternProperties") || rest.has("unevaluatedProperties") ? {} : closed
}

/** What may stand at the root beside the properties. */
const beside = new Set([
  ...["patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "dependencies"],
  "unevaluatedProperties",
])

const whole = (rewrite: Rewrite, facts: Facts, ways: ReadonlyArray<string>): JsonObject => {
  const properties = wanted(rewrite, facts)
  const names = rewrite.rename(properties.map(([name]) => name))
  const made = properties.flatMap(([name, at]) =>
    rewrite.property(names.get(name) ?? name, at, (one) => kept(rewrite, one, 1)),
  )
  const rest = [...facts.rest].flatMap(([keyword, { at, value }]) => {
    if (beside.has(keyword)) return Object.entries(kept(rewrite, { ...at, schema: { [keyword]: value } }, 0))
    rewrite.drop(`${at.path}/${keyword}`)
    return []
  })
  const counts = ["minProperties", "maxProperties"].flatMap((keyword) => {
    const count = facts.plain.get(keyword)
    return count === undefined ? [] : [[keyword, count] as const]
  })
  const own = {
    ...Object.fromEntries([...worded(facts, ways), ["type", "object"], ["properties", Object.fromEntries(made)]]),
    ...required(facts, properties, names),
    ...Object.fromEntries([...counts, ...rest]),
    ...additional(facts, (at) => kept(rewrite, at, 1)),
  }
  rewrite.finish((at) => kept(rewrite, at, 1))
  const { definitions } = rewrite
  const out: JsonObject = definitions.size === 0 ? own : { ...own, $defs: Object.fromEntries(definitions) }
  const changed = [...names].filter(([from, to]) => from !== to)
  if (changed.length > 0) rewrite.fixes.set(out, { names: new Map(changed.map(([from, to]) => [to, from])) })
  return out
}
