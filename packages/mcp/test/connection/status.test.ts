import * as Effect from "effect/Effect"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { make } from "../../src/connection/stderr.ts"
import { Mcp } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"

const it = testEffect(testMcp())

describe("the status of a server", () => {
  const refuses = rawHttp({
    any: () => ({ status: 401, headers: { "www-authenticate": `Bearer realm="x"` }, text: "log in first" }),
  })
  it.live("is needs_auth where it asks for authorization, and a call says so", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const status = yield* mcp.add(config("a", { type: "remote", url: (yield* refuses).url }))
      expect(status.status).toBe("needs_auth")
      expect((yield* failure(mcp.callTool("a", "x"))).reason._tag).toBe("AuthRequired")
      expect((yield* failure(mcp.tools("a"))).reason._tag).toBe("AuthRequired")
      expect(yield* mcp.tools()).toEqual([])
    }),
  )
  it.live("is failed where its entry forbids that, and says why", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const status = yield* mcp.add(config("a", { type: "remote", url: (yield* refuses).url, oauth: false }))
      expect(status.status).toBe("failed")
      expect(JSON.stringify(status)).toContain("oauth")
      expect(JSON.stringify(status)).toContain("401")
    }),
  )
  it.live("quotes what it wrote to stdout instead of answering", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const initialize = [
        { do: "write", parts: ["Usage: server [options]\n"] },
        { do: "exit", code: 2 },
      ] as const
      const status = yield* mcp.add(config("a", rawStdio({ on: { initialize } })))
      expect(JSON.stringify(status)).toContain("Usage: server [options]")
      expect(JSON.stringify(status)).toContain("exited with code 2")
    }),
  )
  it.live("of an attempt does not quote what an earlier one wrote", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const start = [{ do: "stderr", text: "words\n" }] as const
      yield* mcp.add(config("a", { ...rawStdio({ start, on: { initialize: [] } }), timeout: { startup: 1_500 } }))
      const status = yield* mcp.connect("a")
      const text = "error" in status ? (status.error ?? "") : ""
      expect(text.split("\n").filter((line) => line === "words").length).toBe(1)
      expect((yield* mcp.stderr("a")).filter((line) => line === "words").length).toBe(2)
    }),
  )
  it.live("tells what was agreed on, once it is connected", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      yield* mcp.add(config("a", rawStdio({ protocolVersion: "2025-03-26", instructions: "Read me." })))
      const [state] = yield* mcp.servers
      expect(state).toMatchObject({
        name: "a",
        type: "local",
        protocolVersion: "2025-03-26",
        serverInfo: { name: "raw", version: "1.0.0" },
        instructions: "Read me.",
        transport: "stdio",
        tools: 1,
        prompts: 0,
      })
      expect(state?.pid).toBeGreaterThan(0)
      expect(state?.connectMs).toBeGreaterThanOrEqual(0)
      yield* mcp.disconnect("a")
      expect((yield* mcp.servers)[0]).toEqual({
        name: "a",
        type: "local",
        status: { status: "disabled" },
        tools: 0,
        prompts: 0,
        resources: 0,
        templates: 0,
      })
    }),
  )
})

describe("what is kept of stderr", () => {
  const filled = (limit: number, lines: ReadonlyArray<string>) => {
    const ring = make(limit)
    lines.forEach(ring.push)
    return ring.lines()
  }
  test("is the last of it", () => {
    expect(filled(8, ["aaa", "bbb", "ccc"])).toEqual(["bbb", "ccc"])
    expect(filled(100, [])).toEqual([])
  })
  test("is cut where one line alone is too much", () => expect(filled(3, ["abcdef"])).toEqual(["abc"]))
  test("does not grow, in lines or in letters", () => {
    const lines = filled(
      1_000,
      Array.from({ length: 100_000 }, (_, at) => `line ${at}`),
    )
    expect(lines.at(-1)).toBe("line 99999")
    expect(lines.join("").length).toBeLessThanOrEqual(1_000)
  })
  test("counts empty lines too", () => {
    expect(
      filled(
        1_000,
        Array.from({ length: 100_000 }, () => ""),
      ).length,
    ).toBeLessThanOrEqual(1_000)
  })
})
