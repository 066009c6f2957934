import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { it } from "../../src/effect.ts"
import { isAlive } from "../../src/peers/alive.ts"
import { everything, everythingHttp } from "../../src/peers/published.ts"
import { rawStdio } from "../../src/peers/raw-stdio.ts"
import { fileRecord, recordedHttp, recordedStdio, recordTo, temporaryDirectory } from "../../src/recording.ts"
import { describe, expect } from "../../src/runner.ts"
import { handshake, talk } from "./talk.ts"

describe("rawStdio", () => {
  it.live("is a correct server without a script, and keeps a record", () =>
    Effect.gen(function* () {
      const record = yield* fileRecord
      const peer = yield* talk(recordTo(record, rawStdio()))
      expect((yield* peer.ask(1, "initialize", handshake("2025-06-18"))).result?.protocolVersion).toBe("2025-06-18")
      const called = yield* peer.ask(2, "tools/call", { name: "echo", arguments: { a: 1 } })
      expect(JSON.stringify(called.result)).toContain("a")
      expect((yield* peer.ask(3, "resources/list")).error?.code).toBe(-32601)
      peer.child.stdin?.end()
      expect((yield* peer.exit).code).toBe(0)
      expect(record.wire().messages("sent", "tools/call").length).toBe(1)
      expect(record.wire().receivedProblems).toEqual([])
      expect(record.events()).toEqual(["eof"])
    }),
  )

  it.live("exits at once with a code", () =>
    Effect.gen(function* () {
      const peer = yield* talk(
        rawStdio({
          start: [
            { do: "stderr", text: "no\n" },
            { do: "exit", code: 3 },
          ],
        }),
      )
      expect((yield* peer.exit).code).toBe(3)
    }),
  )

  it.live("dies in a call by a signal", () =>
    Effect.gen(function* () {
      const peer = yield* talk(rawStdio({ on: { "tools/call": [{ do: "signal", signal: "SIGKILL" }] } }))
      peer.send({ id: 1, method: "tools/call", params: { name: "echo" } })
      expect((yield* peer.exit).signal).toBe("SIGKILL")
    }),
  )

  it.live("answers in a batch, to foreign ids, and asks questions", () =>
    Effect.gen(function* () {
      const peer = yield* talk(
        rawStdio({
          on: {
            "tools/call": [{ do: "batch", size: 2, result: { content: [] } }],
            ping: [
              { do: "send", message: { jsonrpc: "2.0", id: 99, result: { of: "$id" } } },
              { do: "ask", id: "r", method: "roots/list" },
              { do: "result", result: {} },
            ],
          },
        }),
      )
      peer.send({ id: 1, method: "tools/call" })
      peer.send({ id: 2, method: "tools/call" })
      const batch: ReadonlyArray<{ id: number }> = JSON.parse(yield* peer.line((line) => line.startsWith("[")))
      expect(batch.map((one) => one.id)).toEqual([2, 1])
      peer.send({ id: 7, method: "ping" })
      expect(yield* peer.line((line) => line.includes('"id":99'))).toContain('"of":7')
      yield* peer.line((line) => line.includes("roots/list"))
      peer.send({ id: "r", result: { roots: [] } })
      yield* peer.line((line) => line.includes('"id":7') && line.includes('"result":{}'))
    }),
  )

  it.live("ignores the end of stdin and SIGTERM, and leaves grandchildren in and outside its group", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const files = [join(directory, "in"), join(directory, "out")] as const
      const record = yield* fileRecord
      const peer = yield* talk(
        rawStdio(
          {
            ignoreEnd: true,
            ignoreSigterm: true,
            start: [
              { do: "spawn", pidFile: files[0] },
              { do: "spawn", pidFile: files[1], setsid: true },
            ],
          },
          record.path,
        ),
      )
      yield* peer.ask(1, "ping")
      const pids = files.map((file) => Number(readFileSync(file, "utf8")))
      expect(pids.map(isAlive)).toEqual([true, true])
      peer.child.stdin?.end()
      peer.child.kill("SIGTERM")
      yield* record.first((line) => "event" in line && line.event === "SIGTERM")
      expect(isAlive(peer.child.pid ?? 0)).toBe(true)
      for (const pid of pids) process.kill(pid, "SIGKILL")
    }),
  )

  it.live("serves many tools in pages, nests deeply, and writes bytes at odd boundaries", () =>
    Effect.gen(function* () {
      const peer = yield* talk(
        rawStdio({
          split: 3,
          manyTools: { count: 5, pageSize: 2 },
          on: {
            "tools/call": [
              { do: "write", parts: ["junk\n", [255, 254, 10]] },
              { do: "nest", depth: 50 },
            ],
          },
        }),
      )
      expect((yield* peer.ask(1, "tools/list")).result?.nextCursor).toBe("2")
      expect(Object.keys((yield* peer.ask(2, "tools/list", { cursor: "4" })).result ?? {})).toEqual(["tools"])
      expect(JSON.stringify((yield* peer.ask(3, "tools/call")).result)).toContain("[".repeat(50))
      yield* peer.line((line) => line === "junk")
    }),
  )
})

describe("recording", () => {
  it.live("stands before a local server that is not ours", () =>
    Effect.gen(function* () {
      const record = yield* fileRecord
      const peer = yield* talk(recordedStdio(record, everything))
      yield* peer.ask(1, "initialize", handshake("2025-11-25"))
      peer.send({ method: "notifications/initialized" })
      yield* peer.ask(2, "tools/list", {})
      peer.child.stdin?.end()
      yield* peer.exit
      expect(record.wire().messages("sent").length).toBe(3)
      const listed = record
        .wire()
        .messages("received")
        .find((one) => one.id === 2)
      expect(Array.isArray(listed?.result?.tools)).toBe(true)
    }),
  )

  it.live("stands before an HTTP server that is not ours", () =>
    Effect.gen(function* () {
      const { url, wire } = yield* Effect.flatMap(everythingHttp, recordedHttp)
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: handshake("2025-06-18") })
      const headers = { accept: "application/json, text/event-stream", "content-type": "application/json" }
      const response = yield* Effect.promise(() => fetch(url, { method: "POST", headers, body }))
      expect(response.headers.get("mcp-session-id")).toBeTruthy()
      expect(yield* Effect.promise(() => response.text())).toContain("serverInfo")
      expect(wire.revision).toBe("2025-06-18")
    }),
  )
})
