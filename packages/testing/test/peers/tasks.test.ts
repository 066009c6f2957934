import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import * as types from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { it } from "../../src/effect.ts"
import { members } from "../../src/peers/features/feature.ts"
import { sdkV1Tasks, sdkV1TasksHttp } from "../../src/peers/served.ts"
import { describe, expect } from "../../src/runner.ts"

const answer = { action: "accept" as const, content: { name: "Ada" } }

/**
 * The SDK's own client. With tasks of its own it never answers what a server's task asks: it puts the answer into the
 * queue of a task that it takes for its own.
 */
const client = (transport: Transport, tasks: boolean) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const made = new Client(
        { name: "sdk", version: "1" },
        {
          ...(tasks ? { taskStore: new InMemoryTaskStore(), taskMessageQueue: new InMemoryTaskMessageQueue() } : {}),
          capabilities: {
            elicitation: {},
            sampling: {},
            tasks: { list: {}, cancel: {}, requests: { elicitation: { create: {} } } },
          },
        },
      )
      made.setRequestHandler(types.CreateMessageRequestSchema, () => ({
        model: "none",
        role: "assistant",
        content: { type: "text", text: "hello" },
      }))
      made.setRequestHandler(types.ElicitRequestSchema, async ({ params }, { taskStore }) => {
        if (params.task === undefined || taskStore === undefined) return answer
        const task = await taskStore.createTask({ ttl: params.task.ttl ?? null, pollInterval: 50 })
        if (params.message !== "never") void taskStore.storeTaskResult(task.taskId, "completed", answer)
        return { task }
      })
      await made.connect(transport)
      return made
    }),
    (made) => Effect.promise(() => made.close()),
  )

const stdio = (tasks = false) => {
  const [command, ...args] = sdkV1Tasks({ pollInterval: 20 }).command
  return client(new StdioClientTransport({ command, args }), tasks)
}

const http = (tasks = false) =>
  Effect.flatMap(sdkV1TasksHttp({ pollInterval: 20 }), ({ url }) =>
    client(new StreamableHTTPClientTransport(new URL(url)), tasks),
  )

type Connected = Effect.Success<ReturnType<typeof stdio>>

/** Runs a tool as a task to its end; gives each message of the SDK's stream. */
const follow = (on: Connected, name: string, args = {}, options = {}) =>
  Effect.promise(async () => {
    const seen: Array<unknown> = []
    const stream = on.experimental.tasks.callToolStream({ name, arguments: args }, types.CallToolResultSchema, {
      task: {},
      ...options,
    })
    for await (const message of stream) seen.push(message)
    return { text: JSON.stringify(seen), last: members(seen.at(-1)) }
  })

const call = (on: Connected, name: string, args = {}) =>
  Effect.map(
    Effect.promise(() => on.callTool({ name, arguments: args })),
    (result) => members(result.structuredContent),
  )

const create = (on: Connected, name: string, args = {}) =>
  Effect.promise(async () => {
    const params = { name, arguments: args, task: {} }
    const { task } = await on.request({ method: "tools/call", params }, types.CreateTaskResultSchema)
    return task.taskId
  })

const suite = (name: string, connected: (tasks?: boolean) => Effect.Effect<Connected, unknown, Scope.Scope>) =>
  describe(`the server with tasks, ${name}`, () => {
    it.live("reports progress and statuses, and ends with its result", () =>
      Effect.gen(function* () {
        const on = yield* connected()
        const steps: Array<unknown> = []
        const onprogress = ({ progress }: types.Progress) => void steps.push(progress)
        const { text, last } = yield* follow(on, "slow", { steps: 3, text: "there" }, { onprogress })
        expect(steps).toEqual([1, 2, 3])
        expect(text).toContain("of 3")
        expect(members(last.result).structuredContent).toEqual({ text: "there", steps: 3 })
      }),
    )

    it.live("says how a tool ran, and refuses what it does not support", () =>
      Effect.gen(function* () {
        const on = yield* connected()
        expect(yield* call(on, "either", { text: "a" })).toEqual({ text: "a", ran: "call" })
        expect((yield* follow(on, "either", { text: "a" })).text).toContain('"ran":"task"')
        expect((yield* follow(on, "plain", { text: "a" })).text).toContain("-32601")
        const refused = yield* Effect.promise(() =>
          on.request({ method: "tools/call", params: { name: "slow" } }, types.ResultSchema).catch(String),
        )
        expect(refused).toContain("-32601")
      }),
    )

    it.live("fails with and without a result", () =>
      Effect.gen(function* () {
        const on = yield* connected()
        expect((yield* follow(on, "failing")).text).toContain("it broke")
        const taskId = yield* create(on, "failingResult")
        const result = yield* Effect.promise(() => on.experimental.tasks.getTaskResult(taskId, types.ResultSchema))
        expect(result.isError).toBe(true)
      }),
    )

    it.live("asks while it runs", () =>
      Effect.gen(function* () {
        const on = yield* connected()
        const asked = yield* follow(on, "asks")
        expect(asked.text).toContain("input_required")
        expect(members(asked.last.result).structuredContent).toEqual(answer)
        expect((yield* follow(on, "samples")).text).toContain("hello")
      }),
    )

    it.live("lists its tasks in pages, and cancels", () =>
      Effect.gen(function* () {
        const on = yield* connected()
        const ids = yield* Effect.forEach(Array.from({ length: 12 }), () => create(on, "hangs"))
        const first = yield* Effect.promise(() => on.experimental.tasks.listTasks())
        const second = yield* Effect.promise(() => on.experimental.tasks.listTasks(first.nextCursor))
        expect([...first.tasks, ...second.tasks].map(({ taskId }) => taskId)).toEqual(ids)
        const cancelled = yield* Effect.promise(() => on.experimental.tasks.cancelTask(ids[0] ?? ""))
        expect(cancelled.status).toBe("cancelled")
        expect((yield* call(on, "recorded")).counts).toMatchObject({ "tasks/cancel": 1, "tasks/list": 2 })
      }),
    )

    it.live("forgets a task after its ttl", () =>
      Effect.gen(function* () {
        const on = yield* connected()
        expect((yield* follow(on, "expires", { ttl: 50 })).text).toContain("-32602")
      }),
    )

    it.live("ends a gated task when told, through a dropped stream", () =>
      Effect.gen(function* () {
        const on = yield* connected()
        const taskId = yield* create(on, "gated", { text: "open" })
        const result = on.experimental.tasks.getTaskResult(taskId, types.CallToolResultSchema)
        expect((yield* call(on, "drop")).waits).toBe(1)
        expect((yield* call(on, "release")).released).toBe(1)
        expect(JSON.stringify(yield* Effect.promise(() => result))).toContain("open")
      }),
    )

    it.live("gives the client a task and follows it", () =>
      Effect.gen(function* () {
        const on = yield* connected(true)
        const method = "elicitation/create"
        const params = { message: "Who?", requestedSchema: { type: "object", properties: {} } }
        const asked = yield* call(on, "askAsTask", { method, params, ttl: 60_000 })
        expect(asked.result).toMatchObject(answer)
        expect(members(asked.task).ttl).toBe(60_000)
        const never = { ...params, message: "never" }
        const cancelled = yield* call(on, "askAsTask", { method, params: never, cancel: true })
        expect(cancelled.statuses).toEqual(["working", "cancelled"])
        const listed = yield* call(on, "askAsTask", { method, params, list: 12 })
        expect(JSON.parse(JSON.stringify(listed.pages)).map((page: ReadonlyArray<unknown>) => page.length)).toEqual([
          10, 4,
        ])
        expect((yield* call(on, "askAsTask", { get: "another" })).result).toMatchObject({ code: -32602 })
      }),
    )
  })

suite("stdio", stdio)
suite("HTTP", http)
