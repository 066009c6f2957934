import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { startShell } from "../shell/client.ts"

const server = { server: "s" }
const cases = [
  {
    command: { op: "setLevel", ...server, level: "warn" },
    message:
      'setLevel: level: expected one of debug, info, notice, warning, error, critical, alert, emergency, found "warn"',
  },
  {
    command: { op: "elicitation.reply", requestID: "r", action: "Accept" },
    message: 'elicitation.reply: action: expected accept, decline or cancel, found "Accept"',
  },
  {
    command: { op: "roots", roots: [{ uri: "http://h" }] },
    message: 'roots: roots: expected an array of { "uri": "file://…", "name"? }, found [{"uri":"http://h"}]',
  },
  {
    command: { op: "call", ...server, tool: "t", task: { ttl: -1 } },
    message: 'call: task: expected true or { "ttl": milliseconds }, found {"ttl":-1}',
  },
  {
    command: { op: "complete", ...server, ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: 5 } },
    message: 'complete: argument: expected { "name", "value" }, two strings, found {"name":"a","value":5}',
  },
  // What may be a secret is not said again.
  {
    command: { op: "add", name: "s", config: "hunter2" },
    message: "add: config: expected an object, found a string",
  },
]

describe("a field of the wrong shape", () => {
  it.live("is named with what was given", () =>
    Effect.gen(function* () {
      const shell = yield* startShell()
      for (const [id, { command, message }] of cases.entries()) {
        const { error } = yield* shell.ask({ id, ...command })
        expect(error).toEqual({ tag: "BadRequest", message })
      }
    }),
  )
})
