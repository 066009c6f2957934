/** Schemas and instances made up from a seed, for comparing one validator with another. */

/** Numbers of [0, 1) from a seed (mulberry32). */
const numbers = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
}

export type Draft = 7 | 2019 | 2020

export const uris: Readonly<Record<Draft, string>> = {
  7: "http://json-schema.org/draft-07/schema#",
  2019: "https://json-schema.org/draft/2019-09/schema",
  2020: "https://json-schema.org/draft/2020-12/schema",
}

type Maker = (depth: number) => unknown

export const makers = (
  seed: number,
  draft: Draft,
): { readonly schema: () => object; readonly instance: () => unknown } => {
  const random = numbers(seed)
  const below = (count: number) => Math.floor(random() * count)
  const pick = <Item>(items: ReadonlyArray<Item>): Item => {
    const item = items[below(items.length)]
    if (item === undefined) throw new Error("nothing to pick")
    return item
  }
  const times = <Item>(most: number, make: (index: number) => Item) =>
    Array.from({ length: below(most + 1) }, (_, at) => make(at))
  const name = () => pick(["a", "b", "c", "length", "d", "é"])
  const record = (make: () => unknown) => {
    const made: Record<string, unknown> = Object.create(null)
    for (const one of times(3, name)) made[one] = make()
    return Object.fromEntries(Object.entries(made))
  }
  const scalar = () =>
    pick<unknown>([null, true, false, 0, 1, -1, 1.5, 2, 3, 0.3, "", "a", "ab", "é😀", "1", "true", "a\u0001"])
  const value: Maker = (depth) =>
    depth === 0 || random() < 0.4
      ? scalar()
      : random() < 0.5
        ? times(4, () => value(depth - 1))
        : record(() => value(depth - 1))
  const pattern = () => pick(["a", "^a$", "^[a-c]*$", "b|^$", "\\d", "^.$", "(ab)+", "^\\w{1,2}$", "^(?!a).*$"])
  const some = (make: () => unknown) => [make(), ...times(2, make)]

  const schema: Maker = (depth) => {
    if (random() < 0.1) return random() < 0.6
    const sub = () => (depth === 0 ? pick<unknown>([true, false, { type: "string" }, {}]) : schema(depth - 1))
    const modern: ReadonlyArray<readonly [string, () => unknown]> = [
      ["dependentRequired", () => record(() => [...new Set(times(2, name))])],
      ["dependentSchemas", () => record(sub)],
    ]
    const keywords: ReadonlyArray<readonly [string, () => unknown]> = [
      [
        "type",
        () => pick<unknown>(["string", "integer", "number", "object", "array", "null", "boolean", ["string", "array"]]),
      ],
      ["enum", () => some(() => value(2))],
      ["const", () => value(2)],
      ["minimum", () => below(3)],
      ["maximum", () => below(3)],
      ["exclusiveMinimum", () => below(3)],
      ["multipleOf", () => pick([1, 2, 0.5, 1.5])],
      ["minLength", () => below(3)],
      ["maxLength", () => below(3)],
      ["pattern", pattern],
      ["minItems", () => below(3)],
      ["maxItems", () => below(4)],
      ["uniqueItems", () => random() < 0.7],
      ["minProperties", () => below(2)],
      ["maxProperties", () => below(4)],
      ["required", () => [...new Set(times(2, name))]],
      ["properties", () => record(sub)],
      ["properties", () => record(sub)],
      ["patternProperties", () => Object.fromEntries(times(2, () => [pattern(), sub()]))],
      ["additionalProperties", sub],
      ["propertyNames", sub],
      ["items", () => (draft < 2020 && random() < 0.4 ? some(sub) : sub())],
      ["items", sub],
      draft < 2020 ? ["additionalItems", sub] : ["prefixItems", () => some(sub)],
      ["allOf", () => some(sub)],
      ["anyOf", () => some(sub)],
      ["oneOf", () => some(sub)],
      ["not", sub],
      ["if", sub],
      ["then", sub],
      ["else", sub],
      ...(draft < 2019 ? [] : modern),
      ...(draft < 2019 ? [] : modern),
    ]
    return Object.fromEntries(
      [pick(keywords), ...times(3, () => pick(keywords))].map(([keyword, make]) => [keyword, make()]),
    )
  }
  return {
    schema: () => {
      const made = schema(3)
      return { $schema: uris[draft], ...(typeof made === "object" ? made : { not: made }) }
    },
    instance: () => value(3),
  }
}
