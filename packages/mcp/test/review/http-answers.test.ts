import * as Effect from "effect/Effect"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Method } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"

describe("an error without an id in an answer of status 200", () => {
  it.live("is told in the server's own words", () =>
    Effect.gen(function* () {
      const error = { code: -32603, message: "the disk is full" }
      const { url } = yield* rawHttp({ on: { "tools/call": () => ({ json: { jsonrpc: "2.0", id: null, error } }) } })
      const { session } = yield* connect({ type: "remote", url })
      const { message } = yield* failure(session.request(Method.callTool, { name: "echo" }))
      expect(message).toContain("the disk is full")
    }),
  )
})
