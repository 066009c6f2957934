/** How a stranger's text is shown. */
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { makeReader } from "../../src/page/sse.ts"
import { address, clock, cut, line, media, parted, pieces, shown } from "../../src/page/text.ts"

describe("a stranger's text", () => {
  test("hides nothing", () => {
    expect(shown("a\u202eb\u200bc\u001b[31m\r\nd\te")).toBe("a\\u{202e}b\\u{200b}c\\u{1b}[31m\nd\te")
    expect(shown("\u{e0041}")).toBe("\\u{e0041}")
    expect(line(" a\n\tb\u2066 ")).toBe("a b\\u{2066}")
    expect(pieces("a\u202eb")).toEqual([
      { text: "a", unseen: false },
      { text: "\\u{202e}", unseen: true },
      { text: "b", unseen: false },
    ])
  })

  test("is cut where it is long, and not within a character", () => {
    expect(cut("short", 10, 5)).toBeUndefined()
    expect(cut("a\nb\nc\nd", 100, 2)).toBe("a\nb")
    expect(cut("a\nb\n", 100, 2)).toBeUndefined()
    expect(cut("abcdef", 3, 5)).toBe("abc")
    expect(cut("ab👍", 3, 5)).toBe("ab")
  })

  test("is an address where a browser may go, and nothing else", () => {
    expect(address("https://example.org")).toBe("https://example.org/")
    expect(address("http://127.0.0.1:3000/a")).toBe("http://127.0.0.1:3000/a")
    for (const bad of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x", "x", " javascript:x"]) {
      expect(address(bad)).toBeUndefined()
    }
  })

  test("is an address whose host stands apart, not its user", () => {
    expect(parted("https://example.org@evil.test:8080/a?b#c")).toEqual({
      before: "https://example.org@",
      host: "evil.test:8080",
      after: "/a?b#c",
    })
    expect(parted("nothing")).toEqual({ before: "nothing", host: "", after: "" })
  })

  test("is a picture where it is one that cannot run anything", () => {
    expect(media("image", "image/png", "aGk=")).toBe("data:image/png;base64,aGk=")
    expect(media("audio", "audio/wav", "aGk=")).toBe("data:audio/wav;base64,aGk=")
    expect(media("image", "image/svg+xml", "aGk=")).toBeUndefined()
    expect(media("image", "image/png", "https://example.org/a.png")).toBeUndefined()
    expect(media("image", "image/png;x,<svg", "aGk=")).toBeUndefined()
    expect(media("image", undefined, "aGk=")).toBeUndefined()
  })
})

test("time that is left is shown as a clock shows it", () => {
  expect(clock(65_000)).toBe("1:05")
  expect(clock(3_600_000)).toBe("1:00:00")
  expect(clock(-1)).toBe("0:00")
})

test("events are read however they are cut", () => {
  const stream = ': hello\n\ndata: {"a":1}\n\ndata:{"b":\r\ndata: 2}\r\n\r\nevent: x\ndata: 3\n\n'
  for (const size of [1, 2, 3, 7, 100]) {
    const read = makeReader()
    const all: Array<string> = []
    for (let at = 0; at < stream.length; at += size) all.push(...read(stream.slice(at, at + size)))
    expect(all).toEqual(['{"a":1}', '{"b":\n2}', "3"])
  }
})
