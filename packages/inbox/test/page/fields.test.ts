/** What a person can fill in, and what becomes of it. */
import { describe, expect, test } from "@opencode-ai/testing/runner"
import {
  type Field,
  fieldsOf,
  initial,
  problemsIn,
  type Raw,
  rawOf,
  read,
  readAll,
  shows,
} from "../../src/page/form/fields.ts"

const one = (schema: object, required = false, fills = false): Field => {
  const [field] =
    fieldsOf({ type: "object", properties: { it: schema }, required: required ? ["it"] : [] }, fills) ?? []
  if (field === undefined) throw new Error("there is no field")
  return field
}

const kind = (schema: unknown) => one(Object(schema)).control.kind

const wrongs = (field: Field, raw: Raw): string | undefined => {
  const reading = read(field, raw)
  return "wrong" in reading ? reading.wrong : undefined
}

describe("a field of a schema", () => {
  test("is what its schema lets in", () => {
    expect(kind({ type: "string" })).toBe("text")
    expect(kind({ type: ["string", "null"] })).toBe("text")
    expect(kind({ type: "integer" })).toBe("number")
    expect(kind({ type: "boolean" })).toBe("flag")
    expect(kind({ type: "string", enum: ["a"] })).toBe("choice")
    expect(kind({ oneOf: [{ const: 1 }, { const: 2, title: "Two" }] })).toBe("choice")
    expect(kind({ type: "array", items: { type: "string", enum: ["a"] } })).toBe("choices")
    expect(kind({ type: "array", items: { anyOf: [{ const: "a", title: "A" }] } })).toBe("choices")
    expect(kind({ type: "array", items: { type: "integer" } })).toBe("list")
  })

  test("is JSON where it is more than that", () => {
    expect(kind({ type: "object", properties: {} })).toBe("json")
    expect(kind({ type: "array", items: { type: "object" } })).toBe("json")
    expect(kind({ anyOf: [{ type: "string" }, { type: "number" }] })).toBe("json")
    expect(kind({ $ref: "#/$defs/a", type: "string" })).toBe("json")
    expect(kind(true)).toBe("json")
  })

  test("is called by its titles, those of its choices too", () => {
    expect(one({ type: "string", title: "Full name" }).title).toBe("Full name")
    expect(one({ type: "string" }).title).toBe("it")
    expect(one({ enum: ["r", "g"], enumNames: ["Red"] }).control).toEqual({
      kind: "choice",
      open: true,
      options: [
        { value: "r", title: "Red" },
        { value: "g", title: "g" },
      ],
    })
  })

  test("is none of a schema that is no object's", () => {
    expect(fieldsOf(true)).toBeUndefined()
    expect(fieldsOf({ $ref: "#/$defs/a" })).toBeUndefined()
    expect(fieldsOf({ type: "object", properties: [] })).toBeUndefined()
    expect(fieldsOf({ type: "object" })).toEqual([])
  })
})

describe("what was typed", () => {
  test("is held against the bounds of its field", () => {
    const text = one({ type: "string", minLength: 2, maxLength: 3 })
    expect(read(text, "ab")).toEqual({ value: "ab" })
    expect(read(text, "👍👍👍")).toEqual({ value: "👍👍👍" })
    expect(wrongs(text, "a")).toBe("Type at least 2 characters; there is 1.")
    expect(wrongs(text, "abcd")).toBe("Type at most 3 characters; there are 4.")
    const age = one({ type: "integer", minimum: 18, maximum: 99 })
    expect(read(age, " 42 ")).toEqual({ value: 42 })
    expect(wrongs(age, "17")).toBe("Type a number from 18 on.")
    expect(wrongs(age, "100")).toBe("Type a number of at most 99.")
    expect(wrongs(age, "18.5")).toBe("Type a whole number.")
    expect(wrongs(age, "old")).toBe("Type a whole number.")
    expect(wrongs(one({ type: "number" }), "Infinity")).toBe("Type a number.")
    expect(wrongs(one({ type: "number", exclusiveMinimum: 0 }), "0")).toBe("Type a number greater than 0.")
  })

  test("is held against the format of its field", () => {
    expect(wrongs(one({ type: "string", format: "email" }), "ada")).toBe(
      "Type an e-mail address, as in ada@example.org.",
    )
    expect(wrongs(one({ type: "string", format: "uri" }), "example.org")).toBe(
      "Type a whole address, as in https://example.org/.",
    )
    expect(wrongs(one({ type: "string", format: "date" }), "tomorrow")).toBe("Type a date, as in 2026-01-31.")
    expect(wrongs(one({ type: "string", format: "date-time" }), "noon")).toBe("Type a date and a time.")
  })

  test("is nothing where the field may be left out, and wrong where it may not", () => {
    expect(read(one({ type: "string" }), "")).toEqual({ nothing: true })
    expect(wrongs(one({ type: "string" }, true), "")).toBe("This is required.")
    expect(read(one({ type: "integer" }), "")).toEqual({ nothing: true })
    expect(read(one({ enum: ["a"] }), [])).toEqual({ nothing: true })
    expect(wrongs(one({ enum: ["a"] }, true), [])).toBe("Choose one.")
    expect(read(one({ type: "boolean" }), "")).toEqual({ nothing: true })
  })

  test("is never replaced by a default that the person took away, where the client would fill it in", () => {
    const form = (schema: object) => one(schema, false, true)
    expect(read(form({ type: "string", default: "Ada" }), "")).toEqual({ value: "" })
    expect(wrongs(form({ type: "integer", default: 5 }), "")).toBe("Left empty, it would be 5: type a value.")
    expect(wrongs(form({ enum: ["a"], default: "a" }), [])).toBe("Choose one.")
    expect(read(form({ type: "array", items: { enum: ["a", "b"] }, default: ["a"] }), [])).toEqual({ value: [] })
    expect(read(one({ type: "string", default: "Ada" }), "")).toEqual({ nothing: true })
    expect(read(one({ type: "integer", default: 5 }), "")).toEqual({ nothing: true })
  })

  test("is a choice's own value, of any type, in the order of the schema", () => {
    const choices = one({ type: "array", items: { enum: ["a", "b", "c"] }, minItems: 1, maxItems: 2 })
    expect(read(choices, [2, 0])).toEqual({ value: ["a", "c"] })
    expect(wrongs(choices, [0, 1, 2])).toBe("Choose at most 2.")
    expect(read(one({ enum: [1, null, "1"] }), [1])).toEqual({ value: null })
  })

  test("is a list of its lines", () => {
    expect(read(one({ type: "array", items: { type: "string" } }), "a b\n\n c\n")).toEqual({ value: ["a b", " c"] })
    expect(read(one({ type: "array", items: { type: "number" } }), "1\n2.5")).toEqual({ value: [1, 2.5] })
    expect(wrongs(one({ type: "array", items: { type: "integer" } }), "1\nx")).toBe(
      "Type a whole number on each line; line 2 is none.",
    )
  })

  test("is JSON where nothing else fits", () => {
    expect(read(one({ type: "object" }), '{"a": [1]}')).toEqual({ value: { a: [1] } })
    expect(wrongs(one({ type: "object" }), "{")).toContain("This is no JSON")
  })
})

describe("a form", () => {
  const fields =
    fieldsOf({
      properties: {
        name: { type: "string", default: "Ada" },
        size: { enum: ["s", "m"], default: "m" },
        at: { type: "string", format: "date-time", default: "2026-03-01T10:00:00Z" },
        on: { type: "boolean", default: true },
      },
    }) ?? []

  test("begins with its defaults, and sends them as they are", () => {
    expect(readAll(fields, initial(fields))).toEqual({
      values: { name: "Ada", size: "m", at: "2026-03-01T10:00:00.000Z", on: true },
      problems: new Map(),
    })
  })

  test("shows what was typed as JSON, and reads it back", () => {
    const values = { name: "Eve", size: "s", on: false }
    expect(initial(fields, values).get("name")).toBe("Eve")
    expect(readAll(fields, initial(fields, values)).values).toMatchObject(values)
  })

  test("touches no prototype, whatever its fields are called", () => {
    const schema: unknown = JSON.parse(
      '{"properties": {"__proto__": {"type": "string"}, "constructor": {"type": "string"}}}',
    )
    const odd = fieldsOf(schema) ?? []
    const { values } = readAll(
      odd,
      new Map([
        ["__proto__", "a"],
        ["constructor", "b"],
      ]),
    )
    expect(JSON.stringify(values)).toBe('{"__proto__":"a","constructor":"b"}')
    expect(Object.getPrototypeOf(values)).toBe(Object.prototype)
    expect(initial(odd).get("constructor")).toBe("")
  })

  test("finds what the client said of each field", () => {
    const message =
      'the content does not fit the form: "name": must be longer; "size": expected "s", "m"; the question stays open'
    expect([...problemsIn(fields, message)]).toEqual([
      ["name", "must be longer"],
      ["size", 'expected "s", "m"'],
    ])
  })

  test("shows no value that it could not give back", () => {
    expect(rawOf(one({ enum: ["a"] }), "z")).toEqual([])
    expect(shows(one({ enum: ["a"] }), "z")).toBe(false)
    expect(shows(one({ type: "integer" }), "5")).toBe(false)
    expect(shows(one({ type: "string" }), null)).toBe(false)
    expect(shows(one({ type: "array", items: { type: "string" } }), ["a\nb"])).toBe(false)
    expect(shows(one({ type: "array", items: { enum: ["a"] } }), ["a", "z"])).toBe(false)
    expect(shows(one({ type: "object" }), [1])).toBe(true)
    expect(shows(one({ type: "array", items: { type: "number" } }), [1, 2])).toBe(true)
  })
})
