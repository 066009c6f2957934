/** The keywords that hand an instance's members to subschemas (JSON Schema Core, section 10.3 and 11). */
import { isObject } from "../protocol/jsonrpc.ts"
import { dependents } from "./assertions.ts"
import { shown } from "./error.ts"
import type { Pattern } from "./pattern.ts"
import { costOf, count, invalid, type Keyword, list, object, type Reader } from "./reader.ts"
import type { Check, Node, Problem, Run } from "./run.ts"
import { member, namesOf } from "./value.ts"

/** The subschema under a keyword, where there is one. */
const under = (reader: Reader, keyword: string): Node | undefined =>
  Object.hasOwn(reader.schema, keyword) ? reader.node(reader.schema[keyword], keyword) : undefined

const named = (reader: Reader, keyword: string): ReadonlyArray<readonly [name: string, node: Node]> =>
  Object.entries(object(reader, keyword) ?? {}).map(([name, one]) => [name, reader.node(one, keyword, name)])

const isForbidden = ({ schema }: Reader, keyword: string): boolean =>
  Object.hasOwn(schema, keyword) && schema[keyword] === false

const matches = (run: Run, pattern: Pattern, name: string): boolean =>
  run.spend(costOf(pattern, name)) && pattern.test(name)

/** `properties`, `patternProperties` and `additionalProperties`. */
const properties: Keyword = (reader) => {
  const fixed = new Map(named(reader, "properties"))
  const patterned = named(reader, "patternProperties").map(([source, node]) => ({
    node,
    pattern: reader.pattern(source),
  }))
  const additional = under(reader, "additionalProperties")
  const closed = isForbidden(reader, "additionalProperties")
  if (fixed.size === 0 && patterned.length === 0 && additional === undefined) return undefined
  const visitsAll = patterned.length > 0 || additional !== undefined

  return (run, value, seen) => {
    if (!isObject(value)) return true
    let fits = true
    if (!run.spend(fixed.size)) return false
    for (const [name, node] of fixed) {
      const found = member(value, name)
      if (found === undefined) continue
      seen?.names.add(name)
      if (!run.descend(node, name, found)) fits = false
      if (run.isOver) return false
    }
    if (!visitsAll) return fits
    const names = namesOf(value)
    if (!run.spend(names.length)) return false
    for (const name of names) {
      let isKnown = fixed.has(name)
      for (const { node, pattern } of patterned) {
        if (!matches(run, pattern, name)) continue
        isKnown = true
        seen?.names.add(name)
        if (!run.descend(node, name, value[name])) fits = false
        if (run.isOver) return false
      }
      if (isKnown || additional === undefined) continue
      seen?.names.add(name)
      if (closed) fits = run.fail(`the property ${shown(name)} is not allowed here`)
      else if (!run.descend(additional, name, value[name])) fits = false
      if (run.isOver) return false
    }
    return fits
  }
}

const propertyNames: Keyword = (reader) => {
  const node = under(reader, "propertyNames")
  if (node === undefined) return undefined
  return (run, value) => {
    if (!isObject(value)) return true
    let fits = true
    for (const name of namesOf(value)) {
      const problem = run.attempt(node, name)
      if (problem !== undefined) fits = run.fail(`the name of the property ${shown(name)}: ${problem.message}`)
      if (run.isOver) return false
    }
    return fits
  }
}

const dependentSchemas =
  (keyword: "dependentSchemas" | "dependencies"): Keyword =>
  (reader) => {
    if (keyword === "dependentSchemas" && reader.dialect < 2019) return undefined
    const all = object(reader, keyword)
    if (all === undefined) return undefined
    const checks = Object.entries(all).map(([name, one]): readonly [string, Check] => {
      if (keyword === "dependencies" && Array.isArray(one)) {
        const needed = one.filter((other) => typeof other === "string")
        if (needed.length < one.length) invalid(reader, keyword, "an object of schemas and arrays of strings")
        return [name, dependents(name, needed)]
      }
      const node = reader.inPlace(one, keyword, name)
      return [name, (run, value, seen) => run.evaluate(node, value, seen)]
    })
    return (run, value, seen) => {
      if (!isObject(value) || !run.spend(checks.length)) return true
      let fits = true
      for (const [name, check] of checks) {
        if (member(value, name) !== undefined && !check(run, value, seen)) fits = false
        if (run.isOver) return false
      }
      return fits
    }
  }

/** `prefixItems` and `items`, in their older shape `items` and `additionalItems`: which some write without a dialect. */
const items: Keyword = (reader) => {
  const { dialect, schema } = reader
  const isOld = Array.isArray(schema.items)
  const prefixKeyword = isOld ? "items" : "prefixItems"
  const prefix = isOld || dialect >= 2020 ? list(reader, prefixKeyword) : undefined
  const fixed = prefix?.map((one, index) => reader.node(one, prefixKeyword, index)) ?? []
  const restKeyword = isOld ? "additionalItems" : "items"
  const rest = under(reader, restKeyword)
  const closed = isForbidden(reader, restKeyword)
  if (fixed.length === 0 && rest === undefined) return undefined

  return (run, value, seen) => {
    if (!Array.isArray(value)) return true
    const array: ReadonlyArray<unknown> = value
    let fits = true
    const last = rest === undefined ? Math.min(fixed.length, array.length) : array.length
    if (closed && array.length > fixed.length) return run.fail(`expected at most ${fixed.length} items`)
    for (let index = 0; index < last; index++) {
      const node = fixed[index] ?? rest
      if (node !== undefined && !run.descend(node, index, array[index])) fits = false
      if (run.isOver) return false
    }
    if (seen !== undefined) {
      if (rest === undefined) seen.items = Math.max(seen.items, last)
      else seen.allItems = true
    }
    return fits
  }
}

const contains: Keyword = (reader) => {
  const { dialect } = reader
  const node = under(reader, "contains")
  const least = dialect < 2019 ? undefined : count(reader, "minContains")
  const most = dialect < 2019 ? undefined : count(reader, "maxContains")
  if (node === undefined) return undefined

  return (run, value, seen) => {
    if (!Array.isArray(value)) return true
    const array: ReadonlyArray<unknown> = value
    let found = 0
    let first: Problem | undefined
    for (let index = 0; index < array.length; index++) {
      const problem = run.attempt(node, array[index], undefined, index)
      if (run.isOver) return false
      first ??= problem
      if (problem !== undefined) continue
      found++
      if (dialect >= 2020) seen?.indexes.add(index)
    }
    const because = first === undefined ? "" : ` (the first other: ${first.message})`
    if (found < (least ?? 1)) {
      return run.fail(`expected at least ${least ?? 1} items that fit "contains", got ${found}${because}`)
    }
    if (most === undefined || found <= most) return true
    return run.fail(`expected at most ${most} items that fit "contains", got ${found}`)
  }
}

export const applicators: ReadonlyArray<Keyword> = [
  properties,
  propertyNames,
  items,
  contains,
  dependentSchemas("dependentSchemas"),
  dependentSchemas("dependencies"),
]

const unevaluatedProperties: Keyword = (reader) => {
  const node = reader.dialect < 2019 ? undefined : under(reader, "unevaluatedProperties")
  if (node === undefined) return undefined
  const closed = isForbidden(reader, "unevaluatedProperties")
  return (run, value, seen) => {
    if (!isObject(value) || seen === undefined || seen.allNames) return true
    const names = namesOf(value)
    if (!run.spend(4 * names.length)) return false
    let fits = true
    for (const name of names) {
      if (seen.names.has(name)) continue
      if (closed) fits = run.fail(`the property ${shown(name)} is not allowed here`)
      else if (!run.descend(node, name, value[name])) fits = false
      if (run.isOver) return false
    }
    seen.allNames = true
    return fits
  }
}

const unevaluatedItems: Keyword = (reader) => {
  const node = reader.dialect < 2019 ? undefined : under(reader, "unevaluatedItems")
  if (node === undefined) return undefined
  const closed = isForbidden(reader, "unevaluatedItems")
  return (run, value, seen) => {
    if (!Array.isArray(value) || seen === undefined || seen.allItems) return true
    const array: ReadonlyArray<unknown> = value
    if (!run.spend(array.length)) return false
    let fits = true
    for (let index = seen.items; index < array.length; index++) {
      if (seen.indexes.has(index)) continue
      if (closed) fits = run.fail(`the item ${index} is not allowed here`)
      else if (!run.descend(node, index, array[index])) fits = false
      if (run.isOver) return false
    }
    seen.allItems = true
    return fits
  }
}

/** These look at what all others have looked at, so they come last. */
export const unevaluated: ReadonlyArray<Keyword> = [unevaluatedProperties, unevaluatedItems]
