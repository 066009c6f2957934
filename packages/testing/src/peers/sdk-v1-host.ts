/** What the peers on `@modelcontextprotocol/sdk` (v1) share: how features are bound to its server, and how that is served. */
import { randomUUID } from "node:crypto"
import type { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import * as types from "@modelcontextprotocol/sdk/types.js"
import type { Call, Handlers, MakeError } from "./features/feature.ts"
import { keep } from "./record-file.ts"
import { Events, listen, Listeners } from "./web-http.ts"

/** Everything that this process received, oldest first. */
export const received: Array<unknown> = []

export type Extra = RequestHandlerExtra<types.ServerRequest, types.ServerNotification>

export const listeners = new Listeners()

export const error: MakeError = (code, message, data) => new types.McpError(code, message, data)

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

/** The SDK's request as the features know it. The SDK's types know only the methods of a server; a feature may send any. */
export const callOf = (server: Server, request: { readonly params?: object | undefined }, extra: Extra): Call => ({
  params: { ...request.params },
  id: extra.requestId,
  progressToken: extra._meta?.progressToken,
  signal: extra.signal,
  notify: (method, params) => extra.sendNotification({ method, params } as types.ServerNotification),
  request: (method, params) => extra.sendRequest({ method, params } as types.ServerRequest, types.ResultSchema),
  sdk: {
    sample: (params) =>
      server.createMessage(params as types.CreateMessageRequest["params"], { relatedRequestId: extra.requestId }),
    elicit: (params) =>
      server.elicitInput(params as types.ElicitRequest["params"] & object, { relatedRequestId: extra.requestId }),
    complete: async (elicitationId) => {
      await listeners.of(extra.sessionId)
      await server.createElicitationCompletionNotifier(elicitationId)()
    },
    log: async (level, data, logger) => {
      await listeners.of(extra.sessionId)
      await server.sendLoggingMessage({ level, data, logger }, extra.sessionId)
    },
    updated: async (uri) => {
      await listeners.of(extra.sessionId)
      await server.sendResourceUpdated({ uri })
    },
  },
})

export const bind = (server: Server, byMethod: Handlers) => {
  for (const schema of schemas) {
    server.setRequestHandler(schema, (request, extra) => {
      const handler = byMethod[request.method]
      if (handler === undefined) throw error(types.ErrorCode.MethodNotFound, request.method)
      return handler(callOf(server, request, extra))
    })
  }
}

/** Connects a new server, and keeps what passes. */
const connect = async (make: () => Server, transport: Transport) => {
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

/** The sessions over HTTP. */
export const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()

const http =
  (make: () => Server) =>
  async (request: Request): Promise<Response> => {
    const session = request.headers.get("mcp-session-id") ?? ""
    const known = sessions.get(session)
    if (known !== undefined) {
      const response = await known.handleRequest(request)
      if (request.method === "GET" && response.ok) listeners.opened(session)
      return response
    }
    if (request.headers.has("mcp-session-id")) return new Response("Session not found", { status: 404 })
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new Events<types.JSONRPCMessage>(),
      retryInterval: 50,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    await connect(make, transport)
    return transport.handleRequest(request)
  }

/** Serves over `stdio` or `http`: a server for each session. */
export const run = async (mode: string | undefined, make: () => Server) => {
  if (mode === "http") return listen(http(make))
  process.stdin.on("end", () => process.exit(0))
  await connect(make, new StdioServerTransport())
}
