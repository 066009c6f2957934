/** A server on `@modelcontextprotocol/server` (v2), in whichever process: one for any number of connections. */
import { randomUUID } from "node:crypto"
import {
  type AuthInfo,
  type CreateMessageRequest,
  type ElicitRequestFormParams,
  type ElicitRequestURLParams,
  type JSONRPCMessage,
  ProtocolError,
  type RequestMethod,
  Server,
  type Transport,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server"
import { capabilities, handlers, instructions } from "./features.ts"
import type { Features } from "./features/feature.ts"
import { keep } from "./record-file.ts"
import { Events, Listeners } from "./web-http.ts"

export interface HostOptions {
  /** So many made-up tools instead of the real ones. */
  readonly manyTools?: number
  /** Tools beside those that every peer has. */
  readonly tools?: Features
  /** Called with the name of each tool that is called, before it runs. */
  readonly onCall?: (name: string) => void
}

export const sdkV2Host = ({ manyTools, tools, onCall }: HostOptions) => {
  const received: Array<unknown> = []
  const listeners = new Listeners()

  const make = () => {
    const server = new Server({ name: "sdk-v2", version: "1.0.0" }, { capabilities, instructions })
    const byMethod = handlers({
      received,
      ...(manyTools === undefined ? {} : { manyTools }),
      ...(tools === undefined ? {} : { tools }),
      error: (code, message, data) => new ProtocolError(code, message, data),
    })
    for (const [method, handler] of Object.entries(byMethod)) {
      // The SDK types each method's result; here one function stands for all.
      server.setRequestHandler(
        method as "ping",
        (request: { params?: object | undefined }, { http, mcpReq, sessionId }) => {
          const params = { ...request.params }
          if (method === "tools/call" && "name" in params) onCall?.(String(params.name))
          return handler({
            params,
            id: mcpReq.id,
            progressToken: mcpReq._meta?.progressToken,
            signal: mcpReq.signal,
            auth: http?.authInfo,
            notify: (name, params) => mcpReq.notify({ method: name, ...(params === undefined ? {} : { params }) }),
            request: (name, params) =>
              mcpReq.send({ method: name as RequestMethod, ...(params === undefined ? {} : { params }) }),
            sdk: {
              sample: (params) => mcpReq.requestSampling(params as CreateMessageRequest["params"]),
              elicit: (params) => mcpReq.elicitInput(params as ElicitRequestFormParams | ElicitRequestURLParams),
              complete: async (elicitationId) => {
                await listeners.of(sessionId)
                await server.createElicitationCompletionNotifier(elicitationId)()
              },
              log: async (level, data, logger) => {
                await listeners.of(sessionId)
                await server.sendLoggingMessage({ level, data, logger }, sessionId)
              },
              updated: async (uri) => {
                await listeners.of(sessionId)
                await server.sendResourceUpdated({ uri })
              },
            },
          })
        },
      )
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

  /** Answers a request, on behalf of whom the gate let through. */
  const http = async (request: Request, authInfo?: AuthInfo): Promise<Response> => {
    const options = authInfo === undefined ? {} : { authInfo }
    const session = request.headers.get("mcp-session-id") ?? ""
    const known = sessions.get(session)
    if (known !== undefined) {
      const response = await known.handleRequest(request, options)
      if (request.method === "GET" && response.ok) listeners.opened(session)
      return response
    }
    if (request.headers.has("mcp-session-id")) return new Response("Session not found", { status: 404 })
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new Events<JSONRPCMessage>(),
      retryInterval: 50,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    await connect(transport)
    return transport.handleRequest(request, options)
  }

  return { connect, http }
}
