/** A remote server that forgets its session, says so by a 400, and tells other instructions in the next. */
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import * as Effect from "effect/Effect"

const noSession = { code: -32_000, message: "Bad Request: No valid session ID provided" }

export const forgetful = Effect.gen(function* () {
  let session = "one"
  const { requests, url } = yield* rawHttp({
    on: {
      initialize: ({ rpc }) => ({
        headers: { "mcp-session-id": session },
        json: {
          jsonrpc: "2.0",
          id: rpc.id,
          result: {
            protocolVersion: rpc.params?.["protocolVersion"],
            capabilities: { tools: {} },
            instructions: `Words of session ${session}.`,
            serverInfo: { name: "raw", version: "1" },
          },
        },
      }),
      "tools/call": ({ headers, rpc }) =>
        headers["mcp-session-id"] === session
          ? undefined
          : { status: 400, json: { jsonrpc: "2.0", id: rpc.id ?? null, error: noSession } },
    },
  })
  return {
    entry: { type: "remote", url },
    /** The sessions in which tools were called, refused ones too. */
    called: () =>
      requests.filter(({ rpc }) => rpc.method === "tools/call").map(({ headers }) => headers["mcp-session-id"]),
    /** Forgets the session. */
    forget: (next: string) => {
      session = next
    },
  }
})
