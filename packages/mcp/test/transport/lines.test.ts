import { describe, expect, test } from "bun:test"
import { makeLineSplitter } from "../../src/transport/lines.ts"

const framed = (chunks: ReadonlyArray<Buffer>, limit = 1_000_000) => {
  const lines: Array<string> = []
  const oversized: Array<readonly [head: string, tail: string]> = []
  const split = makeLineSplitter(
    { line: (text) => lines.push(text), oversized: (head, tail) => oversized.push([head, tail]) },
    limit,
  )
  chunks.forEach(split.push)
  return { lines, oversized }
}

describe("lines of a local server", () => {
  const text = '{"text":"żółw 🐢"}\n\n{"id":2}\nzażółć\r\n'
  const expected = ['{"text":"żółw 🐢"}', '{"id":2}', "zażółć\r"]

  test("are the same wherever the chunks end, inside a character too", () => {
    const bytes = Buffer.from(text)
    for (let size = 1; size <= bytes.length; size++) {
      const chunks: Array<Buffer> = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      expect(framed(chunks).lines.filter((line) => line !== "")).toEqual(expected)
    }
  })

  test("that are too long are thrown away, and the next one arrives", () => {
    const long = `{"id":7,"text":"${"x".repeat(5_000)}"}`
    const bytes = Buffer.from(`${long}\n{"id":8}\n`)
    for (const size of [100, 1_000, 4_000, bytes.length]) {
      const chunks: Array<Buffer> = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      const { lines, oversized } = framed(chunks, 2_000)
      expect(lines).toEqual(['{"id":8}'])
      expect(oversized).toHaveLength(1)
      expect(oversized[0]?.[0].startsWith('{"id":7')).toBe(true)
      expect(oversized[0]?.[1].endsWith('x"}')).toBe(true)
    }
  })

  test("whose bytes are no UTF-8 arrive with the replacement character, and spoil no other", () => {
    const { lines } = framed([Buffer.from([0x61, 0xff]), Buffer.from([0xc5, 0x0a, 0x62, 0x0a])])
    expect(lines).toEqual(["a\ufffd\ufffd", "b"])
  })
})
