/** A server on `@modelcontextprotocol/sdk` (v1): `sdk-v1-main.ts stdio|http [number of tools]`. */
import { randomUUID } from "node:crypto"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import * as types from "@modelcontextprotocol/sdk/types.js"
import { capabilities, handlers, instructions } from "./features.ts"
import { keep } from "./record-file.ts"
import { Events, listen } from "./web-http.ts"

const [mode, count] = process.argv.slice(2)
const received: Array<unknown> = []

const schemas = [
  types.ListToolsRequestSchema,
  types.CallToolRequestSchema,
  types.ListResourcesRequestSchema,
  types.ListResourceTemplatesRequestSchema,
  types.ReadResourceRequestSchema,
  types.SubscribeRequestSchema,
  types.UnsubscribeRequestSchema,
  types.ListPromptsRequestSchema,
  types.GetPromptRequestSchema,
  types.CompleteRequestSchema,
]

const make = () => {
  const server = new Server({ name: "sdk-v1", version: "1.0.0" }, { capabilities, instructions })
  const byMethod = handlers({
    received,
    ...(count === undefined ? {} : { manyTools: Number(count) }),
    error: (code, message, data) => new types.McpError(code, message, data),
  })
  for (const schema of schemas) {
    server.setRequestHandler(schema, (request, extra) => {
      const handler = byMethod[request.method]
      if (handler === undefined) throw new types.McpError(types.ErrorCode.MethodNotFound, request.method)
      return handler({
        params: { ...request.params },
        id: extra.requestId,
        progressToken: extra._meta?.progressToken,
        signal: extra.signal,
        notify: (method, params) => extra.sendNotification({ method, params }),
        request: (method, params) => extra.sendRequest({ method, params }, types.ResultSchema),
      })
    })
  }
  return server
}

/** Connects a new server, and keeps what passes. */
const connect = async (transport: Transport) => {
  await make().connect(transport)
  const { onmessage } = transport
  const send = transport.send.bind(transport)
  transport.onmessage = (message, extra) => {
    received.push(message)
    keep({ direction: "sent", message })
    onmessage?.(message, extra)
  }
  transport.send = (message, options) => {
    keep({ direction: "received", message })
    return send(message, options)
  }
}

const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()

const http = async (request: Request): Promise<Response> => {
  const known = sessions.get(request.headers.get("mcp-session-id") ?? "")
  if (known !== undefined) return known.handleRequest(request)
  if (request.headers.has("mcp-session-id")) return new Response("Session not found", { status: 404 })
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: new Events<types.JSONRPCMessage>(),
    retryInterval: 50,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  })
  await connect(transport)
  return transport.handleRequest(request)
}

if (mode === "http") listen(http)
else {
  process.stdin.on("end", () => process.exit(0))
  await connect(new StdioServerTransport())
}
