/** Members put into and taken out of texts that people wrote. */
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { blank } from "../../src/config/jsonc.ts"
import { insert, remove } from "../../src/config/member.ts"

const put = (text: string, path: ReadonlyArray<string> = ["mcp", "b"], value: unknown = { x: 1 }) =>
  insert(text, blank(text), path, value)
const take = (text: string, path: ReadonlyArray<string> = ["mcp", "b"]) => remove(text, blank(text), path)

describe("a new member", () => {
  test("of an empty file makes what it stands in", () => {
    expect(put("{}\n")).toBe('{\n  "mcp": {\n    "b": {\n      "x": 1\n    }\n  }\n}\n')
    expect(put('{\n  "mcp": {},\n}\n')).toBe('{\n  "mcp": {\n    "b": {\n      "x": 1\n    }\n  },\n}\n')
  })

  test("comes behind the last, and behind what is said of that on its line", () => {
    const text = '{\n\t"mcp": {\n\t\t"a": {env:A}, // of a\n\t\t// of nothing\n\t},\n}\n'
    expect(put(text)).toBe(
      '{\n\t"mcp": {\n\t\t"a": {env:A}, // of a\n\t\t"b": {\n\t\t\t"x": 1\n\t\t},\n\t\t// of nothing\n\t},\n}\n',
    )
  })

  test("brings a comma where there was none, behind the value and not in its comment", () => {
    expect(put('{\n  "mcp": {\n    "a": 1 // one, two\n  }\n}', ["mcp", "b"], [1, "x"])).toBe(
      '{\n  "mcp": {\n    "a": 1, // one, two\n    "b": [1, "x"]\n  }\n}',
    )
  })

  test("stays on the line of a text of one line, and keeps the ends of lines", () => {
    expect(put('{"mcp": {"a": 1}}')).toBe('{"mcp": {"a": 1, "b": {"x":1}}}')
    expect(put('{\r\n  "mcp": {\r\n    "a": 1\r\n  }\r\n}\r\n', ["mcp", "b"], 2)).toBe(
      '{\r\n  "mcp": {\r\n    "a": 1,\r\n    "b": 2\r\n  }\r\n}\r\n',
    )
  })

  test("keeps comments of an object that holds nothing else", () => {
    expect(put('{\n  "mcp": {\n    // none yet\n  }\n}', ["mcp", "b"], 1)).toBe(
      '{\n  "mcp": {\n    "b": 1\n    // none yet\n  }\n}',
    )
  })

  test("has no place below what is no object", () => {
    expect(put('{"mcp": 7}')).toBe(undefined)
    expect(put("[]")).toBe(undefined)
  })
})

describe("a member that is taken out", () => {
  test("goes with its line and what is said of it there", () => {
    expect(take('{\n  "mcp": {\n    "a": 1, // of a\n    "b": 2, // of b\n    "c": 3\n  }\n}')).toBe(
      '{\n  "mcp": {\n    "a": 1, // of a\n    "c": 3\n  }\n}',
    )
  })

  test("leaves no comma behind where it was the last", () => {
    expect(take('{\n  "mcp": {\n    "a": 1, // of a\n    "b": 2 // of b\n  }\n}')).toBe(
      '{\n  "mcp": {\n    "a": 1 // of a\n  }\n}',
    )
    expect(take('{"mcp": {"a": 1, "b": 2}}')).toBe('{"mcp": {"a": 1}}')
  })

  test("leaves the commas of a file that has one behind each", () => {
    expect(take('{\n  "mcp": {\n    "a": 1,\n    "b": {\n      "x": {env:X},\n    },\n  },\n}')).toBe(
      '{\n  "mcp": {\n    "a": 1,\n  },\n}',
    )
  })

  test("may be the only one, or the first of a line", () => {
    expect(take('{"mcp": {"b": 2}}')).toBe('{"mcp": {}}')
    expect(take('{"mcp": {"b": 2, "c": 3}}')).toBe('{"mcp": {"c": 3}}')
    expect(take('{\n  "mcp": {\n    "b": 2\n  }\n}')).toBe('{\n  "mcp": {\n  }\n}')
  })

  test("must be there", () => {
    expect(take('{"mcp": {"a": 1}}')).toBe(undefined)
  })
})
