import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { testEffect } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Bus from "../../src/bus/index.ts"
import * as Permission from "../../src/permission/index.ts"
import * as Question from "../../src/permission/question.ts"

const over = (section: unknown, options: Permission.Options = {}) =>
  testEffect(
    Permission.layer({ rules: Permission.fromConfig(section, "opencode.json").rules, ...options }).pipe(
      Layer.provideMerge(Bus.layer),
    ),
  )

const question = (permission: string, more: Partial<Permission.AskInput> = {}): Permission.AskInput => ({
  sessionID: "ses_1",
  permission,
  patterns: ["*"],
  always: ["*"],
  metadata: {},
  ...more,
})

const ask = (permission: string, more?: Partial<Permission.AskInput>) =>
  Effect.flatMap(Permission.Service, (service) => service.ask(question(permission, more)))
const refusal = (permission: string, more?: Partial<Permission.AskInput>) =>
  Effect.map(Effect.flip(ask(permission, more)), ({ reason }) => reason)
const reply = (requestID: string, reply: Permission.Reply, message?: string) =>
  Effect.flatMap(Permission.Service, (service) =>
    service.reply({ requestID, reply, ...(message === undefined ? {} : { message }) }),
  )
const waiting = Effect.flatMap(Permission.Service, ({ list }) => list())

/** Asks in the background; gives the question once it is on the bus. */
const asked = (permission: string, more?: Partial<Permission.AskInput>) =>
  Effect.gen(function* () {
    const bus = yield* Bus.Service
    const fiber = yield* Effect.forkChild(Effect.exit(ask(permission, more)), { startImmediately: true })
    const [request] = (yield* waiting).slice(-1)
    if (request === undefined) return yield* Effect.die("nothing was asked")
    return { bus, fiber, request }
  })

const replies = (count: number) =>
  Effect.flatMap(Bus.Service, (bus) => bus.subscribe(Permission.Replied).pipe(Stream.take(count), Stream.runCollect))

describe("without rules", () => {
  const it = over(undefined)

  it.effect("a tool may be called, and one that may destroy asks, as `read` of secrets does", () =>
    Effect.gen(function* () {
      yield* ask("files_read")
      yield* ask("read", { patterns: ["src/main.ts"] })
      yield* ask("read", { patterns: ["src/.env.example"] })
      const careful = yield* asked("files_delete", { careful: true })
      const secret = yield* asked("read", { patterns: ["a.ts", "src/.env"] })
      yield* reply(careful.request.id, "once")
      yield* reply(secret.request.id, "once")
      expect((yield* Fiber.join(careful.fiber))._tag).toBe("Success")
      expect((yield* Fiber.join(secret.fiber))._tag).toBe("Success")
    }),
  )
})

describe("with limits of others", () => {
  const rules = (section: unknown) => Permission.fromConfig(section, "opencode.json").rules
  const it = over(
    { a: "allow", b: "deny", "c*": "ask" },
    { limits: [rules({ "*": "ask", c: "deny" }), rules({ d: "deny" })] },
  )

  it.effect("each narrows the rules, those of a session too, and none widens them", () =>
    Effect.gen(function* () {
      const { fiber, request } = yield* asked("a")
      yield* reply(request.id, "once")
      expect((yield* Fiber.join(fiber))._tag).toBe("Success")
      expect((yield* refusal("b"))._tag).toBe("Denied")
      expect((yield* refusal("c", { ruleset: rules("allow") }))._tag).toBe("Denied")
      expect((yield* refusal("d"))._tag).toBe("Denied")
      const { isHidden } = yield* Permission.Service
      expect(["a", "b", "c", "cc", "d"].map((permission) => isHidden({ permission }))).toEqual([
        false,
        true,
        true,
        false,
        true,
      ])
    }),
  )
})

describe("with rules", () => {
  const it = over({ "*": "ask", "safe_*": "allow", safe_but_not_this: "deny", read: { "mcp:vault:*": "deny" } })

  it.effect("the last that matches decides, whatever a server says of its tool", () =>
    Effect.gen(function* () {
      yield* ask("safe_tool", { careful: true })
      const denied = yield* refusal("safe_but_not_this", { relaxed: true })
      expect(denied._tag).toBe("Denied")
      expect(denied.message).toContain("safe_but_not_this is denied by the rule")
      expect((yield* refusal("read", { patterns: ["mcp:vault:secret://1"] }))._tag).toBe("Denied")
    }),
  )

  it.effect("the full key of a tool counts like its short one", () =>
    Effect.gen(function* () {
      expect((yield* refusal("safe_1234abcd", { aliases: ["safe_but_not_this"] }))._tag).toBe("Denied")
    }),
  )

  it.effect("that a tool only reads spares the question that is asked of all, and no other", () =>
    Effect.gen(function* () {
      yield* ask("any_tool", { relaxed: true })
      const one = yield* asked("any_tool")
      yield* Fiber.interrupt(one.fiber)
    }),
  )

  it.effect("the session's own come after the configuration's", () =>
    Effect.gen(function* () {
      yield* ask("safe_but_not_this", { ruleset: [{ permission: "*", pattern: "*", action: "allow" }] })
      const { isHidden } = yield* Permission.Service
      expect(isHidden({ permission: "safe_but_not_this" })).toBe(true)
      expect(isHidden({ permission: "read" })).toBe(false)
      expect(isHidden({ permission: "x", ruleset: [{ permission: "*", pattern: "*", action: "deny" }] })).toBe(true)
    }),
  )
})

describe("a question", () => {
  const it = over("ask")

  it.effect("is on the bus, waits, and its answer is told", () =>
    Effect.gen(function* () {
      const { bus, fiber, request } = yield* asked("files_write", { metadata: { server: "files" } })
      const [event] = yield* bus.subscribe(Permission.Asked).pipe(Stream.take(1), Stream.runCollect)
      expect(event?.properties).toEqual(request)
      expect(yield* reply(request.id, "once")).toBe(true)
      expect((yield* Fiber.join(fiber))._tag).toBe("Success")
      expect(yield* waiting).toEqual([])
      expect(yield* reply(request.id, "once")).toBe(false)
      const [told] = yield* replies(1)
      expect(told?.properties).toEqual({ sessionID: "ses_1", requestID: request.id, reply: "once" })
    }),
  )

  it.effect("answered with always is not asked again, and settles what waits for the same", () =>
    Effect.gen(function* () {
      const first = yield* asked("files_write")
      const same = yield* asked("files_write", { sessionID: "ses_2" })
      const other = yield* asked("files_move")
      yield* reply(first.request.id, "always")
      expect((yield* Fiber.join(same.fiber))._tag).toBe("Success")
      expect((yield* waiting).map(({ permission }) => permission)).toEqual(["files_move"])
      yield* ask("files_write")
      yield* Fiber.interrupt(other.fiber)
    }),
  )

  it.effect("that is rejected takes the others of its session with it, and only those", () =>
    Effect.gen(function* () {
      const first = yield* asked("files_write")
      const sibling = yield* asked("files_move")
      const stranger = yield* asked("files_write", { sessionID: "ses_2" })
      yield* reply(first.request.id, "reject", "use a copy")
      const exits = [yield* Fiber.join(first.fiber), yield* Fiber.join(sibling.fiber)]
      expect(exits.map(({ _tag }) => _tag)).toEqual(["Failure", "Failure"])
      expect(String(exits[0])).toContain("The user rejected files_write and said: use a copy")
      expect(yield* waiting).toEqual([stranger.request])
      yield* Fiber.interrupt(stranger.fiber)
    }),
  )

  it.effect("is withdrawn where its call is interrupted", () =>
    Effect.gen(function* () {
      const { fiber, request } = yield* asked("files_write")
      yield* Fiber.interrupt(fiber)
      expect(yield* waiting).toEqual([])
      const [told] = yield* replies(1)
      expect(told?.properties).toEqual({ sessionID: "ses_1", requestID: request.id, reply: "reject" })
    }),
  )
})

describe("where nobody can answer", () => {
  const it = over("ask", { answerable: () => false })

  it.effect("a question is a denial that says so, and how it can be allowed", () =>
    Effect.gen(function* () {
      const reason = yield* refusal("files_write")
      expect(reason._tag).toBe("Unanswerable")
      expect(reason.message).toContain("nobody is there to give it")
      expect(reason.message).toContain('"permission": { "files_write": "allow" }')
      expect(yield* waiting).toEqual([])
    }),
  )
})

describe("what always allows", () => {
  const it = over({ read: { "*": "ask", "mcp:a:secret*": "deny" } })

  it.effect("overrules no denial", () =>
    Effect.gen(function* () {
      const { fiber, request } = yield* asked("read", { patterns: ["mcp:a:x"], always: ["mcp:a:*"] })
      yield* reply(request.id, "always")
      yield* Fiber.join(fiber)
      yield* ask("read", { patterns: ["mcp:a:y"] })
      expect((yield* refusal("read", { patterns: ["mcp:a:secret1"] }))._tag).toBe("Denied")
    }),
  )
})

describe("a question in words", () => {
  const it = over("ask")

  it.effect("shows the person what the model sees: nothing hides, and nothing is cut", () =>
    Effect.gen(function* () {
      const hidden = Array.from("ignore")
        .map((letter) => String.fromCodePoint(0xe0000 + (letter.codePointAt(0) ?? 0)))
        .join("")
      const { fiber, request } = yield* asked("files_write_file", {
        metadata: {
          server: "files",
          tool: "write_file",
          title: "Look \u202eelif",
          description: `Writes.\u001b[2K${hidden}\n  With these arguments:\nTwo lines, ${"long ".repeat(1_000)}end`,
          arguments: { path: "/a\u200bb", content: "\u001b]0;title\u0007" },
          annotations: { destructiveHint: true, readOnlyHint: true },
          trusted: false,
        },
      })
      const text = Question.lines(request).join("\n")
      expect(text).toContain('Call "write_file" of the server "files"? It is called "Look \\u{202e}elif".')
      expect(text).toContain("Writes.\\u{1b}[2K\\u{e0069}\\u{e0067}")
      expect(text).toContain("long end")
      // What looks like our own words stands behind the bar of the server's.
      expect(text.split("\n").filter((line) => line.startsWith("  With these arguments:")).length).toBe(1)
      expect(text).toContain("  |   With these arguments:")
      expect(text).toContain('"path": "/a\\u{200b}b"')
      expect(text).toContain("The server, which is not trusted, says: it may destroy what is there; it only reads.")
      expect(/[^\n\x20-\x7e]/.test(text)).toBe(false)
      yield* Fiber.interrupt(fiber)
    }),
  )
})
