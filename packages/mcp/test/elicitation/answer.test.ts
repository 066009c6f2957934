import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { ElicitationAnswer } from "../../src/capability/elicitation.ts"
import { checkAnswer, readElicitation } from "../../src/capability/elicit.ts"
import { Method, RequestRefused } from "../../src/index.ts"
import { start } from "../support/scripted.ts"
import { accept, asker, form, visit } from "./asker.ts"

const origin = {
  server: "peer",
  declared: { elicitation: { form: {}, url: {} } },
  audio: true,
  pause: () => () => undefined,
}

const check = (params: Record<string, unknown>, answer: ElicitationAnswer) =>
  Effect.flatMap(readElicitation(params, origin), (request) => checkAnswer(request, answer))

const choices = [
  { const: "#f00", title: "Red" },
  { const: "#0f0", title: "Green" },
]

/** Each kind of field: values that fit, values that do not, and what is said of those. */
const kinds: ReadonlyArray<{
  readonly name: string
  readonly schema: object
  readonly fit: ReadonlyArray<unknown>
  readonly unfit: ReadonlyArray<unknown>
  readonly says: string
}> = [
  {
    name: "a text",
    schema: { type: "string" },
    fit: ["", "a\u0000b"],
    unfit: [1, true, null, ["a"], {}],
    says: "string",
  },
  {
    name: "a text of a length",
    schema: { type: "string", minLength: 2, maxLength: 3 },
    fit: ["ab", "👍👍👍"],
    unfit: ["a", "👍"],
    says: "at least 2 characters",
  },
  { name: "a short text", schema: { type: "string", maxLength: 3 }, fit: ["abc"], unfit: ["abcd"], says: "at most 3" },
  {
    name: "a pattern",
    schema: { type: "string", pattern: "^[A-Z]+$" },
    fit: ["ABC"],
    unfit: ["abc"],
    says: "matches",
  },
  {
    name: "an address",
    schema: { type: "string", format: "email" },
    fit: ["ada@example.com", "a.b+c@sub.example.co.uk"],
    unfit: ["ada", "ada@", "@example.com", "a b@example.com", "a..b@example.com"],
    says: '"email"',
  },
  {
    name: "a URI",
    schema: { type: "string", format: "uri" },
    fit: ["https://example.com/a?b#c", "mailto:ada@example.com", "urn:isbn:0451450523"],
    unfit: ["example.com", "/a", "https://exa mple.com", "https://example.com/\u00e9"],
    says: '"uri"',
  },
  {
    name: "a date",
    schema: { type: "string", format: "date" },
    fit: ["2026-11-21", "2024-02-29"],
    unfit: ["2026-02-29", "2026-13-01", "21.11.2026", "2026-11-21T00:00:00Z"],
    says: '"date"',
  },
  {
    name: "a date and a time",
    schema: { type: "string", format: "date-time" },
    fit: ["2026-11-21T09:30:00Z", "2026-11-21T09:30:00.5+01:00"],
    unfit: ["2026-11-21", "2026-11-21T09:30:00", "2026-11-21T24:30:00Z", "2026-11-21 09:30"],
    says: '"date-time"',
  },
  {
    name: "a number",
    schema: { type: "number", minimum: 0, maximum: 10.5 },
    fit: [0, 10.5, 3.14],
    unfit: [-0.1, 11, "3", Number.NaN, Number.POSITIVE_INFINITY],
    says: "",
  },
  { name: "a whole number", schema: { type: "integer" }, fit: [3, -3], unfit: [3.5, "3"], says: "integer" },
  {
    name: "a number that is a multiple, which is more than forms have",
    schema: { type: "integer", multipleOf: 5 },
    fit: [10],
    unfit: [11],
    says: "multiple of 5",
  },
  { name: "a yes or no", schema: { type: "boolean" }, fit: [true, false], unfit: ["yes", 1, null], says: "boolean" },
  {
    name: "a choice",
    schema: { type: "string", enum: ["a", "b"] },
    fit: ["b"],
    unfit: ["c", "A", "toString"],
    says: 'expected one of "a", "b"',
  },
  {
    name: "a choice with names of old",
    schema: { type: "string", enum: ["a", "b"], enumNames: ["Alpha", "Beta"] },
    fit: ["a"],
    unfit: ["Alpha"],
    says: 'expected one of "a", "b"',
  },
  {
    name: "a titled choice",
    schema: { type: "string", oneOf: choices },
    fit: ["#f00"],
    unfit: ["Red", "#00f"],
    says: 'expected one of "#f00", "#0f0"',
  },
  {
    name: "several choices",
    schema: { type: "array", items: { type: "string", enum: ["a", "b", "c"] }, minItems: 1, maxItems: 2 },
    fit: [["a"], ["a", "c"]],
    unfit: [[], ["a", "b", "c"], ["d"], "a", [1]],
    says: "",
  },
  {
    name: "several titled choices",
    schema: { type: "array", items: { anyOf: choices } },
    fit: [[], ["#f00", "#0f0"]],
    unfit: [["Red"], ["#00f"]],
    says: 'expected one of "#f00", "#0f0"',
  },
]

// What a handler returns is not always what its type says.
const content = (value: unknown) => ({ action: "accept", content: value }) as ElicitationAnswer

describe("an answer is held to its form:", () => {
  it.effect.each(kinds)("%s", ({ fit, says, schema, unfit }) =>
    Effect.gen(function* () {
      for (const it of fit) {
        expect(yield* check(form({ it: schema }, ["it"]), content({ it }))).toEqual(content({ it }))
      }
      for (const it of unfit) {
        const detail = yield* Effect.flip(check(form({ it: schema }), content({ it })))
        expect(detail).toContain('the content does not fit the form: "it": ')
        if (it === unfit[0]) expect(detail).toContain(says)
      }
    }),
  )
  it.effect("every field that does not fit is named", () =>
    Effect.gen(function* () {
      const asked = form(
        { name: { type: "string" }, age: { type: "integer", minimum: 18 }, email: { type: "string", format: "email" } },
        ["name"],
      )
      const detail = yield* Effect.flip(check(asked, content({ age: 3, email: "no", phone: "1", extra: 2 })))
      for (const each of [
        '"name": it is required',
        '"age": expected',
        '"email": expected',
        '"phone": the form has no',
      ]) {
        expect(detail).toContain(each)
      }
      expect(detail).toContain('"extra": the form has no such field')
    }),
  )
  it.effect("and what the whole form says is heeded, too", () =>
    Effect.gen(function* () {
      const { message, requestedSchema } = form({ phone: { type: "string" }, mail: { type: "string" } })
      const asked = { message, requestedSchema: { ...requestedSchema, minProperties: 1 } }
      expect(yield* Effect.flip(check(asked, content({})))).toContain("the form: expected at least 1 property")
      expect(yield* check(asked, content({ mail: "a" }))).toEqual(content({ mail: "a" }))
    }),
  )
  it.effect("names of JavaScript's own are names like any other", () =>
    Effect.gen(function* () {
      const names = ["__proto__", "constructor", "toString", "hasOwnProperty"]
      const properties = JSON.parse(`{${names.map((name) => `"${name}":{"type":"string"}`).join()}}`)
      expect(yield* check(form(properties), accept())).toEqual(accept())
      expect(yield* Effect.flip(check(form(properties, names), accept()))).toContain('"__proto__": it is required')
      const given = JSON.parse(`{${names.map((name) => `"${name}":"x"`).join()}}`)
      const answer = yield* check(form(properties, names), accept(given))
      expect(JSON.stringify(answer.content)).toBe(JSON.stringify(given))
      expect(yield* Effect.flip(check(form({}), content(given)))).toContain('"__proto__": the form has no such field')
    }),
  )
  it.effect("a pattern that would take for ever takes no time", () =>
    Effect.gen(function* () {
      const asked = form({ it: { type: "string", pattern: "^(a+)+$" } })
      expect(yield* Effect.flip(check(asked, content({ it: `${"a".repeat(50_000)}b` })))).toContain("matches")
    }),
  )
})

const defaults = {
  name: { type: "string", default: "John Doe" },
  age: { type: "integer", default: 30 },
  score: { type: "number", default: 95.5 },
  verified: { type: "boolean", default: false },
  status: { type: "string", enum: ["active", "away"], default: "active" },
  color: { type: "string", oneOf: choices, default: "#0f0" },
  tags: { type: "array", items: { type: "string", enum: ["a", "b"] }, default: ["a"] },
  colors: { type: "array", items: { anyOf: choices }, default: [] },
}
const filled = {
  ...{ name: "John Doe", age: 30, score: 95.5, verified: false, status: "active", color: "#0f0", tags: ["a"] },
  colors: [],
}

describe("defaults", () => {
  it.effect("of every kind are filled in where a field is left out, required or not", () =>
    Effect.gen(function* () {
      for (const required of [[], Object.keys(defaults)]) {
        const peer = yield* asker({ elicit: () => Effect.succeed({ action: "accept" }) })
        expect((yield* peer.ask(form(defaults, required))).result).toEqual(accept(filled))
      }
    }),
  )
  it.effect("give way to what was filled in, which may be empty", () =>
    Effect.gen(function* () {
      const own = { name: "", age: 0, score: 0, verified: true, tags: [] }
      expect(yield* check(form(defaults), accept(own))).toEqual(accept({ ...filled, ...own }))
    }),
  )
  it.effect("that do not fit are the server's fault, and are not sent", () =>
    Effect.gen(function* () {
      const asked = form({ mail: { type: "string", format: "email", default: "none" } })
      expect(yield* Effect.flip(check(asked, accept()))).toContain("(it is the default)")
      expect(yield* check(asked, accept({ mail: "a@example.com" }))).toEqual(accept({ mail: "a@example.com" }))
    }),
  )
})

describe("content", () => {
  it.effect("is what only an accepted form has", () =>
    Effect.gen(function* () {
      const answer = { content: { name: "Ada" } }
      for (const action of ["decline", "cancel"] as const) {
        expect(yield* check(form(defaults), { action, ...answer })).toEqual({ action })
        expect(yield* check(visit("1"), { action, ...answer })).toEqual({ action })
      }
      expect(yield* check(visit("1"), { action: "accept", ...answer })).toEqual({ action: "accept" })
    }),
  )
  it.effect("is an object, and the action is one that there is", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(check(form({}), content(["a"])))).toContain("content must be an object")
      const maybe: unknown = { action: "maybe" }
      const action = maybe as ElicitationAnswer
      expect(yield* Effect.flip(check(form({}), action))).toContain('action must be "accept"')
    }),
  )
})

describe("a handler", () => {
  const name = form({ name: { type: "string", maxLength: 5 } }, ["name"])
  const failing: ReadonlyArray<{
    readonly title: string
    readonly answer: Effect.Effect<ElicitationAnswer, RequestRefused>
    readonly code: number
  }> = [
    { title: "that answers what does not fit", answer: Effect.succeed(accept({ name: "too long" })), code: -32603 },
    { title: "that refuses", answer: Effect.fail(new RequestRefused({ code: -32000, message: "busy" })), code: -32000 },
    { title: "that dies", answer: Effect.die(new Error("too long")), code: -32603 },
    { title: "that gives up", answer: Effect.interrupt, code: -32603 },
    {
      title: "that throws",
      answer: Effect.suspend(() => {
        throw new Error("too long")
      }),
      code: -32603,
    },
  ]
  it.effect.each(failing.map((each) => ({ ...each, name: each.title })))("%s answers with an error", (each) =>
    Effect.gen(function* () {
      const peer = yield* asker({ elicit: () => each.answer })
      const { error } = yield* peer.ask(name)
      expect(error?.code).toBe(each.code)
      expect(JSON.stringify(error)).not.toContain("too long")
      yield* peer.session.request(Method.ping, {})
      expect((yield* peer.ask(name)).error?.code).toBe(each.code)
    }),
  )
  it.effect("is interrupted when the server cancels, and nothing is answered", () =>
    Effect.gen(function* () {
      const began = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const peer = yield* asker({
        elicit: () =>
          Effect.andThen(Deferred.succeed(began, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(stopped, undefined)),
          ),
      })
      const requestId = peer.send(name)
      yield* Deferred.await(began)
      yield* peer.deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } })
      yield* Deferred.await(stopped)
      yield* peer.session.request(Method.ping, {})
      expect(peer.wire.messages("sent").filter(({ id }) => id === requestId)).toEqual([])
    }),
  )
  it.effect("is interrupted when the call that it was asked for is given up, and the server is told", () =>
    Effect.gen(function* () {
      const began = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const peer = yield* asker({
        elicit: () =>
          Effect.andThen(Deferred.succeed(began, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(stopped, undefined)),
          ),
        script: { on: { "tools/call": () => "silence" } },
      })
      const call = yield* start(peer.session.request(Method.callTool, { name: "echo" }))
      const id = peer.send(name)
      yield* Deferred.await(began)
      yield* Fiber.interrupt(call)
      yield* Deferred.await(stopped)
      const said = yield* peer.answerTo(id)
      expect(said.error?.message).toContain("was cancelled")
      const methods = peer.wire.messages("sent").map(({ id: of, method }) => method ?? of)
      expect(methods.slice(-2)).toEqual(["notifications/cancelled", id])
    }),
  )
  it.effect("goes on when one of two calls is given up: it may be the other's", () =>
    Effect.gen(function* () {
      const began = yield* Deferred.make<void>()
      const answer = yield* Deferred.make<ElicitationAnswer>()
      const peer = yield* asker({
        elicit: () => Effect.andThen(Deferred.succeed(began, undefined), Deferred.await(answer)),
        script: { on: { "tools/call": () => "silence" } },
      })
      const begin = start(peer.session.request(Method.callTool, { name: "echo" }))
      const call = yield* begin
      yield* begin
      const id = peer.send(name)
      yield* Deferred.await(began)
      yield* Fiber.interrupt(call)
      yield* Deferred.succeed(answer, accept({ name: "Ada" }))
      expect((yield* peer.answerTo(id)).result).toEqual(accept({ name: "Ada" }))
    }),
  )
})

describe("a server that asks", () => {
  it.effect("does not lose its call while the person thinks, and has its own time after that", () =>
    Effect.gen(function* () {
      const began = yield* Deferred.make<void>()
      const answer = yield* Deferred.make<ElicitationAnswer>()
      const peer = yield* asker({
        elicit: () => Effect.andThen(Deferred.succeed(began, undefined), Deferred.await(answer)),
        script: { on: { "tools/call": () => "silence" } },
      })
      const call = yield* start(
        Effect.exit(peer.session.request(Method.callTool, { name: "echo" }, { timeout: 1_000 })),
      )
      const id = peer.send(form({}))
      yield* Deferred.await(began)
      yield* TestClock.adjust("1 hour")
      expect(call.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(answer, accept())
      yield* peer.answerTo(id)
      yield* TestClock.adjust(999)
      expect(call.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect(JSON.stringify(call.pollUnsafe())).toContain("Timeout")
    }),
  )
  it.effect("may do so 60 times a minute; after that it is told when to try again", () =>
    Effect.gen(function* () {
      const peer = yield* asker()
      for (let asked = 0; asked < 60; asked++) expect((yield* peer.ask(form({}))).result).toEqual({ action: "decline" })
      yield* TestClock.adjust("20 seconds")
      const { error } = yield* peer.ask(form({}))
      expect(error).toMatchObject({ code: -32603, data: { limit: "perMinute", allowed: 60, retryAfter: 40_000 } })
      expect(error?.message).toContain(
        "too many elicitations: a server may ask 60 times a minute; try again in 40 seconds",
      )
      expect(peer.asked).toHaveLength(60)
      yield* TestClock.adjust("40 seconds")
      expect((yield* peer.ask(form({}))).result).toEqual({ action: "decline" })
    }),
  )
  it.effect("has 32 questions open at most; one that is answered or cancelled makes room", () =>
    Effect.gen(function* () {
      const answer = yield* Deferred.make<ElicitationAnswer>()
      const peer = yield* asker({ elicit: () => Deferred.await(answer) })
      const ids = Array.from({ length: 32 }, () => peer.send(form({})))
      const { error } = yield* peer.ask(form({}))
      expect(error).toMatchObject({ code: -32603, data: { limit: "open", allowed: 32 } })
      yield* peer.deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: ids[0] } })
      const next = peer.send(form({}))
      yield* Deferred.succeed(answer, { action: "decline" })
      for (const id of [...ids.slice(1), next]) expect((yield* peer.answerTo(id)).result).toEqual({ action: "decline" })
    }),
  )
})
