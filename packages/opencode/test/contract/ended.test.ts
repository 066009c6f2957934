import { it } from "@opencode-ai/testing/effect"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { type Shell, startShell } from "../shell/client.ts"

const requestedSchema = { type: "object", properties: { name: { type: "string", pattern: "^[A-Z]" } } }
const call = (id: string, tool: string, args: object) => ({ id, op: "call", server: "s", tool, args })

const begin = (shell: Shell) =>
  Effect.gen(function* () {
    shell.send(call("form", "elicit", { params: { message: "Who?", requestedSchema } }))
    const form = yield* shell.event("mcp.elicitation.requested", "s")
    shell.send(call("sample", "sample", {}))
    yield* shell.event("mcp.sampling.requested", "s")
    return form
  })

const answer = (shell: Shell, id: string) =>
  Effect.map(shell.reply(id), ({ result }) => result?.structuredContent?.result)

describe("questions at the end of the input", () => {
  it.live("are answered as nobody there would: no reply can come any more", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV1() } })
      yield* begin(shell)
      shell.end()
      expect(yield* answer(shell, "form")).toEqual({ action: "cancel" })
      expect(yield* answer(shell, "sample")).toMatchObject({ code: -1 })
      expect(yield* shell.exit).toBe(0)
      expect(shell.processes()).toEqual([])
    }),
  )

  it.live("are too when they come after it", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV1() } })
      shell.send(call("form", "elicit", { params: { message: "Who?", requestedSchema } }), call("sample", "sample", {}))
      shell.end()
      expect(yield* answer(shell, "form")).toEqual({ action: "cancel" })
      expect(yield* answer(shell, "sample")).toMatchObject({ code: -1 })
      expect(yield* shell.exit).toBe(0)
    }),
  )

  it.live("keep the reply that came just before it", () =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: sdkV1() } })
      const { data } = yield* begin(shell)
      const reply = { op: "elicitation.reply", requestID: data.requestID, action: "accept", content: { name: "Ada" } }
      shell.send({ id: "reply", ...reply })
      shell.end()
      expect((yield* shell.reply("reply")).ok).toBe(true)
      expect(yield* answer(shell, "form")).toEqual({ action: "accept", content: { name: "Ada" } })
      expect(yield* shell.exit).toBe(0)
    }),
  )
})
