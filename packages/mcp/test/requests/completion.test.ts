import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { type Target, targets } from "@opencode-ai/testing/matrix"
import { everything } from "@opencode-ai/testing/peers/published"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { Rpc } from "@opencode-ai/testing/peers/raw-answer"
import { Mcp } from "../../src/index.ts"
import { perSecond, quiet, timeToLive } from "../../src/mcp/completion.ts"
import { isObject } from "../../src/protocol/jsonrpc.ts"
import type { CompleteRequestParams } from "../../src/protocol/model.ts"
import { failure, start } from "../support/scripted.ts"
import { service } from "../support/service.ts"

const live = testEffect(testMcp())

/** What was typed for an argument of a prompt. */
const typed = (value: string, name = "city", args?: Readonly<Record<string, string>>): CompleteRequestParams => ({
  ref: { type: "ref/prompt", name: "trip" },
  argument: { name, value },
  ...(args === undefined ? {} : { context: { arguments: args } }),
})

const suite = (target: Target) =>
  live.live(target.name, () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", yield* target.entry))
      expect(yield* mcp.complete("a", typed("Be"))).toEqual({ values: ["Berlin", "Bern"], total: 2, hasMore: false })
      const template: CompleteRequestParams = {
        ref: { type: "ref/resource", uri: "test://trip/{country}/{city}{?day,tags*}" },
        argument: { name: "country", value: "F" },
      }
      expect((yield* mcp.complete("a", template)).values).toEqual(["France"])
      // Revisions before 2025-06-18 cannot say what is known: the question is asked without it.
      const { values } = yield* mcp.complete("a", typed("P", "city", { country: "France" }))
      expect(values).toEqual(["Paris"])
      const sent = (yield* Recordings).wire("a").messages("sent", "completion/complete")
      const contexts = sent.map(({ params }) => (isObject(params) ? params.context : undefined))
      const known = { arguments: { country: "France" } }
      expect(contexts).toEqual([undefined, undefined, target.revision < "2025-06-18" ? undefined : known])
    }),
  )

describe("an argument is completed, with those that are known", () => targets.forEach(suite))

describe("server-everything", () => {
  live.live("completes prompts and templates", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("e", everything))
      const department: CompleteRequestParams = {
        ref: { type: "ref/prompt", name: "completable-prompt" },
        argument: { name: "department", value: "E" },
      }
      expect((yield* mcp.complete("e", department)).values).toEqual(["Engineering"])
      const name = { ...department, argument: { name: "name", value: "" } }
      const known = { ...name, context: { arguments: { department: "Engineering" } } }
      expect((yield* mcp.complete("e", known)).values.length).toBeGreaterThan(0)
    }),
  )
})

/** A server in this process that gives back what was typed, and how often it was asked. */
const echoing = (answers: (request: Rpc) => object | "silence" = valueBack) =>
  Effect.gen(function* () {
    const made = yield* service
    const list = { prompts: [] }
    const on = { "completion/complete": answers, "prompts/list": () => ({ result: list }) }
    const capabilities = { completions: {}, prompts: { listChanged: true }, tools: {} }
    yield* made.add("a", { capabilities, on })
    const asked = () => made.wire("a").messages("sent", "completion/complete").map(valueOf)
    return { ...made, asked }
  })

const valueOf = ({ params }: { readonly params?: unknown }): unknown =>
  isObject(params) && isObject(params.argument) ? params.argument.value : undefined

const valueBack = (request: Rpc) => ({ result: { completion: { values: [String(valueOf(request))] } } })

describe("questions that follow each other closely", () => {
  it.effect("wait for quiet, but for the first; each cancels the one before", () =>
    Effect.gen(function* () {
      const { asked, mcp } = yield* echoing()
      expect(yield* mcp.complete("a", typed("B"))).toEqual({ values: ["B"] })
      const older = yield* start(failure(mcp.complete("a", typed("Be"))))
      yield* TestClock.adjust(quiet - 1)
      const newer = yield* start(mcp.complete("a", typed("Ber")))
      const error = yield* Fiber.join(older)
      expect([error.reason._tag, error.message]).toEqual(["Superseded", expect.stringContaining("city")])
      yield* TestClock.adjust(quiet - 1)
      expect(asked()).toEqual(["B"])
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(newer)).toEqual({ values: ["Ber"] })
      expect(asked()).toEqual(["B", "Ber"])
      yield* TestClock.adjust(quiet)
      expect(yield* mcp.complete("a", typed("Berl"))).toEqual({ values: ["Berl"] })
    }),
  )
  it.effect("about different arguments do not wait for each other", () =>
    Effect.gen(function* () {
      const { asked, mcp } = yield* echoing()
      yield* mcp.complete("a", typed("x", "city"))
      yield* mcp.complete("a", typed("y", "country"))
      yield* mcp.complete("a", { ...typed("z"), ref: { type: "ref/prompt", name: "other" } })
      expect(asked()).toEqual(["x", "y", "z"])
    }),
  )
  it.effect("cancel what is on the wire", () =>
    Effect.gen(function* () {
      const { asked, mcp, wire } = yield* echoing((request) =>
        valueOf(request) === "slow" ? "silence" : valueBack(request),
      )
      const older = yield* start(failure(mcp.complete("a", typed("slow"))))
      yield* wire("a").first("sent", "completion/complete")
      yield* TestClock.adjust(quiet)
      expect(yield* mcp.complete("a", typed("quick"))).toEqual({ values: ["quick"] })
      expect((yield* Fiber.join(older)).reason._tag).toBe("Superseded")
      const [cancelled] = wire("a").messages("sent", "notifications/cancelled")
      const [first] = wire("a").messages("sent", "completion/complete")
      expect(cancelled?.params?.requestId).toBe(first?.id)
      expect(asked()).toEqual(["slow", "quick"])
    }),
  )
})

describe("the same question", () => {
  it.effect("twice at once is one request; one who gives up does not withdraw it for the other", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<Rpc>()
      const { asked, client, mcp, wire } = yield* echoing((request) => {
        Deferred.doneUnsafe(arrived, Effect.succeed(request))
        return "silence"
      })
      const one = yield* start(mcp.complete("a", typed("B")))
      const two = yield* start(mcp.complete("a", typed("B")))
      const request = yield* Deferred.await(arrived)
      yield* Fiber.interrupt(one)
      client("a").send({ jsonrpc: "2.0", id: request.id, ...valueBack(request) })
      expect(yield* Fiber.join(two)).toEqual({ values: ["B"] })
      expect(asked()).toEqual(["B"])
      expect(wire("a").messages("sent", "notifications/cancelled")).toEqual([])
    }),
  )
  it.effect("that everybody gave up is withdrawn", () =>
    Effect.gen(function* () {
      const { mcp, wire } = yield* echoing(() => "silence")
      const one = yield* start(mcp.complete("a", typed("B")))
      const two = yield* start(mcp.complete("a", typed("B")))
      yield* wire("a").first("sent", "completion/complete")
      yield* Fiber.interrupt(one)
      expect(wire("a").messages("sent", "notifications/cancelled")).toEqual([])
      yield* Fiber.interrupt(two)
      yield* wire("a").first("sent", "notifications/cancelled")
    }),
  )
  it.effect("is answered from memory for a while, and until the server says that something changed", () =>
    Effect.gen(function* () {
      const { asked, client, mcp } = yield* echoing()
      yield* mcp.complete("a", typed("B"))
      yield* TestClock.adjust(timeToLive - 1)
      yield* mcp.complete("a", typed("B"))
      expect(asked()).toEqual(["B"])
      yield* TestClock.adjust(1)
      yield* mcp.complete("a", typed("B"))
      expect(asked()).toEqual(["B", "B"])
      client("a").send({ jsonrpc: "2.0", method: "notifications/prompts/list_changed" })
      yield* TestClock.adjust(quiet)
      yield* mcp.complete("a", typed("B"))
      expect(asked()).toEqual(["B", "B", "B"])
      yield* mcp.disconnect("a")
      yield* mcp.connect("a")
      yield* mcp.complete("a", typed("B"))
      expect(asked()).toEqual(["B"])
    }),
  )
  it.effect("with its known arguments in another order is the same, and with other ones is not", () =>
    Effect.gen(function* () {
      const { asked, mcp } = yield* echoing()
      yield* mcp.complete("a", typed("B", "city", { x: "1", y: "2" }))
      yield* mcp.complete("a", typed("B", "city", { y: "2", x: "1" }))
      yield* TestClock.adjust(quiet)
      yield* mcp.complete("a", typed("B", "city", { y: "2", x: "2" }))
      expect(asked()).toHaveLength(2)
    }),
  )
  it.effect("that failed is asked again", () =>
    Effect.gen(function* () {
      let fails = true
      const error = { error: { code: -32602, message: "no such prompt" } }
      const { asked, mcp } = yield* echoing((request) => (fails ? error : valueBack(request)))
      expect((yield* failure(mcp.complete("a", typed("B")))).reason._tag).toBe("Protocol")
      fails = false
      yield* TestClock.adjust(quiet)
      yield* mcp.complete("a", typed("B"))
      expect(asked()).toHaveLength(2)
    }),
  )
})

describe("a server", () => {
  it.effect("is asked so often a second and no more: what is too much waits, in order, and never fails", () =>
    Effect.gen(function* () {
      const { asked, mcp } = yield* echoing()
      const names = Array.from({ length: perSecond * 2 }, (_, at) => `v${at}`)
      const all = yield* start(
        Effect.forEach(names, (name) => mcp.complete("a", typed(name, name)), { concurrency: "unbounded" }),
      )
      yield* Effect.yieldNow
      expect(asked()).toHaveLength(perSecond)
      yield* TestClock.adjust(1_000 / perSecond)
      expect(asked()).toHaveLength(perSecond + 1)
      yield* TestClock.adjust(1_000)
      expect((yield* Fiber.join(all)).map(({ values }) => values[0])).toEqual(names)
      expect(asked()).toEqual(names)
    }),
  )
  it.effect("that answers with nonsense gives what makes sense of it", () =>
    Effect.gen(function* () {
      let completion: unknown
      const { mcp } = yield* echoing(() => ({ result: { completion } }))
      const cases: ReadonlyArray<readonly [unknown, object]> = [
        [{ values: ["a", 1, null, { b: 1 }, "c"], total: "many", hasMore: "yes" }, { values: ["a", "c"] }],
        [{}, { values: [] }],
        [
          { values: "abc", total: 3 },
          { values: [], total: 3 },
        ],
        [
          { values: ["__proto__", "constructor"], hasMore: false },
          { values: ["__proto__", "constructor"], hasMore: false },
        ],
      ]
      for (const [at, [given, wanted]] of cases.entries()) {
        completion = given
        expect(yield* mcp.complete("a", typed(`${at}`, `v${at}`))).toEqual(wanted as never)
      }
      completion = { values: Array.from({ length: 500 }, (_, at) => `${at}`), total: 500 }
      const { hasMore, total, values } = yield* mcp.complete("a", typed("many", "many"))
      expect([values.length, values[99], hasMore, total]).toEqual([100, "99", true, 500])
      completion = null
      expect((yield* failure(mcp.complete("a", typed("null", "null")))).reason._tag).toBe("InvalidResponse")
    }),
  )
  it.effect("that declares no completions is not asked", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      yield* add("a", {
        capabilities: { prompts: {}, tools: {} },
        on: { "prompts/list": () => ({ result: { prompts: [] } }) },
      })
      expect((yield* failure(mcp.complete("a", typed("B")))).reason._tag).toBe("NotDeclared")
      expect(wire("a").messages("sent", "completion/complete")).toEqual([])
    }),
  )
  it.effect("of the first revision, which had no such capability, is asked where it has prompts or resources", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      const on = { "completion/complete": valueBack, "prompts/list": () => ({ result: { prompts: [] } }) }
      yield* add("a", { protocolVersion: "2024-11-05", capabilities: { prompts: {} }, on })
      expect(yield* mcp.complete("a", typed("B"))).toEqual({ values: ["B"] })
      yield* add("b", { protocolVersion: "2024-11-05", capabilities: { tools: {} }, on })
      expect((yield* failure(mcp.complete("b", typed("B")))).reason._tag).toBe("NotDeclared")
      expect((yield* mcp.servers)[0]?.capabilities).toEqual({ prompts: {} })
    }),
  )
})

describe("a question that makes no sense", () => {
  const bad: ReadonlyArray<readonly [unknown, string]> = [
    [{}, `"ref" has to be an object`],
    [{ ...typed("B"), ref: { type: "ref/tool", name: "x" } }, `"ref.type" has to be`],
    [{ ...typed("B"), ref: { type: "ref/prompt" } }, `"ref.name" has to be`],
    [{ ...typed("B"), ref: { type: "ref/resource", name: "x" } }, `"ref.uri" has to be`],
    [{ ...typed("B"), argument: { name: "", value: "" } }, `"argument.name" has to be`],
    [{ ...typed("B"), argument: { name: "x", value: 1 } }, `"argument.value" has to be`],
    [{ ...typed("B"), context: { arguments: { a: "b", c: 1 } } }, `and "c" is none`],
  ]
  it.effect("is refused before anything is sent, and names what is wrong", () =>
    Effect.gen(function* () {
      const { asked, mcp } = yield* echoing()
      for (const [question, wanted] of bad) {
        const error = yield* failure(mcp.complete("a", question as CompleteRequestParams))
        expect([error.reason._tag, error.message]).toEqual(["BadQuestion", expect.stringContaining(wanted)])
      }
      expect(asked()).toEqual([])
    }),
  )
  it.effect("is sent with nothing that it does not need, whatever its names are", () =>
    Effect.gen(function* () {
      const { mcp, wire } = yield* echoing()
      const context = JSON.parse('{"arguments": {"__proto__": "p", "constructor": "c"}, "more": 1}')
      const question = { ...typed("x", "toString"), context, extra: true }
      expect(yield* mcp.complete("a", question)).toEqual({ values: ["x"] })
      const sent = JSON.stringify(wire("a").messages("sent", "completion/complete")[0]?.params)
      expect(JSON.parse(sent).context.arguments.constructor).toBe("c")
      expect(sent).toContain('"__proto__":"p"')
      expect(sent).not.toContain("more")
    }),
  )
})

describe("a prompt", () => {
  live.live("names the arguments that it lacks before anything is sent; one that is not listed is asked for", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const { wire } = yield* Recordings
      yield* mcp.add(config("a", sdkV2()))
      const error = yield* failure(mcp.getPrompt("a", "greet", { language: "de" }))
      expect(error.reason._tag).toBe("ArgumentsMissing")
      expect(error.message).toContain('the prompt "greet" of a needs the argument "name" (Who)')
      const both = yield* failure(mcp.getPrompt("a", "trip"))
      expect(both.message).toContain('needs the arguments "country", "city"')
      expect(wire("a").messages("sent", "prompts/get")).toEqual([])
      expect((yield* mcp.getPrompt("a", "greet", { name: "Ada" })).messages).toHaveLength(1)
      expect((yield* failure(mcp.getPrompt("a", "unlisted"))).reason._tag).toBe("Protocol")
      expect(wire("a").messages("sent", "prompts/get")).toHaveLength(2)
    }),
  )
})
