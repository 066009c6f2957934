import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { accept, asker, visit } from "./asker.ts"

const refused: ReadonlyArray<{ readonly name: string; readonly params: object; readonly says: string }> = [
  ...["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://example.com/", "vscode://open"].map(
    (url) => ({ name: url, params: visit("1", url), says: "url must be an https: URL, not one of the scheme" }),
  ),
  ...[
    "http://example.com/",
    "http://192.168.1.1/",
    "http://0.0.0.0/",
    "http://169.254.169.254/latest",
    "http://localhost.example.com/",
    "http://127.0.0.1.example.com/",
    "http://[::ffff:127.0.0.1]/",
    "http://2130706434.example/",
  ].map((url) => ({ name: url, params: visit("1", url), says: "http: is allowed on this machine alone" })),
  ...["https://ada:secret@example.com/", "https://example.com@evil.example/", "http://ada@localhost/"].map((url) => ({
    name: url,
    params: visit("1", url),
    says: "url must not have a user or a password in it",
  })),
  ...["/sign-in", "example.com", "", "https://", "--help", "$(id)"].map((url) => ({
    name: JSON.stringify(url),
    params: visit("1", url),
    says: "url must be an absolute URL",
  })),
  { name: "no URL", params: { ...visit("1"), url: undefined }, says: "url must be a string" },
  { name: "a URL of a book", params: visit("1", `https://example.com/${"a".repeat(20_000)}`), says: "at most 16384" },
  { name: "no id", params: { ...visit("1"), elicitationId: undefined }, says: "elicitationId must be a string" },
  {
    name: "an id that is a number",
    params: { ...visit("1"), elicitationId: 1 },
    says: "elicitationId must be a string",
  },
  { name: "an empty id", params: visit(""), says: "elicitationId must be a string of 1 to 4096" },
  { name: "no message", params: { ...visit("1"), message: undefined }, says: "message must be a string" },
]

describe("a visit is refused before anybody is asked:", () => {
  it.effect.each(refused)("%s", ({ params, says }) =>
    Effect.gen(function* () {
      const peer = yield* asker()
      const { error } = yield* peer.ask(params)
      expect(error?.code).toBe(-32602)
      expect(error?.message).toContain(says)
      expect(peer.asked).toEqual([])
    }),
  )
})

const shown: ReadonlyArray<readonly [url: string, shown: object]> = [
  ["https://example.com/a?b=c#d", { url: "https://example.com/a?b=c#d", host: "example.com" }],
  ["HTTPS://EXAMPLE.com:8443", { url: "https://example.com:8443/", host: "example.com:8443" }],
  [" https://exa\tmple.com/\n", { url: "https://example.com/", host: "example.com" }],
  ["https:\\\\example.com\\a", { url: "https://example.com/a", host: "example.com" }],
  ["http://localhost:3000/x", { url: "http://localhost:3000/x", host: "localhost:3000" }],
  ["http://127.1/", { url: "http://127.0.0.1/", host: "127.0.0.1" }],
  ["http://0x7f000001/", { url: "http://127.0.0.1/", host: "127.0.0.1" }],
  ["http://[::1]:8080/", { url: "http://[::1]:8080/", host: "[::1]:8080" }],
  ['https://example.com/"><script>`', { url: "https://example.com/%22%3E%3Cscript%3E%60", host: "example.com" }],
]

describe("a visit", () => {
  it.effect.each(shown.map(([name, params]) => ({ name, params })))("to %s is shown as it would be opened", (each) =>
    Effect.gen(function* () {
      const peer = yield* asker({ elicit: () => Effect.succeed({ action: "accept" }) })
      expect((yield* peer.ask(visit("1", each.name))).result).toEqual({ action: "accept" })
      const asked = { server: "peer", mode: "url", message: "Please sign in", elicitationId: "1" }
      expect(peer.asked.map((request) => ({ ...request }))).toEqual([{ ...asked, ...each.params } as never])
    }),
  )
  it.effect("to a name in Punycode, or to one that becomes it, comes with what it reads as, and a warning", () =>
    Effect.gen(function* () {
      const peer = yield* asker({ elicit: () => Effect.succeed({ action: "accept" }) })
      for (const url of ["https://xn--pple-43d.com:444/", "https://аpple.com:444/"]) {
        yield* peer.ask(visit("1", url))
        const asked = peer.asked.at(-1)
        expect(asked).toMatchObject({ url: "https://xn--pple-43d.com:444/", host: "xn--pple-43d.com:444" })
        expect(asked).toMatchObject({ unicodeHost: "аpple.com:444" })
        expect(asked?.mode === "url" ? asked.warning : "").toContain("xn--pple-43d.com:444 is written in Punycode")
      }
    }),
  )
  it.effect("that is agreed to has no content, whatever the handler says", () =>
    Effect.gen(function* () {
      const peer = yield* asker({ elicit: () => Effect.succeed(accept({ password: "x" })) })
      expect((yield* peer.ask(visit("1"))).result).toEqual({ action: "accept" })
    }),
  )
})

describe("the completion of a visit", () => {
  const told = (peer: Effect.Success<ReturnType<typeof asker>>) => {
    const ids: Array<string> = []
    peer.notifications.listen("elicitation/complete", ({ elicitationId }) => ids.push(elicitationId))
    return ids
  }
  it.effect("is told once, after the answer or before it", () =>
    Effect.gen(function* () {
      const peer = yield* asker({ elicit: () => Effect.succeed({ action: "accept" }) })
      const ids = told(peer)
      yield* peer.ask(visit("after"))
      yield* peer.complete("after")
      yield* peer.complete("after")
      expect(ids).toEqual(["after"])
      const waiting = yield* asker({ elicit: () => Effect.never })
      const before = told(waiting)
      waiting.send(visit("before"))
      yield* waiting.complete("before")
      expect(before).toEqual(["before"])
    }),
  )
  it.effect("that nobody asked for, was declined, refused or cancelled, or is another session's, is ignored", () =>
    Effect.gen(function* () {
      const peer = yield* asker()
      const other = yield* asker({ elicit: () => Effect.succeed({ action: "accept" }) })
      const [ids, others] = [told(peer), told(other)]
      yield* peer.ask(visit("declined"))
      yield* peer.ask(visit("refused", "http://example.com/"))
      yield* other.ask(visit("another's"))
      for (const id of ["unknown", "declined", "refused", "another's"]) yield* peer.complete(id)
      expect(ids).toEqual([])
      const silent = yield* asker({ elicit: () => Effect.never })
      const cancelled = told(silent)
      const requestId = silent.send(visit("cancelled"))
      yield* silent.deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } })
      yield* Effect.yieldNow
      yield* silent.complete("cancelled")
      expect(cancelled).toEqual([])
      yield* other.complete("another's")
      expect(others).toEqual(["another's"])
    }),
  )
})
