/** A service with one server over HTTP that nobody records: for what a server's own words make of our messages. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { config } from "@opencode-ai/testing/client"
import { type Handler, rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { Mcp } from "../../src/index.ts"

/** Answers with a result. */
export const answering =
  (result: object): Handler =>
  ({ rpc }) => ({ json: { jsonrpc: "2.0", id: rpc.id, result } })

/** The server is called `__proto__`. */
export const unchecked = (script: Parameters<typeof rawHttp>[0]) =>
  Effect.gen(function* () {
    const peer = yield* rawHttp({ ...script, check: false })
    const mcp = Context.get(yield* Layer.buildWithScope(Mcp.layer({ directory: "/" }), yield* Effect.scope), Mcp)
    yield* mcp.add(config("__proto__", { type: "remote", url: peer.url }))
    return { mcp, peer }
  })
