import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { world } from "../cli/program.ts"
import { startShell } from "../shell/client.ts"

const messages = ["first", "second", "third", "fourth"]

const questions = (schema: object) =>
  messages.map((message, index) => ({
    do: "send" as const,
    message: {
      jsonrpc: "2.0",
      id: `question ${index}`,
      method: "elicitation/create",
      params: { message, requestedSchema: { type: "object", properties: { name: { type: "string", ...schema } } } },
    },
  }))

const asking = (schema: object) =>
  rawStdio({
    on: { "tools/call": [...questions(schema), { do: "wait", ms: 60_000 }, { do: "result", result: { content: [] } }] },
  })

describe("questions that come at once", () => {
  it.live.each([
    { name: "plain fields", schema: {} },
    { name: "a format", schema: { format: "email" } },
  ])("are events in the order in which they came, the first ones too: $name", ({ schema }) =>
    Effect.gen(function* () {
      const shell = yield* startShell({ servers: { s: asking(schema) } })
      shell.send({ id: 1, op: "call", server: "s", tool: "echo", args: { message: "x" } })
      yield* Effect.forEach(messages, (each) =>
        shell.event("mcp.elicitation.requested", "s", (data) => data.message === each),
      )
      const said = shell.said.filter(({ event }) => event === "mcp.elicitation.requested")
      expect(said.map(({ data }) => data.message)).toEqual(messages)
    }),
  )

  it.live("are put to the person in that order", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: { s: asking({}) } })
      const { text } = yield* terminal(["call", "s", "echo", "message=x", "--config", config], {
        keys: [...messages.map(() => [/Decline\s+Cancel/, "\u0003"] as const), [/Calling/, "\u0003"]],
      })
      const at = messages.map((each) => text.indexOf(`  ${each}\n`))
      expect(at).toEqual([...at].toSorted((a, b) => a - b))
      expect(at[0]).toBeGreaterThan(-1)
    }),
  )
})
