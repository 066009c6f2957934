/**
 * ATTACKS 19: what a server may say that makes no sense, over each transport, before the right answer: no crash, and no answer
 * to the wrong caller. Message by message it is in `session/inbound.test.ts`, byte by byte in `stdio/limits.test.ts`.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { config } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawHttp, type SseStep } from "@opencode-ai/testing/peers/raw-http"
import { type RawAction, rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { start } from "../support/scripted.ts"

// What is nested so deep cannot be recorded.
const it = testEffect(Mcp.layer({ directory: process.cwd() }))

const right = { content: [{ type: "text" as const, text: "right" }] }
const wrong = { content: [{ type: "text" as const, text: "wrong" }] }
const envelope = (id: unknown, result: object = wrong) => ({ jsonrpc: "2.0", id, result })
const deep = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`

/** The lines before the answer; `$id` is the id of the call. */
const nonsense: ReadonlyArray<{
  readonly name: string
  readonly lines: ReadonlyArray<string | ReadonlyArray<number>>
}> = [
  { name: "words", lines: ["Listening on port 3000", "\u001b[31mred\u001b[0m", "{", "}{", '"text"', "null", "17"] },
  { name: "bytes that are no UTF-8", lines: [[0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80]] },
  {
    name: "answers to nobody",
    lines: [987_654, "987654", "$id ", null, {}, [], 1.5, true].map((id) => JSON.stringify(envelope(id))),
  },
  {
    name: "errors of nobody",
    lines: [`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}`, `{"error":1}`],
  },
  { name: "a batch of answers to nobody", lines: [JSON.stringify([envelope(987_654), envelope("x"), 3, null, [[]]])] },
  { name: "an array that is nested 10,000 deep", lines: [deep(10_000)] },
  { name: "a message that is nested 10,000 deep", lines: [`{"jsonrpc":"2.0","method":"m","params":${deep(10_000)}}`] },
  {
    name: "members of every object",
    lines: [`{"__proto__":{"id":1},"constructor":1,"method":"toString","id":"valueOf"}`],
  },
  { name: "requests that nobody answers", lines: [`{"jsonrpc":"2.0","id":"$id","method":"nonsense/do","params":[1]}`] },
]

const bytes = (line: string | ReadonlyArray<number>) => (typeof line === "string" ? line : [...line])

const overStdio = (lines: ReadonlyArray<string | ReadonlyArray<number>>) => {
  const parts = lines.flatMap((line) => [bytes(line), "\n"])
  const result: RawAction = { do: "result", result: right }
  return Effect.succeed(rawStdio({ on: { "tools/call": [{ do: "write", parts }, result] } }))
}

/** As events before the answer; bytes that are no text cannot be told apart from replacement characters there. */
const overHttp = (lines: ReadonlyArray<string | ReadonlyArray<number>>): Effect.Effect<object, never, Scope.Scope> =>
  Effect.map(
    rawHttp({
      check: false,
      on: {
        "tools/call": ({ rpc }) => ({
          sse: [
            ...lines.map((line): SseStep => ({
              data: typeof line === "string" ? line : Buffer.from(line).toString("latin1"),
            })),
            { data: envelope(rpc.id, right) },
          ],
        }),
      },
    }),
    ({ url }) => ({ type: "remote", url }),
  )

describe("what makes no sense", () => {
  for (const [transport, over] of [
    ["stdio", overStdio],
    ["Streamable HTTP", overHttp],
  ] as const) {
    it.live.each(nonsense)(`before an answer over ${transport} harms nobody: %s`, ({ lines }) =>
      Effect.gen(function* () {
        const mcp = yield* Mcp
        yield* mcp.add(config("a", yield* over(lines)))
        const calls = Array.from({ length: 3 }, () => mcp.callTool("a", "echo", {}))
        const results = yield* Effect.all(calls, { concurrency: "unbounded" })
        expect(results.map(({ content }) => content)).toEqual(calls.map(() => right.content))
        yield* mcp.ping("a")
        expect((yield* mcp.servers)[0]?.status).toEqual({ status: "connected" })
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
    )
  }
})

describe("two answers to one call", () => {
  it.live("give it the first, and no other call the second: stdio", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const send = (result: object): RawAction => ({ do: "send", message: envelope("$id", result) })
      yield* mcp.add(config("a", rawStdio({ on: { "tools/call": [send(right), send(wrong), send(wrong)] } })))
      for (let call = 0; call < 5; call++) {
        expect((yield* mcp.callTool("a", "echo", {})).content).toEqual(right.content)
      }
    }),
  )

  it.live("give it the first, and no other call the second: Streamable HTTP", () =>
    Effect.gen(function* () {
      const { url } = yield* rawHttp({
        on: {
          "tools/call": ({ rpc }) => ({
            sse: [right, wrong, wrong].map((result) => ({ data: envelope(rpc.id, result) })),
          }),
        },
      })
      const mcp = yield* Mcp
      yield* mcp.add(config("a", { type: "remote", url }))
      for (let call = 0; call < 5; call++) {
        expect((yield* mcp.callTool("a", "echo", {})).content).toEqual(right.content)
      }
    }),
  )
})

describe("an answer that comes after its call was given up", () => {
  const late = [{ do: "await", method: "notifications/cancelled" } as const, { do: "result", result: wrong } as const]

  it.live("reaches nobody: stdio", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const warnings: Array<string> = []
      mcp.listen(({ type }) => type === "mcp.warning" && warnings.push(type))
      yield* mcp.add(config("a", rawStdio({ on: { "tools/call": late } })))
      const call = yield* start(mcp.callTool("a", "echo", {}))
      yield* mcp.ping("a")
      yield* Fiber.interrupt(call)
      // Behind the late answer, on the same pipe.
      yield* mcp.ping("a")
      expect(warnings).toEqual([])
      expect((yield* mcp.servers)[0]?.status).toEqual({ status: "connected" })
    }),
  )
})
