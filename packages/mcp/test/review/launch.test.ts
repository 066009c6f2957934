import * as Effect from "effect/Effect"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"

const it = testEffect(testMcp())

describe("arguments that look like a path and are none", () => {
  it.live("are no roots, and no harm", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const peer = rawStdio({ on: { "notifications/initialized": [{ do: "ask", id: "r", method: "roots/list" }] } })
      const odd = ["/etc/passwd/below-a-file", `/*${"x".repeat(5_000)}*/`, "/tmp"]
      const status = yield* mcp.add(config("peer", { ...peer, command: [...peer.command, ...odd] }))
      expect(status).toEqual({ status: "connected" })
      yield* mcp.ping("peer")
      const { wire } = yield* Recordings
      const answer = wire("peer")
        .messages("sent")
        .find((message) => message.id === "r")
      expect(JSON.stringify(answer?.result)).toContain('"file:///tmp"')
      expect(JSON.stringify(answer?.result)).not.toContain("passwd")
    }),
  )
})

describe("a server that inherits nothing", () => {
  it.live("sees where programs are, whose home, the language and what was configured", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const peer = sdkV1()
      const environment = { ...peer.environment, OWN: "1" }
      yield* mcp.add(config("peer", { ...peer, environment, inheritEnvironment: false }))
      const result = yield* mcp.callTool("peer", "process")
      const { env } = Object(result.structuredContent)
      const seen = Object.keys(env)
      const expected = Object.keys(process.env).filter((name) => /^(PATH|HOME|LANG|LANGUAGE|LC_.*)$/.test(name))
      // macOS gives every process one of its own.
      expect(seen.filter((name) => name !== "__CF_USER_TEXT_ENCODING").toSorted()).toEqual(
        [...expected, ...Object.keys(environment)].toSorted(),
      )
    }),
  )
})

describe("a remote server that does not answer", () => {
  it.live("is named without what stands in its query", () =>
    Effect.gen(function* () {
      const mcp = yield* Mcp
      const http = yield* rawHttp({ on: { initialize: () => Effect.never } })
      const status = yield* mcp.add(
        config("peer", { type: "remote", url: `${http.url}?key=secret`, timeout: { startup: 200 } }),
      )
      expect(status.status).toBe("failed")
      expect(JSON.stringify(status)).not.toContain("secret")
    }),
  )
})
