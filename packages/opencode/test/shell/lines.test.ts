import { describe, expect, test } from "@opencode-ai/testing/runner"
import { type Line, Lines } from "../../src/cli/shell/lines.ts"

const split = (chunks: ReadonlyArray<Uint8Array>, limit?: number): ReadonlyArray<Line> => {
  const found: Array<Line> = []
  const lines = new Lines((line) => found.push(line), limit)
  for (const chunk of chunks) lines.push(chunk)
  lines.end()
  return found
}

const texts = (chunks: ReadonlyArray<Uint8Array>) => split(chunks).map(({ text }) => text)

describe("lines", () => {
  const text = "é€😀\u2028\u2029\u0085\r\n\n  \nlast"
  const whole = ["é€😀\u2028\u2029\u0085\r", "", "  ", "last"]

  test("are the same wherever the bytes are cut", () => {
    const bytes = Buffer.from(text)
    expect(texts([bytes])).toEqual(whole)
    expect(texts([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole)
    for (let at = 1; at < bytes.length; at++) expect(texts([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
  })

  test("end with the last line feed where nothing comes after it", () => {
    expect(texts([Buffer.from("a\n")])).toEqual(["a"])
    expect(texts([])).toEqual([])
  })

  test("do not change with a buffer that its reader uses again", () => {
    const buffer = Buffer.from("abc")
    const found: Array<Line> = []
    const lines = new Lines((line) => found.push(line))
    lines.push(buffer)
    buffer.fill("x")
    lines.push(Buffer.from("\n"))
    expect(found).toEqual([{ text: "abc" }])
  })

  test("over the limit are thrown away, and the next one is whole", () => {
    const found = split([Buffer.from("12345\n123"), Buffer.from("456\n12")], 5)
    expect(found).toEqual([{ text: "12345" }, { problem: "the line is longer than 5 bytes" }, { text: "12" }])
  })
})
