import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV1Tasks } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { password, world } from "./world.ts"

describe("calls", () => {
  it.live("are made on the page, with the tools and schemas that a server has", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* world({ near: sdkV1() })
      const page = yield* open
      yield* page.until("servers", ({ servers }) => (servers[0]?.tools ?? 0) > 0)
      const tools = yield* ask("tools", { server: "near" })
      expect(tools).toMatchObject({
        ok: true,
        result: expect.arrayContaining([expect.objectContaining({ name: "add", inputSchema: expect.anything() })]),
      })
      const call = (tool: string, args: Record<string, unknown>) =>
        ask("call", { id: tool, server: "near", tool, arguments: args })
      expect(yield* call("add", { a: 1, b: 2 })).toMatchObject({
        ok: true,
        result: { structuredContent: expect.anything() },
      })
      expect(yield* call("fail", {})).toMatchObject({ ok: true, result: { isError: true } })
      expect(yield* call("refuse", {})).toMatchObject({ ok: false, error: { tag: "Protocol" } })
      expect(yield* call("nothing", {})).toMatchObject({ ok: false, error: { tag: "ToolNotFound" } })
    }),
  )

  it.live("show their progress on every page, and are cancelled there: the server is told", () =>
    Effect.gen(function* () {
      const { ask, open, recordings } = yield* world({ near: sdkV1() })
      const page = yield* open
      const other = yield* open
      const args = { secret: "abc", text: `has ${password} in it`, long: "x".repeat(1_000) }
      const params = { id: "mine", server: "near", tool: "hang", arguments: args } as const
      const call = yield* Effect.forkChild(ask("call", params))
      for (const each of [page, other]) {
        const { calls } = yield* each.until("calls", ({ calls }) => calls[0]?.progress === 0)
        const [shown] = calls
        expect(shown).toMatchObject({ id: "mine", server: "near", tool: "hang" })
        expect(shown?.summary).toMatch(/^secret: \*\*\*, text: "has \*\*\* in it", long: "x+…$/)
        expect(shown?.summary.length).toBe(200)
      }
      expect(yield* ask("call", params)).toMatchObject({ ok: false, error: { tag: "Unreadable" } })
      expect(yield* ask("cancel", { id: "mine" })).toEqual({ ok: true, result: null })
      expect(yield* Fiber.join(call)).toMatchObject({
        ok: false,
        error: { tag: "CallCancelled", message: expect.stringContaining("the person cancelled") },
      })
      yield* recordings.wire("near").first("sent", "notifications/cancelled")
      yield* page.until("calls", ({ calls }) => calls.length === 0)
      yield* other.until("calls", ({ calls }) => calls.length === 0)
      expect(yield* ask("cancel", { id: "mine" })).toMatchObject({ ok: false, error: { tag: "Gone" } })
    }),
  )

  it.live("of others are seen and cancelled, and their callers learn why", () =>
    Effect.gen(function* () {
      const { ask, mcp, open, underway } = yield* world({ near: sdkV1() })
      const page = yield* open
      const steps: Array<unknown> = []
      const onProgress = (step: unknown) => void steps.push(step)
      const call = yield* Effect.forkChild(Effect.flip(mcp.callTool("near", "hang", {}, { onProgress })))
      const { calls } = yield* page.until("calls", ({ calls }) => calls[0]?.progress === 0)
      yield* ask("cancel", { id: calls[0]?.id ?? "" })
      expect((yield* Fiber.join(call)).reason).toMatchObject({ _tag: "CallCancelled", server: "near", tool: "hang" })
      expect(steps).toHaveLength(1)

      const second = yield* Effect.forkChild(mcp.callTool("near", "hang", {}))
      yield* page.until("calls", ({ calls }) => calls[0]?.progress === 0)
      yield* Fiber.interrupt(second)
      expect(underway.calls()).toEqual([])
      yield* page.until("calls", ({ calls }) => calls.length === 0)
    }),
  )

  it.live("of a page that goes away are cancelled", () =>
    Effect.gen(function* () {
      const { ask, open, recordings, underway } = yield* world({ near: sdkV1() })
      const page = yield* open
      const call = yield* Effect.forkChild(ask("call", { id: "mine", server: "near", tool: "hang", arguments: {} }))
      yield* page.until("calls", ({ calls }) => calls[0]?.progress === 0)
      yield* Fiber.interrupt(call)
      yield* recordings.wire("near").first("sent", "notifications/cancelled")
      yield* page.until("calls", ({ calls }) => calls.length === 0)
      expect(underway.calls()).toEqual([])
    }),
  )

  it.live("that became tasks are listed, with their results and their ends", () =>
    Effect.gen(function* () {
      const { ask, mcp, open } = yield* world({ near: sdkV1Tasks(), plain: sdkV1() })
      const page = yield* open
      const result = yield* Effect.forkChild(mcp.callTool("near", "slow", { ms: 1, steps: 2, text: "done" }))
      const { tasks } = yield* page.until("tasks", ({ tasks }) => tasks.length > 0)
      expect(tasks[0]?.server).toBe("near")
      yield* Fiber.join(result)
      const taskId = tasks[0]?.task.taskId ?? ""
      expect(yield* ask("tasks", {})).toEqual({ ok: true, result: null })
      yield* page.until("tasks", ({ tasks }) => tasks[0]?.task.status === "completed")
      expect(yield* ask("taskResult", { server: "near", taskId })).toMatchObject({
        ok: true,
        result: { content: [{ type: "text", text: "done" }] },
      })

      const hanging = yield* Effect.forkChild(Effect.flip(mcp.callTool("near", "hangs", {})))
      const isOther = (task: { readonly taskId: string }) => task.taskId !== taskId
      const more = yield* page.until("tasks", ({ tasks }) => tasks.some(({ task }) => isOther(task)))
      const other = more.tasks.find(({ task }) => isOther(task))?.task.taskId ?? ""
      expect(yield* ask("cancelTask", { server: "near", taskId: other })).toEqual({ ok: true, result: null })
      yield* Fiber.join(hanging)
      expect(yield* ask("cancelTask", { server: "near", taskId: other })).toMatchObject({ ok: false })
      expect(yield* ask("taskResult", { server: "plain", taskId })).toMatchObject({ ok: false })
    }),
  )
})

describe("a tool that changed", () => {
  it.live("is held back with its difference, until it is offered as it is now", () =>
    Effect.gen(function* () {
      const tools = [{ name: "echo", description: `Sends\u200b ${password} away`, inputSchema: { type: "object" } }]
      const forms = new Map([["echo", { description: "Gives it back", inputSchema: { type: "object" } }]])
      const saved: Array<string> = []
      const { ask, open } = yield* world(
        { near: rawStdio({ tools }) },
        {
          pins: {
            load: () => forms,
            save: (_, changes) => Effect.sync(() => saved.push(...changes.keys())),
          },
        },
      )
      const page = yield* open
      const { held } = yield* page.until("held", ({ held }) => held.length > 0)
      expect(held).toEqual([
        {
          key: "near_echo",
          server: "near",
          tool: "echo",
          difference: [{ path: "description", before: "Gives it back", after: "Sends\\u{200b} *** away" }],
          form: expect.any(String),
        },
      ])
      const call = ask("call", { id: "x", server: "near", tool: "echo", arguments: {} })
      expect(yield* call).toMatchObject({ ok: false, error: { tag: "ToolHeld" } })
      const offer = (form: string) => ask("offer", { server: "near", tool: "echo", form })
      expect(yield* offer("another")).toMatchObject({ ok: false, error: { tag: "ChangedAgain" } })
      expect(yield* call).toMatchObject({ ok: false, error: { tag: "ToolHeld" } })
      expect(yield* offer(held[0]?.form ?? "")).toEqual({ ok: true, result: null })
      yield* page.until("held", ({ held }) => held.length === 0)
      yield* page.until("tools", ({ server }) => server === "near")
      expect(yield* call).toMatchObject({ ok: true })
      expect(saved).toContain("echo")
    }),
  )
})
