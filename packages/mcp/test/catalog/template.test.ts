import * as Result from "effect/Result"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { type Case, examples, failures } from "@opencode-ai/testing/uritemplate"
import * as Template from "../../src/catalog/template.ts"
import { isObject } from "../../src/protocol/jsonrpc.ts"

const isValue = (value: unknown): value is Template.Value =>
  ["string", "number", "boolean"].includes(typeof value) || Array.isArray(value) || isObject(value)

/** A template with those of the values that it names; `undefined` where one is missing that is required here. */
const expandCase = ({ source, variables }: Case) =>
  Result.flatMap(Template.parse(source), (template) => {
    const values: Record<string, Template.Value> = {}
    for (const { name } of template.variables) {
      const value = variables[name]
      if (isValue(value)) values[name] = value
    }
    const expanded = template.expand(values)
    const isMissing = Result.isFailure(expanded) && expanded.failure.reason._tag === "MissingVariables"
    return isMissing ? Result.succeed(undefined) : expanded
  })

/** The URI, or what is wrong. */
const expand = (source: string, values: Readonly<Record<string, Template.Value>> = {}): string =>
  Template.parse(source).pipe(
    Result.flatMap((template) => template.expand(values)),
    Result.match({ onSuccess: (uri) => uri, onFailure: ({ reason }) => `${reason._tag}: ${reason.message}` }),
  )

describe("the suite that implementations of RFC 6570 share", () => {
  test("expands as it says", () => {
    let missing = 0
    const wrong = examples.flatMap((each) => {
      const got = Result.match(expandCase(each), {
        onSuccess: (uri) => uri,
        onFailure: ({ message }) => `refused: ${message}`,
      })
      if (got === undefined) missing += 1
      if (got === undefined || [each.wanted].flat().includes(got)) return []
      return [`${each.source}: ${got} instead of ${String(each.wanted)}`]
    })
    expect(wrong).toEqual([])
    expect([examples.length > 100, missing < 10]).toEqual([true, true])
  })
  test("is refused where it is no template, but for a hyphen in a name, which servers use", () => {
    const taken = failures.filter((each) => Result.isSuccess(expandCase(each))).map(({ source }) => source)
    expect(taken).toEqual(["/{default-graph-uri}", "/sparql{?query,default-graph-uri}"])
  })
})

describe("a template", () => {
  test("names its variables, each once, and which it cannot do without", () => {
    const template = Result.getOrThrow(Template.parse("test://trip/{country}/{city}{?day,tags*,country}{#part}"))
    expect(template.variables).toEqual([
      { name: "country", required: true, list: false },
      { name: "city", required: true, list: false },
      { name: "day", required: false, list: false },
      { name: "tags", required: false, list: true },
      { name: "part", required: false, list: false },
    ])
    expect(expand("test://trip/{country}/{city}{?day,tags*}", { country: "FR", city: "Aix/Provence" })).toBe(
      "test://trip/FR/Aix%2FProvence",
    )
    expect(expand("test://{x}{?day,tags*}", { x: 1, day: true, tags: ["a", "b c"] })).toBe(
      "test://1?day=true&tags=a&tags=b%20c",
    )
  })
  test("that lacks values names them, and one that has too many names those", () => {
    expect(expand("test://{country}/{city}{?day}", { country: "FR" })).toBe(
      'MissingVariables: "test://{country}/{city}{?day}" needs a value for "city"',
    )
    expect(expand("test://{country}", { country: "FR", citty: "x" })).toBe(
      'UnknownVariables: "test://{country}" has no variable "citty"; it has "country"',
    )
    expect(expand("test://{list}", { list: [] })).toContain("MissingVariables")
  })
  test("that is none is refused with the place of what is wrong", () => {
    expect(expand("test://{a}/{b")).toContain("an expression is not closed (column 12)")
    expect(expand("test://a}")).toContain("a } closes no expression (column 9)")
    expect(expand("test://{a,b c}")).toContain('"b c" names no variable (column 11)')
    expect(expand("test://{}")).toContain("an expression is empty (column 9)")
    expect(expand("test://{|a}")).toContain("the operator | has no meaning")
    expect(expand("{a{b}}")).toContain("BadTemplate")
  })
  test("without variables is a URI", () => expect(expand("test://x y/é%20%zz")).toBe("test://x%20y/%C3%A9%20%25zz"))
})

describe("a value", () => {
  test("is never taken from a prototype, nor put into one", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"]
    for (const name of names) expect(expand(`test://{${name}}`)).toContain("MissingVariables")
    for (const name of names) expect(expand(`test://{?${name}}`)).toBe("test://")
    const own = JSON.parse('{"__proto__": "p", "constructor": "c"}')
    expect(expand("test://{__proto__}/{constructor}", own)).toBe("test://p/c")
    expect(expand("test://{?keys*}", { keys: JSON.parse('{"__proto__": "p"}') })).toBe("test://?__proto__=p")
  })
  test("is cut between characters, not within them, and not within what is encoded already", () => {
    expect(expand("{x:2}", { x: "😀😀😀" })).toBe(encodeURIComponent("😀😀"))
    expect(expand("{?x:1,x:2}", { x: "a😀" })).toBe("?x=a&x=a%F0%9F%98%80")
    expect(expand("{+x:2}", { x: "%C3%A9llo" })).toBe("%C3%A9l")
    expect(expand("{x:2}", { x: ["a"] })).toContain("BadValue")
  })
  test("that is half a character, or half an escape, is made whole", () => {
    expect(expand("{x}{+x}", { x: "a\uD800b" })).toBe("a%EF%BF%BDba%EF%BF%BDb")
    expect(expand("{+x}", { x: "%%41 100% %a ü" })).toBe("%25%41%20100%25%20%25a%20%C3%BC")
    expect(expand("{x}", { x: "!'()*%" })).toBe("%21%27%28%29%2A%25")
    expect(expand("{+x}", { x: '"<>\\^`{|}' })).toBe("%22%3C%3E%5C%5E%60%7B%7C%7D")
  })
  test("that would make an endless URI is refused", () => {
    const long = "a".repeat(Template.valueLimit)
    expect(expand("{x}", { x: long })).toContain("BadValue")
    expect(expand("{x,x,x}", { x: long.slice(0, Template.valueLimit / 2) })).toContain("BadValue")
    expect(expand("{x}", { x: long.slice(1) }).length).toBe(Template.valueLimit - 1)
    expect(expand("{?x*}", { x: Array.from({ length: 20_000 }, () => "") })).toContain("BadValue")
  })
})

describe("a flood", () => {
  /** Milliseconds of CPU: the machine may be busy. What is quadratic in 65,536 characters takes far longer than this allows. */
  const bound = 1_000
  const names = (count: number) => Array.from({ length: count }, (_, at) => `v${at.toString(36)}`)
  const floods: ReadonlyArray<readonly [name: string, make: (size: number) => () => unknown]> = [
    ["of variables", (size) => () => expand(`{?${names(size / 8).join(",")}}`, { v0: "x" })],
    ["of one variable", (size) => () => expand("{x:1}".repeat(size / 5), { x: "y".repeat(size) })],
    ["of commas", (size) => () => expand(`{${",".repeat(size - 2)}}`)],
    ["of open braces", (size) => () => expand("{".repeat(size))],
    ["of closed braces", (size) => () => expand("}".repeat(size))],
    ["of empty expressions", (size) => () => expand("{}".repeat(size / 2))],
    ["of expressions", (size) => () => expand("{?a}".repeat(size / 4), { a: "" })],
    ["of an expression without end", (size) => () => expand(`{${"a".repeat(size - 1)}`)],
    ["of a name without end", (size) => () => expand(`{${"a.".repeat(size / 2 - 2)}a}`)],
    ["of percent signs", (size) => () => expand("%".repeat(size))],
    ["of percent signs in a value", (size) => () => expand("{+x}", { x: "%".repeat(size) })],
    ["of halves in a value", (size) => () => expand("{+x:9999}", { x: "\uD83D".repeat(size) })],
    ["of prefixes", (size) => () => expand(`{+${"x:9999,".repeat(100)}x}`, { x: "%C3".repeat(size / 30) })],
    ["of members", (size) => () => expand("{?x*}", { x: Array.from({ length: size / 8 }, () => ",") })],
  ]
  for (const [name, make] of floods) {
    test(`${name} takes linear time`, () => {
      const run = make(Template.templateLimit)
      const before = process.cpuUsage()
      run()
      expect(process.cpuUsage(before).user / 1_000).toBeLessThan(bound)
    })
  }
  test("that is longer than any template is refused at once", () => {
    expect(expand("{a}".repeat(1_000_000))).toContain("longer than 65536 characters")
  })
})
