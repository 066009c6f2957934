/** ATTACKS 24: a session id is a secret between one server and its connection: nobody is shown it, and no other server gets it. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { config, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"

const it = testEffect(testMcp())

const ids = ["11d0c5e3-first-4f6b", "22e1d6f4-second-5a7c"] as const

/** A server that repeats the id of its session wherever it can. */
const talkative = (id: string) =>
  rawHttp({
    session: id,
    capabilities: { tools: {}, prompts: {}, resources: {} },
    on: {
      "tools/call": ({ nth, rpc }) =>
        nth === 0
          ? { status: 400, text: `bad luck of session ${id}` }
          : {
              status: 409,
              json: { jsonrpc: "2.0", id: rpc.id, error: { code: -32000, message: `${id} is busy`, data: { id } } },
            },
      "prompts/list": () => ({ status: 500, text: `<html><title>${id} failed</title></html>` }),
      "resources/list": () => ({ status: 401, headers: { "www-authenticate": "Basic" }, text: `who is ${id}?` }),
    },
    get: () => ({ status: 403, text: `no stream for ${id}` }),
  })

describe("the id of a session", () => {
  it.live(
    "is in no error, no event, no state and no log, though its server repeats it; and goes to its server alone",
    () =>
      Effect.gen(function* () {
        const mcp = yield* Mcp
        const shown: Array<string> = []
        mcp.listen((event) => shown.push(JSON.stringify(event)))
        const keep = Logger.make(({ message }) => shown.push(JSON.stringify(message)))
        const servers = yield* Effect.all(ids.map(talkative))
        yield* Effect.gen(function* () {
          for (const [at, { url }] of servers.entries()) yield* mcp.add(config(`s${at}`, { type: "remote", url }))
          yield* mcp.settled
          for (const server of ["s0", "s1"]) {
            for (let call = 0; call < 2; call++) {
              const error = yield* Effect.flip(mcp.callTool(server, "echo", {}))
              shown.push(error.message, JSON.stringify(error), String(error.stack))
            }
            shown.push(JSON.stringify(yield* Effect.exit(mcp.prompts(server))))
            shown.push(JSON.stringify(yield* Effect.exit(mcp.resources(server))))
            yield* mcp.ping(server)
          }
          shown.push(JSON.stringify(yield* mcp.servers))
        }).pipe(Effect.provide(Logger.layer([keep])), Effect.provideService(References.MinimumLogLevel, "All"))
        expect(shown.join("\n")).toContain("bad luck of session ***")
        for (const id of ids) expect(shown.filter((text) => text.includes(id))).toEqual([])
        for (const [at, { of, requests }] of servers.entries()) {
          const sent = requests.filter(({ rpc }) => rpc.method !== "initialize")
          expect(sent.length).toBeGreaterThan(0)
          expect(new Set(sent.map(({ headers }) => headers["mcp-session-id"]))).toEqual(new Set([ids[at]]))
          expect(of("initialize").length).toBe(1)
        }
      }),
  )
})
