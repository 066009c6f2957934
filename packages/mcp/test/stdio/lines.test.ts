import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { makeLineSplitter } from "../../src/transport/lines.ts"
import { answeredId } from "../../src/transport/oversized.ts"

const split = (chunks: ReadonlyArray<Buffer>, limit = 1_000_000) => {
  const lines: Array<string> = []
  const tooLong: Array<readonly [head: string, tail: string]> = []
  const splitter = makeLineSplitter(
    { line: (text) => lines.push(text), oversized: (head, tail) => tooLong.push([head, tail]) },
    limit,
  )
  chunks.forEach(splitter.push)
  splitter.end()
  return { lines, tooLong }
}

/** Cuts bytes after so many each, again and again. */
const cut = (bytes: Buffer, sizes: ReadonlyArray<number>) => {
  const chunks: Array<Buffer> = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const sizes = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))), {
  minLength: 1,
  maxLength: 6,
})
const text = Arbitrary.map(Arbitrary.schema(Schema.String), (value) => `${value.replaceAll("\n", "")}ü漢🙂`)

describe("lines", () => {
  it.effect("arrive whole wherever the bytes are cut, in the middle of a character too", () =>
    Effect.gen(function* () {
      const result = yield* Arbitrary.checkEffect(
        Arbitrary.all({ lines: Arbitrary.array(text, { maxLength: 8 }), sizes }),
        ({ lines, sizes }) =>
          Effect.sync(() => {
            const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""))
            const known = lines.map((line) => Buffer.from(line).toString())
            return JSON.stringify(split(cut(bytes, sizes)).lines) === JSON.stringify(known)
          }),
        { size: 100 },
      )
      expect(Arbitrary.formatCheckFailure(result)).toBe(undefined)
    }),
  )

  it.effect("over the limit show their first and last bytes wherever they are cut", () =>
    Effect.gen(function* () {
      const result = yield* Arbitrary.checkEffect(
        Arbitrary.all({
          sizes,
          over: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3_000 }))),
        }),
        ({ over, sizes }) =>
          Effect.sync(() => {
            const line = `head${"x".repeat(1_500 + over - 8)}tail`
            const { lines, tooLong } = split(cut(Buffer.from(`${line}\nnext\n`), sizes), 1_500)
            return (
              JSON.stringify(lines) === `["next"]` &&
              JSON.stringify(tooLong) === JSON.stringify([[line.slice(0, 1024), line.slice(-1024)]])
            )
          }),
        { size: 100 },
      )
      expect(Arbitrary.formatCheckFailure(result)).toBe(undefined)
    }),
  )

  test("over the limit are told of before their end to who wants that, once, and each anew", () => {
    const told: Array<string> = []
    let isHeeded = true
    const splitter = makeLineSplitter(
      {
        line: (text) => told.push(`line ${text}`),
        oversized: (head) => told.push(`end of ${head.slice(0, 1)}`),
        endless: (head) => told.push(`beginning of ${head.slice(0, 1)}`) > 0 && isHeeded,
      },
      10,
    )
    for (const text of ["aaaaaaaa", "aaaaaaaa", "aaaaaaaa", "a\nb\n"]) splitter.push(Buffer.from(text))
    isHeeded = false
    for (const text of ["cccccccccccc", "\n", "dddddddddddd\ne\n"]) splitter.push(Buffer.from(text))
    expect(told).toEqual(["beginning of a", "line b", "beginning of c", "end of c", "end of d", "line e"])
  })

  test("end with the output, with or without a newline", () => {
    expect(split([Buffer.from("one\ntw"), Buffer.from("o")]).lines).toEqual(["one", "two"])
    expect(split([Buffer.from("one\n")]).lines).toEqual(["one"])
  })

  test("keep their carriage returns, and are the same for chunks of every size", () => {
    const bytes = Buffer.from('{"text":"żółw 🐢"}\n\n{"id":2}\nzażółć\r\n')
    for (let size = 1; size <= bytes.length; size++) {
      expect(split(cut(bytes, [size])).lines).toEqual(['{"text":"żółw 🐢"}', '{"id":2}', "zażółć\r"])
    }
  })

  test("whose bytes are no UTF-8 have the replacement character, and spoil no other", () => {
    const { lines } = split([Buffer.from([0x61, 0xff]), Buffer.from([0xc5, 0x0a, 0x62, 0x0a])])
    expect(lines).toEqual(["a\ufffd\ufffd", "b"])
  })

  test("that are empty are none", () => expect(split([Buffer.from("\n\n\na\n\n")]).lines).toEqual(["a"]))

  test("of one chunk are held to the limit too", () => {
    const { lines, tooLong } = split([Buffer.from(`short\n${"y".repeat(3_000)}\nshort\n`)], 2_000)
    expect(lines).toEqual(["short", "short"])
    expect(tooLong.length).toBe(1)
  })
})

describe("the answer that was too long", () => {
  const x = "x".repeat(2_000)
  const answers = [
    { name: "its id first", text: `{"jsonrpc":"2.0","id":7,"result":{"a":"${x}"}}`, id: 7 },
    { name: "its id last", text: `{"jsonrpc":"2.0","result":{"a":"${x}"},"id":7}`, id: 7 },
    { name: "its id before the version", text: `{"result":{"a":"${x}"},"id":7,"jsonrpc":"2.0"}`, id: 7 },
    { name: "spaces", text: `{ "jsonrpc" : "2.0", "result" : {"a":"${x}"} , "id" : 7 } `, id: 7 },
    { name: "a text id", text: `{"jsonrpc":"2.0","id":"se\\"ven","result":{"a":"${x}"}}`, id: 'se"ven' },
    { name: "another id inside", text: `{"result":{"id":3,"b":[{"id":4}],"a":"${x}"},"id":7}`, id: 7 },
    { name: "another id inside at the end", text: `{"result":{"a":"${x}","id":3}}`, id: undefined },
    { name: "an id in a text", text: `{"result":{"a":"{\\"id\\":3,${x},\\"id\\":4}"},"id":7}`, id: 7 },
    {
      name: "a method: it is a request of the server",
      text: `{"jsonrpc":"2.0","id":7,"method":"roots/list","params":"${x}"}`,
      id: undefined,
    },
    { name: "a method, the id last", text: `{"method":"roots/list","params":"${x}","id":7}`, id: undefined },
    { name: "a number cut off", text: `{"a":"${"x".repeat(1_010)}","id":12345678,"b":"${x}"}`, id: undefined },
    { name: "no JSON", text: x, id: undefined },
  ]
  for (const { id, name, text } of answers) {
    test(`is known by ${name}`, () => expect(answeredId(text.slice(0, 1024), text.slice(-1024))).toBe(id))
  }
})
