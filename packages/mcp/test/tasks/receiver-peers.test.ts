/** Tasks that the SDK's server gives its client, over stdio and over HTTP. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { members } from "@opencode-ai/testing/peers/features/feature"
import { sdkV1Tasks, sdkV1TasksHttp } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { given } from "../../src/capability/approval.ts"
import { defaults } from "../../src/capability/tasks.ts"
import { type CapabilityLayer, type Elicitation, Method, type Sampling } from "../../src/index.ts"

const peers = [
  { name: "over stdio", entry: Effect.succeed(sdkV1Tasks()) },
  { name: "over HTTP", entry: sdkV1TasksHttp() },
]
const form = { mode: "form", message: "Who?", requestedSchema: { type: "object", properties: {} } }
const elicit = { method: "elicitation/create", params: form }
const declined = { action: "decline" as const }

const answering = (
  answer: Elicitation["Service"]["elicit"],
  tasks: Partial<typeof defaults> = {},
): Pick<CapabilityLayer.Handlers, "elicitation" | "tasks"> => ({
  elicitation: { modes: ["form"], elicit: answer },
  tasks: { ...defaults, ...tasks },
})

const ofTask = (taskId: unknown) => ({ _meta: { "io.modelcontextprotocol/related-task": { taskId } } })

describe("a server gives its client a task", () => {
  it.live.each(peers)("follows it, and has the answer of a person: %s", ({ entry }) =>
    Effect.gen(function* () {
      const peer = yield* entry
      const asked: Array<unknown> = []
      const handlers = answering((request) =>
        Effect.sync(() => {
          asked.push(request)
          return declined
        }),
      )
      const { session } = yield* connect(peer, [], handlers)
      const { structuredContent } = yield* session.request(
        Method.callTool,
        { name: "askAsTask", arguments: { ...elicit, ttl: 5_000, early: true } },
        { request: "call-1" },
      )
      const { result, statuses, task } = members(structuredContent)
      expect(task).toMatchObject({ status: "working", ttl: 5_000, pollInterval: 1_000 })
      expect(statuses).toEqual(["working", "completed"])
      expect(result).toEqual({ ...declined, ...ofTask(members(task).taskId) })
      expect(asked.map((request) => ({ ...Object(request) }).request)).toEqual(["call-1"])
    }),
  )

  it.live.each(peers)("cancels it: the form is withdrawn, and there is no result: %s", ({ entry }) =>
    Effect.gen(function* () {
      const peer = yield* entry
      const withdrawn = yield* Deferred.make<void>()
      // It is not sure to be asked: the cancellation may come first.
      let asked = false
      const handlers = answering(() =>
        Effect.suspend(() => {
          asked = true
          return Effect.onInterrupt(Effect.never, () => Deferred.succeed(withdrawn, undefined))
        }),
      )
      const { session } = yield* connect(peer, [], handlers)
      const { structuredContent } = yield* session.request(Method.callTool, {
        name: "askAsTask",
        arguments: { ...elicit, cancel: true },
      })
      expect(structuredContent).toMatchObject({ cancelled: { status: "cancelled" }, result: { code: -32603 } })
      if (asked) yield* Deferred.await(withdrawn)
    }),
  )

  it.live.each(peers)("many times, and lists them by pages: %s", ({ entry }) =>
    Effect.gen(function* () {
      const peer = yield* entry
      const { session } = yield* connect(
        peer,
        [],
        answering(() => Effect.never, { pageSize: 2 }),
      )
      const { structuredContent } = yield* session.request(Method.callTool, {
        name: "askAsTask",
        arguments: { ...elicit, list: 5 },
      })
      const { pages, tasks } = members(structuredContent)
      const all = Array.isArray(tasks) ? tasks : []
      expect(pages).toEqual([all.slice(0, 2), all.slice(2, 4), all.slice(4)])
      expect(all).toHaveLength(5)
    }),
  )

  it.live("more than the client keeps, and is refused; another server's task is none of its own", () =>
    Effect.gen(function* () {
      const handlers = answering(() => Effect.never, { limit: 2 })
      const one = yield* connect(sdkV1Tasks(), [], handlers)
      const other = yield* connect(sdkV1Tasks(), [], handlers)
      const call = { name: "askAsTask", arguments: { ...elicit, list: 2 } }
      const { structuredContent } = yield* one.session.request(Method.callTool, call)
      const tasks = members(structuredContent).tasks
      const get = Array.isArray(tasks) ? members(tasks[0]).taskId : undefined
      const about = { name: "askAsTask", arguments: { get } }
      expect((yield* one.session.request(Method.callTool, about)).structuredContent).toMatchObject({
        result: { taskId: get, status: "working" },
      })
      expect((yield* other.session.request(Method.callTool, about)).structuredContent).toMatchObject({
        result: { code: -32602 },
      })
      const { wire } = one
      const refused = yield* Effect.exit(one.session.request(Method.callTool, call))
      expect(refused._tag === "Failure" || JSON.stringify(refused.value).includes("too many tasks")).toBe(true)
      expect(wire.messages("sent").some(({ error }) => error?.message.startsWith("too many tasks") === true)).toBe(true)
    }),
  )

  it.live("for a sampling, which is approved and answered like any other", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const sampling: Sampling["Service"] = {
        tools: false,
        context: false,
        createMessage: ({ params }) =>
          Effect.sync(() => {
            seen.push(...Object.keys(params))
            return { role: "assistant", content: { type: "text", text: "hello" }, model: "parrot" }
          }),
      }
      const { session } = yield* connect(sdkV1Tasks(), [], { sampling, approval: given, tasks: defaults })
      const { structuredContent } = yield* session.request(Method.callTool, {
        name: "askAsTask",
        arguments: {
          method: "sampling/createMessage",
          params: { messages: [{ role: "user", content: { type: "text", text: "Hi" } }], maxTokens: 10 },
        },
      })
      expect(structuredContent).toMatchObject({
        result: { role: "assistant", content: { type: "text", text: "hello" }, model: "parrot" },
      })
      expect(seen.includes("task")).toBe(false)
    }),
  )

  it.live("to a client that declared none, and gets its answer at once", () =>
    Effect.gen(function* () {
      const { elicitation } = answering(() => Effect.succeed(declined))
      const { session } = yield* connect(sdkV1Tasks(), [], { elicitation })
      const { structuredContent } = yield* session.request(Method.callTool, { name: "askAsTask", arguments: elicit })
      expect(structuredContent).toEqual({ result: declined })
    }),
  )
})
