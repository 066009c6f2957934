/** Instances of a schema, the same ones each time: some of each branch, with optional members and without. */

interface Json {
  readonly [key: string]: unknown
}

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const texts = ["", "a", "hello world", "2026-01-01", "https://example.com/a", "x".repeat(40), "12"]

const ofType = (root: Json, schema: Json, type: unknown, depth: number): ReadonlyArray<unknown> => {
  const number = (fallback: number, value: unknown) => (typeof value === "number" ? value : fallback)
  switch (type) {
    case "string":
      return texts
    case "integer":
    case "number": {
      const least = number(-3, schema.minimum)
      return [least, least + 1, number(7, schema.maximum), 0, ...(type === "number" ? [least + 0.5] : [])]
    }
    case "boolean":
      return [true, false]
    case "null":
      return [null]
    case "array": {
      const some = depth > 5 ? [] : samples(root, schema.items ?? {}, depth + 1).slice(0, 4)
      return [[], some, ...some.map((one) => [one])]
    }
    default: {
      const properties = Object.entries(isObject(schema.properties) ? schema.properties : {})
      const given = properties.map(([name, one]) => [name, depth > 5 ? [] : samples(root, one, depth + 1)] as const)
      const most = Math.max(1, ...given.map(([, values]) => values.length))
      const required = new Set(Array.isArray(schema.required) ? schema.required : [])
      const all = Array.from({ length: Math.min(most, 8) }, (_, turn) =>
        given.flatMap(([name, values]) => (values.length === 0 ? [] : [[name, values[turn % values.length]] as const])),
      )
      const few = all.map((entries) => entries.filter(([name]) => required.has(name)))
      const open = isObject(schema.additionalProperties) || schema.additionalProperties === true
      const other = open ? [{ ...Object.fromEntries(few[0] ?? []), other: "value" }] : []
      return [...all, ...few].map((entries): unknown => Object.fromEntries(entries)).concat(other)
    }
  }
}

export const samples = (root: Json, schema: unknown, depth = 0): ReadonlyArray<unknown> => {
  if (!isObject(schema)) return schema === false ? [] : ["anything", 1, null]
  if (typeof schema.$ref === "string" && isObject(root.$defs)) {
    return depth > 5 ? [] : samples(root, root.$defs[schema.$ref.slice("#/$defs/".length)], depth + 1)
  }
  if (Array.isArray(schema.enum)) return schema.enum
  const branches = [schema.anyOf, schema.oneOf, schema.allOf].find(Array.isArray)
  if (branches !== undefined) return branches.flatMap((one) => samples(root, one, depth + 1))
  const types = Array.isArray(schema.type) ? schema.type : [schema.type]
  if (schema.type === undefined) return ["anything", 1]
  return types.flatMap((type) => ofType(root, schema, type, depth))
}
