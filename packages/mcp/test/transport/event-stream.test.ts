import { describe, expect, test } from "@opencode-ai/testing/runner"
import { type Cursor, EventParser } from "../../src/transport/event-stream.ts"

const parse = (chunks: ReadonlyArray<string>, limit = 1_000) => {
  const cursor: Cursor = { lastEventId: undefined, retry: undefined }
  const events: Array<string> = []
  const ends: Array<readonly [head: string, tail: string]> = []
  const parser = new EventParser(
    cursor,
    {
      event: (type, data) => events.push(type === "" ? data : `${type}=${data}`) > 0,
      oversized: (head, tail) => events.push("oversized") + ends.push([head, tail]) > 0,
    },
    limit,
  )
  for (const chunk of chunks) parser.feed(chunk)
  return { events, cursor, ends }
}

/** The same text in one piece, in pieces of one character, and cut at every place. */
const cuts = (text: string): ReadonlyArray<ReadonlyArray<string>> => [
  [text],
  [...text],
  ...Array.from({ length: text.length }, (_, at) => [text.slice(0, at), text.slice(at)]),
]

describe("an event stream", () => {
  const stream =
    '\uFEFF: a comment\nevent: message\nid: 1\ndata: {"a":1}\n\ndata:two\ndata: lines\n\nretry: 250\nid: 2\ndata:\n\nevent:other\ndata: x\n\nnothing\n\n'
  const want = ['message={"a":1}', "two\nlines", "other=x"]

  for (const [name, text] of [
    ["LF", stream],
    ["CRLF", stream.replaceAll("\n", "\r\n")],
    ["CR", stream.replaceAll("\n", "\r")],
  ] as const) {
    test(`is read the same wherever it is cut, with lines ended by ${name}`, () => {
      for (const chunks of cuts(text)) {
        const { cursor, events } = parse(chunks)
        expect(events).toEqual(want)
        expect(cursor).toEqual({ lastEventId: "2", retry: 250 })
      }
    })
  }

  test("moves its cursor only past events that came whole", () => {
    expect(parse(["id: 1\ndata: a\n\n", "id: 2\ndata: b\n"]).cursor.lastEventId).toBe("1")
  })

  test("does not take an id with a control character, nor a retry that is no number", () => {
    const { cursor } = parse(["id: a\0b\ndata: x\n\nid: a\x01b\nretry: soon\ndata: x\n\n"])
    expect(cursor).toEqual({ lastEventId: undefined, retry: undefined })
  })

  test("loses an event over the limit, and no other", () => {
    const long = "y".repeat(50)
    const stream = `data: a\n\ndata: ${long}\n\ndata: b\n\ndata: ${"z".repeat(25)}\ndata: ${"z".repeat(25)}\n\ndata: c\n\n`
    for (const chunks of cuts(stream)) {
      expect(parse(chunks, 40).events).toEqual(["a", "oversized", "b", "oversized", "c"])
    }
  })

  test("shows the first and last characters of the data over the limit, wherever it is cut", () => {
    const long = `head${"x".repeat(3_000)}`
    const stream = `event: message\ndata: ${long}\ndata: tail\nid: 1\n\ndata:${long}tail\n\n: ${long}\ndata: short\n\n`
    for (const size of [1, 7, 1_000, 2_000, 2_999, stream.length]) {
      const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, at) =>
        stream.slice(at * size, (at + 1) * size),
      )
      const head = long.slice(0, 1_024)
      const { ends } = parse(chunks, 2_000)
      expect(ends.slice(0, 2)).toEqual([
        [head, `${"x".repeat(1_019)}\ntail`],
        [head, `${"x".repeat(1_020)}tail`],
      ])
    }
  })

  test("says once of an event that it may have no end", () => {
    const heads: Array<string> = []
    const parser = new EventParser(
      { lastEventId: undefined, retry: undefined },
      { event: () => true, oversized: () => true, endless: (head) => heads.push(head) > 0 },
      100,
    )
    for (const text of ["data: ", "a".repeat(150)]) parser.feed(text)
    expect(heads).toEqual([])
    for (const text of ["b".repeat(150), "c".repeat(150)]) parser.feed(text)
    expect(heads).toEqual([`${"a".repeat(150)}${"b".repeat(150)}`])
  })

  test("keeps nothing of a line without end", () => {
    const { events } = parse(
      ["data: ", ...Array.from({ length: 100 }, () => "x".repeat(100)), "\n\ndata: a\n\n"],
      1_000,
    )
    expect(events).toEqual(["oversized", "a"])
  })

  test("is not read on when its reader has enough", () => {
    const seen: Array<string> = []
    const parser = new EventParser(
      { lastEventId: undefined, retry: undefined },
      { event: (_, data) => seen.push(data) < 1, oversized: () => true },
      100,
    )
    expect(parser.feed("data: a\n\ndata: b\n\n")).toBe(false)
    expect(seen).toEqual(["a"])
  })
})
