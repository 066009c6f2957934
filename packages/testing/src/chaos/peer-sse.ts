/** HTTP+SSE (2024-11-05) for the peer of the chaos runs, which the official SDK v2 serves no more. It harms answers as tags ask. */
import { randomUUID } from "node:crypto"
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server"
import { harmedEvents, onStream, tagIn } from "./faults.ts"

interface Session {
  readonly receive: (text: string) => void
}

/** The faults of the requests that were read; the first one with a tag has it. */
const seen = new Set<string>()

const begin = (
  id: string,
  connect: (transport: Transport) => Promise<void>,
  over: () => void,
): Session & { readonly stream: ReadableStream<Uint8Array> } => {
  const harmed = new Map<unknown, string>()
  const encoder = new TextEncoder()
  let closed = false
  let to: ReadableStreamDefaultController<Uint8Array> | undefined
  const put = (text: string) => {
    if (!closed) to?.enqueue(encoder.encode(text))
  }
  const end = () => {
    if (closed) return
    closed = true
    over()
    transport.onclose?.()
  }
  const transport: Transport = {
    start: async () => undefined,
    close: async () => {
      if (!closed) to?.close()
      end()
    },
    send: async (message) => {
      const text = `event: message\ndata: ${JSON.stringify(message)}\n\n`
      const key = "id" in message && !("method" in message) ? message.id : undefined
      const fault = harmed.get(key)
      harmed.delete(key)
      if (fault === undefined) put(text)
      else if (fault === "delay") setTimeout(() => put(text), 40)
      else if (fault !== "silent") put(harmedEvents(fault, text).text)
    },
  }
  const stream = new ReadableStream<Uint8Array>({
    start: async (controller) => {
      to = controller
      await connect(transport)
      put(`event: endpoint\ndata: /mcp?session=${id}\n\n`)
    },
    cancel: end,
  })
  const receive = (text: string) => {
    const message: JSONRPCMessage = JSON.parse(text)
    const found = tagIn(text)
    if (found !== undefined && onStream.has(found.fault) && !seen.has(found.tag) && "id" in message) {
      seen.add(found.tag)
      harmed.set(message.id, found.fault)
    }
    transport.onmessage?.(message)
  }
  return { stream, receive }
}

/** Answers requests for the stream and for its endpoint. */
export const sseHost = (connect: (transport: Transport) => Promise<void>) => {
  const sessions = new Map<string, Session>()
  return async (request: Request): Promise<Response> => {
    const asked = new URL(request.url).searchParams.get("session")
    if (request.method === "GET") {
      const id = randomUUID()
      const session = begin(id, connect, () => sessions.delete(id))
      sessions.set(id, session)
      return new Response(session.stream, { headers: { "content-type": "text/event-stream" } })
    }
    // Whoever asks without a session speaks Streamable HTTP, and is to learn that this is older.
    if (request.method !== "POST" || asked === null) return new Response(null, { status: 405 })
    const session = sessions.get(asked)
    if (session === undefined) return new Response("Session not found", { status: 404 })
    session.receive(await request.text())
    return new Response("Accepted", { status: 202 })
  }
}
