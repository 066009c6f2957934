import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Elicitation, Method, Questions } from "../../src/index.ts"
import type { Question } from "../../src/capability/questions.ts"
import { accept, asker, form, visit } from "./asker.ts"

const fields = form({ name: { type: "string", maxLength: 5 }, color: { type: "string", default: "red" } }, ["name"])

/** A session whose questions wait for an answer. */
const questioned = (timeout?: number) =>
  Effect.gen(function* () {
    const layer = Layer.provideMerge(Questions.handlers, Questions.layer(timeout === undefined ? {} : { timeout }))
    const context = yield* Layer.buildWithScope(layer, yield* Effect.scope)
    const questions = Context.get(context, Questions)
    const heard: Array<Question> = []
    const stop = questions.listen((question) => heard.push(question))
    const peer = yield* asker({ elicit: Context.get(context, Elicitation).elicit })
    /** Asks, and waits until the question is open. */
    const open = (params: unknown) =>
      Effect.gen(function* () {
        const count = peer.asked.length
        const id = peer.send(params)
        yield* peer.reached(count + 1)
        const told = () => heard.filter(({ kind }) => kind === "elicitation")[count]
        while (told() === undefined) yield* Effect.yieldNow
        return { id, question: told()?.id ?? "" }
      })
    return { ...peer, questions, heard, open, stop }
  })

const reasonOf = <A, R>(effect: Effect.Effect<A, { readonly reason: { readonly _tag: string } }, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

describe("a question of a server", () => {
  it.effect("is told, waits, and is answered once", () =>
    Effect.gen(function* () {
      const { answerTo, heard, open, questions } = yield* questioned()
      const { id, question } = yield* open(fields)
      expect(question).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/)
      expect(questions.open()).toEqual(heard)
      expect(heard).toMatchObject([{ kind: "elicitation", request: { server: "peer", mode: "form", ...fields } }])
      yield* questions.answer(question, accept({ name: "Ada" }))
      expect((yield* answerTo(id)).result).toEqual(accept({ name: "Ada", color: "red" }))
      expect(questions.open()).toEqual([])
      expect(yield* reasonOf(questions.answer(question, { action: "decline" }))).toBe("NotOpen")
    }),
  )
  it.effect("stays open when the answer does not fit: it may be corrected", () =>
    Effect.gen(function* () {
      const { answerTo, open, questions, wire } = yield* questioned()
      const { id, question } = yield* open(fields)
      const wrong = yield* Effect.flip(questions.answer(question, accept({ name: "too long", more: 1 })))
      expect(wrong.reason._tag).toBe("Unfit")
      for (const each of ['"name": expected at most 5', '"more": the form has no such field', "stays open"]) {
        expect(wrong.message).toContain(each)
      }
      expect(questions.open()).toHaveLength(1)
      expect(wire.messages("sent").filter((message) => message.id === id)).toEqual([])
      yield* questions.answer(question, accept({ name: "Ada", color: "blue" }))
      expect((yield* answerTo(id)).result).toEqual(accept({ name: "Ada", color: "blue" }))
    }),
  )
  it.effect("that two answer at the same time has one answer, and the other is told", () =>
    Effect.gen(function* () {
      const { answerTo, open, questions } = yield* questioned()
      const { id, question } = yield* open(fields)
      const both = ["Ada", "Bob"].map((name) => Effect.exit(questions.answer(question, accept({ name }))))
      const exits = yield* Effect.all(both, { concurrency: 2 })
      expect(exits.filter(Exit.isSuccess)).toHaveLength(1)
      expect((yield* answerTo(id)).result).toEqual(accept({ name: "Ada", color: "red" }))
    }),
  )
  it.effect("that nobody answers in time is cancelled", () =>
    Effect.gen(function* () {
      for (const timeout of [undefined, 10_000]) {
        const { answerTo, open, questions, wire } = yield* questioned(timeout)
        const { id, question } = yield* open(visit("1"))
        yield* TestClock.adjust((timeout ?? 300_000) - 1)
        expect(wire.messages("sent").filter((message) => message.id === id)).toEqual([])
        yield* TestClock.adjust(1)
        expect((yield* answerTo(id)).result).toEqual({ action: "cancel" })
        expect(questions.open()).toEqual([])
        expect(yield* reasonOf(questions.answer(question, { action: "accept" }))).toBe("NotOpen")
      }
    }),
  )
  it.effect("that the server cancels is withdrawn", () =>
    Effect.gen(function* () {
      const { deliver, open, questions, session } = yield* questioned()
      const { id, question } = yield* open(fields)
      yield* deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } })
      yield* session.request(Method.ping, {})
      expect(questions.open()).toEqual([])
      expect(yield* reasonOf(questions.answer(question, accept({ name: "Ada" })))).toBe("NotOpen")
    }),
  )
  it.effect("ends with its session", () =>
    Effect.gen(function* () {
      const layer = Questions.layer()
      const questions = Context.get(yield* Layer.buildWithScope(layer, yield* Effect.scope), Questions)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const peer = yield* asker({ elicit: questions.elicit })
          peer.send(fields)
          yield* peer.reached(1)
          while (questions.open().length === 0) yield* Effect.yieldNow
        }),
      )
      expect(questions.open()).toEqual([])
    }),
  )
  it.effect("reaches every listener, whatever the others do, and those no more that have stopped", () =>
    Effect.gen(function* () {
      const { answerTo, heard, open, questions, stop } = yield* questioned()
      const late: Array<string> = []
      questions.listen(() => {
        throw new Error("on purpose")
      })
      questions.listen(({ id }) => late.push(id))
      const { id, question } = yield* open(fields)
      expect(late).toEqual([question])
      yield* questions.answer(question, { action: "decline" })
      expect((yield* answerTo(id)).result).toEqual({ action: "decline" })
      stop()
      const asked = yield* Effect.forkChild(questions.elicit({ ...request, mode: "form" }), { startImmediately: true })
      expect([heard.length, late.length]).toEqual([1, 2])
      yield* Fiber.interrupt(asked)
    }),
  )
  it.effect("may be answered by the listener itself", () =>
    Effect.gen(function* () {
      const layer = Questions.layer()
      const questions = Context.get(yield* Layer.buildWithScope(layer, yield* Effect.scope), Questions)
      questions.listen(({ id }) => Effect.runFork(questions.answer(id, { action: "decline" })))
      expect(yield* questions.elicit({ ...request, mode: "form" })).toEqual({ action: "decline" })
    }),
  )
  it.effect("is listed with the others, the oldest first; an id of one kind is none of the other", () =>
    Effect.gen(function* () {
      const { open, questions } = yield* questioned()
      const first = yield* open(fields)
      const messages = [{ role: "user" as const, content: { type: "text" as const, text: "Hello" } }]
      const model = questions.createMessage({ server: "peer", params: { messages, maxTokens: 1 } })
      const sampling = yield* Effect.forkChild(model, { startImmediately: true })
      const third = yield* open(visit("1"))
      expect(questions.open().map(({ kind }) => kind)).toEqual(["elicitation", "sampling", "elicitation"])
      expect([questions.open()[0]?.id, questions.open()[2]?.id]).toEqual([first.question, third.question])
      const other = questions.open()[1]?.id ?? ""
      expect(yield* reasonOf(questions.answer(other, { action: "decline" }))).toBe("NotOpen")
      yield* Fiber.interrupt(sampling)
    }),
  )
})

const request = {
  server: "peer",
  message: "Who are you?",
  requestedSchema: { type: "object" as const, properties: {} },
}
