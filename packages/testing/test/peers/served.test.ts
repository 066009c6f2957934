import * as Effect from "effect/Effect"
import { it } from "../../src/effect.ts"
import { isAlive } from "../../src/peers/alive.ts"
import { everything, filesystem, memory } from "../../src/peers/published.ts"
import { effectMcp, effectMcpHttp, sdkV1, sdkV1Http, sdkV2, sdkV2Http } from "../../src/peers/served.ts"
import { fileRecord, recordedHttp, recordedStdio, recordTo, temporaryDirectory } from "../../src/recording.ts"
import { describe, expect } from "../../src/runner.ts"
import { handshake, talk } from "./talk.ts"

const begin = (peer: Parameters<typeof talk>[0], version = "2025-11-25") =>
  Effect.gen(function* () {
    const client = yield* talk(peer)
    const { result } = yield* client.ask(0, "initialize", handshake(version))
    client.send({ method: "notifications/initialized" })
    return { ...client, version: result?.protocolVersion }
  })

describe("the reference servers", () => {
  const peers = {
    everything: Effect.succeed(everything),
    filesystem: Effect.map(temporaryDirectory, (directory) => filesystem(directory)),
    memory: Effect.map(temporaryDirectory, (directory) => memory(`${directory}/memory.json`)),
  }
  for (const [name, peer] of Object.entries(peers)) {
    it.live(`${name} starts, lists its tools and ends with its stdin`, () =>
      Effect.gen(function* () {
        const client = yield* begin(yield* peer)
        const { result } = yield* client.ask(1, "tools/list", {})
        expect(Array.isArray(result?.tools)).toBe(true)
        client.child.stdin?.end()
        yield* client.exit
      }),
    )
  }
})

describe("the servers on the SDKs", () => {
  for (const [name, peer] of Object.entries({ sdkV1, sdkV2 })) {
    it.live(`${name} reports progress, honours cancellation and says what it received`, () =>
      Effect.gen(function* () {
        const record = yield* fileRecord
        const client = yield* begin(recordTo(record, peer()))
        const params = { name: "progress", arguments: { steps: 3 }, _meta: { progressToken: "p" } }
        yield* client.ask(1, "tools/call", params)
        expect(record.wire().messages("received", "notifications/progress").length).toBe(3)
        client.send({ id: 2, method: "tools/call", params: { name: "hang", _meta: { progressToken: "h" } } })
        yield* client.line((line) => line.includes('"progressToken":"h"'))
        client.send({ method: "notifications/cancelled", params: { requestId: 2, reason: "enough" } })
        const { result } = yield* client.ask(3, "tools/call", { name: "recorded", arguments: {} })
        expect(JSON.stringify(result?.structuredContent)).toContain('"reason":"enough"')
        expect(record.wire().receivedProblems).toEqual([])
        client.child.stdin?.end()
        yield* client.exit
      }),
    )

    it.live(`${name} has content of every kind, and pages of tools`, () =>
      Effect.gen(function* () {
        const client = yield* begin(peer())
        const { result } = yield* client.ask(1, "tools/call", { name: "content", arguments: {} })
        const text = JSON.stringify(result)
        for (const type of ["text", "image", "audio", "resource_link", "resource"])
          expect(text).toContain(`"type":"${type}"`)
        const many = yield* begin(peer({ manyTools: 3000 }))
        let cursor: unknown
        for (let page = 0; page < 30; page++) {
          const { result: list } = yield* many.ask(page + 1, "tools/list", cursor === undefined ? {} : { cursor })
          cursor = list?.nextCursor
        }
        expect(cursor).toBeUndefined()
      }),
    )
  }
})

describe("Effect's McpServer", () => {
  for (const revision of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] as const) {
    it.live(`speaks ${revision} over stdio`, () =>
      Effect.gen(function* () {
        const record = yield* fileRecord
        const client = yield* begin(recordedStdio(record, effectMcp(revision)), revision)
        expect(client.version).toBe(revision)
        const { result } = yield* client.ask(1, "tools/call", { name: "echo", arguments: { message: "hi" } })
        expect(JSON.stringify(result)).toContain("hi")
        expect(record.wire().revision).toBe(revision)
      }),
    )
  }
})

describe("over HTTP", () => {
  const headers = { accept: "application/json, text/event-stream", "content-type": "application/json" }
  for (const [name, peer] of Object.entries({ sdkV1Http, sdkV2Http, effectMcpHttp })) {
    it.live(`${name} gives a session and serves it`, () =>
      Effect.gen(function* () {
        const { url, wire } = yield* Effect.flatMap(peer(), recordedHttp)
        const post = (message: object, more: Record<string, string> = {}) =>
          Effect.promise(async () => {
            const body = JSON.stringify({ jsonrpc: "2.0", ...message })
            const response = await fetch(url, { method: "POST", headers: { ...headers, ...more }, body })
            return { response, text: await response.text() }
          })
        const { response } = yield* post({ id: 1, method: "initialize", params: handshake("2025-11-25") })
        const session = {
          "mcp-session-id": response.headers.get("mcp-session-id") ?? "",
          "mcp-protocol-version": "2025-11-25",
        }
        yield* post({ method: "notifications/initialized" }, session)
        const params = { name: "echo", arguments: { message: "hello" } }
        expect((yield* post({ id: 2, method: "tools/call", params }, session)).text).toContain("hello")
        expect(wire.revision).toBe("2025-11-25")
      }),
    )
  }

  it.live("a peer is gone when its scope is closed", () =>
    Effect.gen(function* () {
      const pid = yield* Effect.gen(function* () {
        const { url } = yield* sdkV1Http()
        const call = (message: object, more = {}) =>
          Effect.promise(() =>
            fetch(url, {
              method: "POST",
              headers: { ...headers, ...more },
              body: JSON.stringify({ jsonrpc: "2.0", ...message }),
            }),
          )
        const first = yield* call({ id: 1, method: "initialize", params: handshake("2025-11-25") })
        yield* Effect.promise(() => first.text())
        const session = { "mcp-session-id": first.headers.get("mcp-session-id") ?? "" }
        const answer = yield* call({ id: 2, method: "tools/call", params: { name: "process", arguments: {} } }, session)
        const found = /\\"pid\\":(\d+)/.exec(yield* Effect.promise(() => answer.text()))
        return Number(found?.[1])
      }).pipe(Effect.scoped)
      expect(pid).toBeGreaterThan(0)
      expect(isAlive(pid)).toBe(false)
    }),
  )
})
