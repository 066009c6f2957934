import * as Events from "@opencode-ai/mcp/events"
import type { Event } from "@opencode-ai/mcp/events"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { Channel } from "@opencode-ai/mcp/notification/channel"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Bus from "../../src/bus/index.ts"
import * as McpEvent from "../../src/mcp/event.ts"
import { feed } from "../../src/mcp/feed.ts"
import * as MCP from "../../src/mcp/index.ts"
import * as Toast from "../../src/mcp/toast.ts"
import { first, serving } from "./serving.ts"

const server = "files"
/** One event of each type. */
const samples: { readonly [Type in Event["type"]]: Extract<Event, { readonly type: Type }>["data"] } = {
  "mcp.status.changed": { server, status: "pending", attempt: 2, error: "it ended" },
  "mcp.tools.changed": { server },
  "mcp.prompts.changed": { server },
  "mcp.resources.changed": { server },
  "mcp.resource.updated": { server, uri: "test://text" },
  "mcp.progress": { server, request: 7, progress: 1, total: 2, message: "half" },
  "mcp.cancelled": { server, requestId: 3, reason: "no longer needed" },
  "mcp.log": { server, level: "notice", logger: "main", data: { text: ["a", { b: null }] } },
  "mcp.stderr": { server, line: "starting" },
  "mcp.task.status": { server, task: { taskId: "t", status: "working" }, request: "r" },
  "mcp.elicitation.requested": { server, requestID: "e", mode: "form", message: "Who?", requestedSchema: {} },
  "mcp.sampling.requested": { server, requestID: "s", params: { messages: [] } },
  "mcp.question.closed": { server, requestID: "e", outcome: "withdrawn" },
  "mcp.elicitation.completed": { server, elicitationId: "e" },
  "mcp.tool.held": { server, key: "files_read", difference: [{ path: "description", before: "a", after: "b" }] },
  "mcp.auth.required": { server, reason: "it asks for authorization" },
  "mcp.browser.open.failed": { server, url: "https://example.com/authorize?state=1" },
  "mcp.warning": { server, message: "left out a tool" },
}
const events = Object.entries(samples).map(([type, data]) => Schema.decodeUnknownSync(Events.Event)({ type, data }))

/** A bus that is fed with what is published on the channel. */
const fed = <A, E>(
  use: (bus: Bus.Interface, told: Channel<Event>) => Effect.Effect<A, E>,
  mask = (text: string) => text,
) =>
  Effect.gen(function* () {
    const told = new Channel<Event>()
    for (const event of events) told.publish(event)
    yield* feed((listener) => told.listen(listener), mask)
    return yield* use(yield* Bus.Service, told)
  }).pipe(Effect.scoped, Effect.provide(Bus.layer))

const isClients = ({ type }: Bus.Payload) => Object.hasOwn(McpEvent.ofClient, type)

describe("the bus", () => {
  test("has a definition for each event of the client, of the same name and with the same data", () => {
    const clients: ReadonlyArray<string> = Events.Event.members.map(({ fields }) => fields.type.literal)
    expect(Object.keys(McpEvent.ofClient).toSorted()).toEqual(clients.toSorted())
    expect(Object.values<Bus.Definition>(McpEvent.ofClient).map(({ type }) => type)).toEqual(
      Object.keys(McpEvent.ofClient),
    )
    const types: ReadonlyArray<string> = Bus.definitions().map(({ type }) => type)
    expect(types).toEqual(expect.arrayContaining<string>([...clients, "tui.toast.show"]))
  })

  it.effect("tells every event of the client unchanged and in order, from before it was there and after", () =>
    fed((bus, told) =>
      Effect.gen(function* () {
        for (const event of events) told.publish(event)
        const all = yield* Stream.runCollect(
          Stream.take(Stream.filter(bus.subscribeAll(), isClients), events.length * 2),
        )
        expect(all.map(({ properties, type }) => ({ type, data: properties }))).toEqual([...events, ...events])
        for (const { type, data } of events) {
          const own = yield* Stream.runCollect(Stream.take(bus.subscribe(McpEvent.ofClient[type]), 2))
          expect(own.map(({ properties }) => properties)).toEqual([data, data])
        }
      }),
    ),
  )

  it.effect("hides what is secret in the words of a server, and nowhere else", () =>
    fed(
      (bus, told) =>
        Effect.sync(() => {
          const heard: Array<unknown> = []
          bus.listen(({ properties, type }) => {
            if (type !== McpEvent.ToastShow.type) heard.push(properties)
          })
          heard.length = 0
          const secret = "hunter22"
          told.publish({ type: "mcp.stderr", data: { server: secret, line: `the password is ${secret}` } })
          told.publish({ type: "mcp.log", data: { server, level: "info", data: [{ deep: { text: secret } }] } })
          told.publish({ type: "mcp.status.changed", data: { server, status: "failed", error: `${secret}!` } })
          told.publish({ type: "mcp.task.status", data: { server, task: { taskId: secret, statusMessage: secret } } })
          told.publish({ type: "mcp.browser.open.failed", data: { server, url: `https://a.example/${secret}` } })
          expect(heard).toEqual([
            { server: secret, line: "the password is ***" },
            { server, level: "info", data: [{ deep: { text: "***" } }] },
            { server, status: "failed", error: "***!" },
            { server, task: { taskId: secret, statusMessage: "***" } },
            { server, url: `https://a.example/${secret}` },
          ])
        }),
      (text) => text.replaceAll("hunter22", "***"),
    ),
  )

  const real = testEffect(serving({ two: sdkV2() }))
  real.live("tells of a real server what the client tells, from its first event on", () =>
    Effect.gen(function* () {
      const mcp = yield* MCP.Service
      const bus = yield* Bus.Service
      const direct: Array<unknown> = []
      const told: Array<unknown> = []
      bus.listen((event) => {
        if (isClients(event)) told.push({ type: event.type, data: event.properties })
      })
      expect(told[0]).toEqual({ type: "mcp.status.changed", data: { server: "two", status: "pending" } })
      yield* mcp.status()
      const beginning = told.length
      const client = yield* Mcp
      client.listen((event) => direct.push(event))
      yield* mcp.callTool("two", "progress", { steps: 3 }, { request: 1 })
      yield* mcp.callTool("two", "toggle")
      yield* first(McpEvent.ToolsChanged)
      yield* mcp.disconnect("two")
      expect(direct.length).toBeGreaterThan(4)
      expect(told.slice(beginning)).toEqual(direct)
    }),
  )
})

describe("a toast", () => {
  const shown = (...events: ReadonlyArray<Event>) => {
    const toasts: Array<McpEvent.Toast> = []
    events.forEach(Toast.make((toast) => toasts.push(toast)))
    return toasts
  }
  type Told = (typeof samples)["mcp.status.changed"]["status"]
  const status = (status: Told, error?: string, name = server): Event => ({
    type: "mcp.status.changed",
    data: { server: name, status, ...(error === undefined ? {} : { error }) },
  })
  const required = (reason: string): Event => ({ type: "mcp.auth.required", data: { server, reason } })

  test("names the page in place of commands that its host has not", () => {
    const toasts: Array<string> = []
    const tell = Toast.make(({ message }) => toasts.push(message), "the MCP page")
    const held: Event = { type: "mcp.tool.held", data: { server, key: "files_read", difference: [] } }
    for (const event of [status("failed", "not approved: a file defines it"), held, status("needs_auth")]) tell(event)
    expect(toasts.map((text) => text.slice(text.lastIndexOf(". ") + 2))).toEqual([
      "See what it runs and approve it on the MCP page",
      "See the difference and approve it on the MCP page",
      "Sign in on the MCP page, or with: opencode mcp auth files",
    ])
  })

  test("names the command that signs in, once for each change", () => {
    const toasts = shown(
      status("pending"),
      status("needs_auth", "why"),
      required("why"),
      status("pending"),
      status("needs_auth"),
    )
    expect(toasts).toEqual([
      {
        title: "MCP Authentication Required",
        message: 'Server "files" requires authentication. Run: opencode mcp auth files',
        variant: "warning",
        duration: 8_000,
      },
    ])
    expect(shown(status("needs_auth"), status("connected"), status("needs_auth"))).toHaveLength(2)
  })

  test("says that a client has to be registered, and where its id goes", () => {
    const [toast, ...more] = shown(
      status("needs_client_registration", "no registration"),
      status("needs_client_registration"),
    )
    expect(more).toEqual([])
    expect(toast?.message).toBe(
      'Server "files" requires a pre-registered client ID. Add "oauth": { "clientId": … } to its entry, then run: opencode mcp auth files',
    )
  })

  test("says why a connected server asks for a sign-in", () => {
    const reason = "a call needs the scopes admin"
    const toasts = shown(status("connected"), required(reason), required(reason), required("another"))
    expect(toasts.map(({ message }) => message)).toEqual([
      `Server "files" asks you to sign in: ${reason}. Run: opencode mcp auth files`,
      'Server "files" asks you to sign in: another. Run: opencode mcp auth files',
    ])
  })

  test("names the command that approves a project's server, and no other failure", () => {
    const held = "not approved: a project file (/p/opencode.json) defines it. See what it runs"
    const toasts = shown(status("failed", held), status("failed", held), status("failed", "it exited with code 1"))
    expect(toasts.map(({ message }) => message)).toEqual([
      'Server "files" is defined by this project and is not approved. See what it runs and approve it with: opencode mcp trust files',
    ])
  })

  test("shows names as they can be typed, and nothing that is unseen", () => {
    const [toast] = shown(status("needs_auth", undefined, "my files\u202e"))
    expect(toast?.message).toBe(
      String.raw`Server "my files\u{202e}" requires authentication. Run: opencode mcp auth 'my files\u{202e}'`,
    )
  })
})
