/** The way of the page to its server: what becomes of it when the server does not do its part. */
import { describe, expect } from "@opencode-ai/testing/runner"
import { it } from "@opencode-ai/testing/effect"
import * as Effect from "effect/Effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Push } from "../../src/model.ts"
import { backoff, makeLink, type State } from "../../src/page/link.ts"

/** A server that does what the test says, and a page's link to it. */
const linked = (handle: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer(handle)
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        }),
    )
    // A listener has an address.
    const { port } = server.address() as AddressInfo
    const pushes: Array<Push> = []
    const states: Array<string> = []
    let look = () => undefined as void
    const told = {
      push: (push: Push) => {
        pushes.push(push)
        look()
      },
      state: (state: State, why?: string) => {
        states.push(why === undefined ? state : `${state}: ${why}`)
        look()
      },
    }
    const link = yield* Effect.acquireRelease(
      Effect.sync(() => makeLink("secret", told, `http://127.0.0.1:${port}`)),
      ({ close }) => Effect.sync(close),
    )
    /** Waits until the link has come to this state. */
    const until = (state: string) =>
      Effect.callback<void>((resume) => {
        look = () => void (states.includes(state) && resume(Effect.void))
        look()
      })
    return { link, pushes, states, until }
  })

const push = (directory: string) => `data: ${JSON.stringify({ type: "hello", directory, version: "1" })}\n\n`

const text = async (request: IncomingMessage): Promise<string> => {
  let all = ""
  for await (const chunk of request) all += String(chunk)
  return all
}

/** What a page cancels an ask with. */
const aborter = () => new AbortController()

describe("the page's link", () => {
  it.live("connects again when the connection ends, and says so in between", () =>
    Effect.gen(function* () {
      const seen: Array<string | undefined> = []
      const { pushes, states, until } = yield* linked((request, response) => {
        seen.push(request.headers.authorization)
        response.writeHead(200, { "content-type": "text/event-stream" })
        if (seen.length === 1) response.end(push("one"))
        else response.write(push("two") + push("three"))
        if (seen.length === 2) setImmediate(() => response.destroy())
        if (seen.length === 3) response.end()
      })
      yield* until("lost")
      expect(states).toEqual(["open", "lost"])
      yield* until("connecting")
      expect(pushes.map((each) => each.type === "hello" && each.directory)).toContain("one")
      expect(seen[0]).toBe("Bearer secret")
    }),
  )

  it.live("does not come again where it is not let in", () =>
    Effect.gen(function* () {
      const { link, states, until } = yield* linked((_, response) => {
        response.writeHead(403)
        response.end()
      })
      yield* until("refused")
      expect(states).toEqual(["refused"])
      const answer = yield* Effect.promise(() => link.ask("tasks", {}))
      expect(answer).toMatchObject({
        ok: false,
        error: { tag: "Refused", hint: "Open it again with `mcp ui`, or with `/mcp` in OpenCode." },
      })
    }),
  )

  it.live("says why there is no connection", () =>
    Effect.gen(function* () {
      const { until } = yield* linked((_, response) => {
        response.writeHead(503)
        response.end("16 pages are open already; close one.\n")
      })
      yield* until("lost: 16 pages are open already; close one.")
    }),
  )

  it.live("has three long asks under way at most; one that waits can be cancelled, and short ones pass", () =>
    Effect.gen(function* () {
      const open = new Map<string, ServerResponse>()
      let arrived = () => undefined as void
      const { link } = yield* linked((request, response) => {
        if (request.url === "/events") return
        void text(request).then((body) => {
          const asked: { readonly op: string; readonly id?: string } = Object(JSON.parse(body))
          if (asked.op !== "call") return response.end('{"ok":true,"result":null}')
          open.set(asked.id ?? "", response)
          return arrived()
        })
      })
      const call = (id: string, signal?: AbortSignal) =>
        link.ask("call", { id, server: "near", tool: "t", arguments: {} }, signal)
      const first = ["1", "2", "3"].map((id) => call(id))
      yield* Effect.callback<void>((resume) => {
        arrived = () => void (open.size === 3 && resume(Effect.void))
        arrived()
      })
      const fourth = call("4")
      const aborting = aborter()
      const fifth = call("5", aborting.signal)
      expect(yield* Effect.promise(() => link.ask("tasks", {}))).toMatchObject({ ok: true })
      aborting.abort()
      expect(yield* Effect.promise(() => fifth)).toMatchObject({ ok: false, error: { tag: "Cancelled" } })
      expect(yield* Effect.promise(() => link.ask("tasks", {}))).toMatchObject({ ok: true })
      expect([...open.keys()].sort()).toEqual(["1", "2", "3"])
      arrived = () => void open.get("4")?.end('{"ok":true,"result":{"content":[]}}')
      for (const id of ["1", "2", "3"]) open.get(id)?.end('{"ok":true,"result":{"content":[]}}')
      const answers = yield* Effect.promise(() => Promise.all([...first, fourth]))
      expect(answers.map(({ ok }) => ok)).toEqual([true, true, true, true])
    }),
  )
})

it.live("waits longer each time, and never longer than ten seconds", () =>
  Effect.sync(() => {
    expect([0, 1, 2, 3, 4, 5, 50].map(backoff)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  }),
)
