/** The store of a session's tasks against a model of it, under random interleavings; each run can be repeated by its seed. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { members } from "@opencode-ai/testing/peers/features/feature"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { Origin } from "../../src/capability/origin.ts"
import { RequestRefused } from "../../src/capability/refused.ts"
import { make, type TaskStore } from "../../src/capability/tasks.ts"

const method = "elicitation/create"
const limits = { ttl: 50, maxTtl: 100, limit: 4, pageSize: 3 }
const origin: Origin = {
  server: "peer",
  declared: { tasks: { requests: { elicitation: { create: {} } } } },
  audio: true,
  pause: () => () => undefined,
}

/** Numbers from 0 to below `n`, the same for a seed (mulberry32). */
const random = (seed: number) => {
  let state = seed
  return (n: number) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n
  }
}

/** What the model knows of a task. */
interface Modelled {
  readonly id: string
  readonly expiresAt: number
  readonly answer: Deferred.Deferred<object, RequestRefused>
  readonly waiters: Array<Fiber.Fiber<object, RequestRefused>>
  status: "working" | "completed" | "failed" | "cancelled"
  /** How its handler ended: `interrupted` where it had not answered. */
  handler: { state: "running" | "answered" | "interrupted" }
}

const outcome = (effect: Effect.Effect<object, RequestRefused>) =>
  Effect.match(effect, { onFailure: ({ code }) => ({ code }), onSuccess: (result) => members(result) })

const call = (store: TaskStore, name: string, params: object = {}) =>
  Effect.suspend(() => outcome(store.answers.get(name)?.({ ...params }, origin) ?? Effect.die(`no ${name}`)))

const listed = (store: TaskStore) =>
  Effect.gen(function* () {
    const found: Array<unknown> = []
    let cursor: unknown
    do {
      const page = yield* call(store, "tasks/list", cursor === undefined ? {} : { cursor })
      const tasks = "tasks" in page && Array.isArray(page.tasks) ? page.tasks : []
      expect(tasks.length <= limits.pageSize).toBe(true)
      found.push(...tasks.map((task) => [members(task).taskId, members(task).status]))
      cursor = "nextCursor" in page ? page.nextCursor : undefined
    } while (cursor !== undefined)
    return found
  })

/** Lets everything run that can. */
const settled = TestClock.adjust(0)

const run = (seed: number, steps: number) =>
  Effect.gen(function* () {
    const next = random(seed)
    const store = yield* make(limits)
    let now = 0
    let model: Array<Modelled> = []
    const gone: Array<Modelled> = []
    const pick = () => {
      const all = [...model, ...gone.slice(-3)]
      return all.length === 0 ? undefined : all[next(all.length)]
    }
    const forget = (task: Modelled) => {
      model = model.filter((one) => one !== task)
      gone.push(task)
    }

    const create = Effect.gen(function* () {
      const answer = yield* Deferred.make<object, RequestRefused>()
      const handler: Modelled["handler"] = { state: "running" }
      const work = Deferred.await(answer).pipe(
        Effect.onExit(() => Effect.sync(() => (handler.state = "answered"))),
        Effect.onInterrupt(() => Effect.sync(() => (handler.state = "interrupted"))),
      )
      const ttl = next(150)
      const created = yield* outcome(store.augmented(method, () => work)({ task: { ttl } }, origin))
      yield* settled
      if (model.length >= limits.limit) {
        const cancelled = model.find(({ status }) => status === "cancelled")
        if (cancelled === undefined) return expect(created).toEqual({ code: -32603 })
        forget(cancelled)
      }
      const task = members("task" in created ? created.task : undefined)
      expect(task.status).toBe("working")
      expect(task.ttl).toBe(Math.min(ttl, limits.maxTtl))
      const kept = { id: String(task.taskId), expiresAt: now + Number(task.ttl), answer, waiters: [], handler }
      const modelled: Modelled = { ...kept, status: "working" }
      if (ttl === 0) gone.push(modelled)
      else model.push(modelled)
    })

    const answer = (task: Modelled) =>
      Effect.gen(function* () {
        const fails = next(2) === 0
        const refused = new RequestRefused({ code: -1, message: "no" })
        yield* fails ? Deferred.fail(task.answer, refused) : Deferred.succeed(task.answer, { answer: task.id })
        yield* settled
        if (model.includes(task) && task.status === "working") task.status = fails ? "failed" : "completed"
      })

    const cancel = (task: Modelled) =>
      Effect.gen(function* () {
        const result = yield* call(store, "tasks/cancel", { taskId: task.id })
        yield* settled
        if (!model.includes(task) || task.status !== "working") return expect(result).toEqual({ code: -32602 })
        expect("status" in result ? result.status : result).toBe("cancelled")
        task.status = "cancelled"
      })

    /** The answer and the cancellation in one turn, in either order: whichever won is the end. */
    const race = (task: Modelled) =>
      Effect.gen(function* () {
        const first = next(2) === 0
        if (first) yield* Deferred.succeed(task.answer, { answer: task.id })
        const result = yield* call(store, "tasks/cancel", { taskId: task.id })
        if (!first) yield* Deferred.succeed(task.answer, { answer: task.id })
        yield* settled
        if (!model.includes(task) || task.status !== "working") return expect(result).toEqual({ code: -32602 })
        task.status = "code" in result ? "completed" : "cancelled"
      })

    const wait = (task: Modelled) =>
      Effect.gen(function* () {
        const waiting =
          store.answers.get("tasks/result")?.({ taskId: task.id }, origin) ?? Effect.die("no tasks/result")
        const fiber = yield* Effect.forkScoped(waiting, { startImmediately: true })
        if (next(4) === 0) yield* Fiber.interrupt(fiber)
        else task.waiters.push(fiber)
      })

    const pass = Effect.gen(function* () {
      const ms = next(60)
      yield* TestClock.adjust(ms)
      now += ms
      for (const task of model.filter(({ expiresAt }) => expiresAt <= now)) forget(task)
    })

    /** What can be seen of the store is what the model says. */
    const compare = Effect.gen(function* () {
      expect(yield* listed(store)).toEqual(model.map(({ id, status }) => [id, status]))
      for (const task of model) {
        const view = yield* call(store, "tasks/get", { taskId: task.id })
        expect("status" in view ? view.status : view).toBe(task.status)
        const over = task.status !== "working"
        // A handler runs exactly as long as its task works.
        expect(task.handler.state === "running").toBe(!over)
        for (const waiter of task.waiters) expect(waiter.pollUnsafe() !== undefined).toBe(over)
        if (!over) continue
        const expected =
          task.status === "completed"
            ? { answer: task.id, _meta: { "io.modelcontextprotocol/related-task": { taskId: task.id } } }
            : { code: task.status === "failed" ? -1 : -32603 }
        expect(yield* call(store, "tasks/result", { taskId: task.id })).toEqual(expected)
        for (const waiter of task.waiters.splice(0)) expect(yield* outcome(Fiber.join(waiter))).toEqual(expected)
      }
      for (const task of gone) {
        expect(task.handler.state === "running").toBe(false)
        for (const waiter of task.waiters.splice(0)) expect(waiter.pollUnsafe() !== undefined).toBe(true)
        expect(yield* call(store, "tasks/get", { taskId: task.id })).toEqual({ code: -32602 })
      }
    })

    for (let step = 0; step < steps; step++) {
      const task = pick()
      const actions = task === undefined ? [] : [answer(task), cancel(task), race(task), wait(task)]
      yield* [create, create, pass, ...actions][next(3 + actions.length)] ?? create
      yield* compare
    }
  })

describe("the tasks of a session are what a model of them says", () => {
  it.effect.each([1, 2, 3, 4, 5, 6, 7, 8])("under random interleavings: seed %s", (seed) =>
    Effect.scoped(run(seed, 120)),
  )
})
