/** A task under random interleavings of a server that is right, and may be slow, lossy or gone, with a caller who may leave. */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import type { Rpc } from "@opencode-ai/testing/peers/raw-answer"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { InMemoryClient } from "../../src/transport/in-memory.ts"
import { start } from "../support/scripted.ts"
import { begin, done, refused, state, statusOf } from "./one-task.ts"

const steps = Arbitrary.array(
  Arbitrary.schema(
    Schema.Union([
      Schema.Struct({
        do: Schema.Literal("become"),
        status: Schema.Literals(["working", "input_required"]),
        tell: Schema.Boolean,
      }),
      Schema.Struct({
        do: Schema.Literal("become"),
        status: Schema.Literals(["completed", "failed", "cancelled"]),
        tell: Schema.Boolean,
      }),
      Schema.Struct({ do: Schema.Literal("pass"), time: Schema.Literals([0, 99, 1_000, 2_500, 20_000]) }),
      Schema.Struct({ do: Schema.Literal("pass"), time: Schema.Literals([1, 500, 1_001]) }),
      Schema.Struct({ do: Schema.Literals(["tell late", "stop answering", "answer", "answer wrongly"]) }),
      Schema.Struct({ do: Schema.Literals(["interrupt", "end the session", "make", "tell of another"]) }),
    ]),
  ),
  { minLength: 3, maxLength: 25 },
)

type Step = { readonly do: string; readonly status?: string; readonly tell?: boolean; readonly time?: number }

const ends = new Set<unknown>(["completed", "failed", "cancelled"])

/** Plays it, and gives what was wrong. */
const faultsOf = (script: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    let status = "working"
    let stamp = 0
    let mode = "answer"
    let sessions = 0
    let made = false
    const open = new Map<unknown, InMemoryClient>()
    const held: Array<() => void> = []
    const now = () => state(status, { lastUpdatedAt: new Date(stamp).toISOString(), ttl: 60_000 })
    const answered = (result: () => object) => (message: Rpc, to: InMemoryClient) => {
      if (mode === "answer") return result()
      if (mode === "answer wrongly") return refused(-32603, "not now")
      held.push(() => to.send({ jsonrpc: "2.0", id: message.id, ...result() }))
      return "silence" as const
    }
    const outcome = () => (status === "completed" ? { result: done } : refused(-32000, status))
    const settle = () => {
      if (!ends.has(status)) return
      for (const [id, to] of open) to.send({ jsonrpc: "2.0", id, ...outcome() })
      open.clear()
    }
    const become = (next: string) => {
      if (ends.has(status)) return
      status = next
      stamp += 1
      settle()
    }
    const {
      call,
      client,
      mcp,
      send,
      sent,
      told: observed,
    } = yield* begin({
      initialize: () => {
        sessions += 1
        return undefined
      },
      "tools/call": answered(() => {
        made = true
        return { result: { task: now() } }
      }),
      "tasks/get": answered(() => ({ result: now() })),
      "tasks/cancel": answered(() => {
        if (ends.has(status)) return refused(-32602, "it has ended")
        become("cancelled")
        return { result: now() }
      }),
      "tasks/result": ({ id }, to) => {
        open.set(id, to)
        settle()
        return "silence"
      },
    })
    const fiber = yield* start(call({ timeout: 10_000 }))
    let interrupted = false
    /** Its caller left it while it went on. */
    let left = false
    let wasGone = false
    const later: Array<object> = []
    for (const step of script) {
      if (step.do === "become" && step.status !== undefined && made) {
        become(step.status)
        if (step.tell === true) send(statusOf(now()))
        else later.push(now())
      } else if (step.do === "pass") yield* TestClock.adjust(step.time ?? 0)
      else if (step.do === "tell late") later.splice(0).forEach((one) => send(statusOf(one)))
      else if (step.do === "tell of another") send(statusOf(state("completed", { taskId: "another" })))
      else if (step.do === "end the session" && sessions === 1) {
        wasGone = true
        open.clear()
        held.length = 0
        client("a").end("gone")
      } else if (step.do === "interrupt") {
        interrupted = true
        if (fiber.pollUnsafe() === undefined) left = !ends.has(status)
        fiber.interruptUnsafe()
      } else if (step.do.startsWith("answer") || step.do === "stop answering") {
        mode = step.do
        if (mode === "answer") held.splice(0).forEach((each) => each())
      }
    }
    // In the end everything is answered, and the task has ended.
    mode = "answer"
    held.splice(0).forEach((each) => each())
    yield* TestClock.adjust(0)
    become("completed")
    yield* TestClock.adjust(200_000)

    const found: Array<string> = []
    const exit = fiber.pollUnsafe()
    if (exit === undefined) found.push("the call has not ended")
    const ours = observed.of("mcp.task.status").map((data) => Object(data))
    const own = ours.filter(({ request }) => request !== undefined)
    const shown = own.map(({ task }) => `${task.status} ${task.statusMessage}`)
    if (shown.some((one, at) => at > 0 && one === shown[at - 1])) found.push(`told twice: ${shown.join()}`)
    const end = own.findIndex(({ task }) => ends.has(task.status))
    if (end !== -1 && end !== own.length - 1) found.push(`told after the end: ${shown.join()}`)
    if (own.some(({ task }) => task.taskId !== "t1")) found.push("told of another's task as ours")
    const calls = new Set(sent("tools/call").map(({ id }) => id))
    if (sent("notifications/cancelled").some(({ params }) => calls.has(Object(params).requestId))) {
      found.push("the call was cancelled as such")
    }
    const cancels = sent("tasks/cancel").length
    if (left && made && !wasGone && cancels === 0) found.push("left, and not cancelled")
    if (cancels > 1) found.push(`cancelled ${cancels} times`)
    if (exit?._tag === "Success") {
      if (status !== "completed") found.push(`succeeded, and is ${status}`)
      if (cancels > 0) found.push("succeeded and was cancelled")
    } else if (exit !== undefined) {
      const why = JSON.stringify(exit.cause)
      const lost = sessions > 1 || /Transport|Lost|Timeout|Protocol|InvalidResponse/.test(why)
      if (!interrupted && !lost && status === "completed" && !why.includes("Expired")) found.push(`failed: ${why}`)
    }
    // Nothing is kept of it, in whichever session.
    yield* mcp.ping("a")
    send(statusOf(now()))
    yield* TestClock.adjust(0)
    const last = observed.of("mcp.task.status").at(-1)
    if (Object(last).request !== undefined) found.push("followed for ever")
    return found
  }).pipe(Effect.scoped)

describe("a task", () => {
  it.effect(
    "has one end, whatever happens in whatever order",
    () =>
      Effect.gen(function* () {
        const result = yield* Arbitrary.checkEffect(
          steps,
          (script) =>
            Effect.map(faultsOf(script), (found) => {
              if (found.length > 0) console.error(JSON.stringify(script), found)
              return found.length === 0
            }),
          { runs: 200, size: 60 },
        )
        expect(Arbitrary.formatCheckFailure(result)).toBe(undefined)
      }),
    60_000,
  )
})
