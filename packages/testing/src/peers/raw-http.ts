/**
 * A hand-written HTTP server in this process that answers as its script says, and keeps every request. Without a script
 * it is a small correct Streamable HTTP server with one tool, `echo`, that answers in JSON and has no GET stream. What the
 * client sent is held to the specification when the Scope closes.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Wire } from "../recorder.ts"
import { type Rpc, type Standard, standardAnswer } from "./raw-answer.ts"

/** A request as it arrived. */
export interface HttpRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string | undefined }
  readonly text: string
  /** The JSON-RPC message in the body; empty where there is none. */
  readonly rpc: Rpc
  /** How many requests came before it. */
  readonly index: number
  /** How many requests with the same HTTP method and JSON-RPC method came before it. */
  readonly nth: number
}

/** One step of an SSE answer. `data` that is no string is written as JSON. */
export type SseStep =
  | { readonly data: unknown; readonly id?: string; readonly event?: string; readonly retry?: number }
  /** Text as it is: comments, broken events, half of one. */
  | { readonly raw: string }
  | { readonly until: Effect.Effect<unknown> }
  /** Destroys the connection. */
  | { readonly drop: true }

interface Head {
  readonly status?: number
  readonly headers?: { readonly [name: string]: string }
}

/** An answer. */
export type Reply =
  | (Head & { readonly json: unknown })
  | (Head & { readonly text: string })
  /** Ends after the last step, unless it is held open: until the Scope closes, `push` writes to it. */
  | (Head & { readonly sse: ReadonlyArray<SseStep>; readonly hold?: boolean })
  /** Any body, written piece by piece as the client reads it. */
  | (Head & { readonly body: Iterable<string | Uint8Array> })
  /** The connection is destroyed without an answer. */
  | { readonly drop: true }

/** Gives a reply, or `undefined` for the standard one. */
export type Handler = (request: HttpRequest) => Reply | Effect.Effect<Reply> | undefined

export interface RawHttpScript extends Standard {
  /** By JSON-RPC method of a POST. */
  readonly on?: { readonly [method: string]: Handler }
  /** GET requests; 405 by default. */
  readonly get?: Handler
  readonly delete?: Handler
  /** Asked before anything else. */
  readonly any?: Handler
  /** The session id that `initialize` gives; others are answered with 404, none with 400. */
  readonly session?: string
  /** How requests are answered; `json` by default. */
  readonly answers?: "json" | "sse"
  /** The transport of 2024-11-05: GET gives the endpoint and every answer, POST to the endpoint 202, to the URL 405. */
  readonly legacy?: boolean
  /** `false`: what the client sends is not held to the specification at the end. */
  readonly check?: boolean
}

export interface RawHttp {
  readonly url: string
  readonly requests: ReadonlyArray<HttpRequest>
  /** The requests of one HTTP or JSON-RPC method. */
  readonly of: (method: string) => ReadonlyArray<HttpRequest>
  readonly wire: Wire
  /** Writes to every stream that is held open; gives their number. */
  readonly push: (step: SseStep) => Effect.Effect<number>
  /** Destroys every stream that is held open. */
  readonly dropStreams: Effect.Effect<void>
  /** The first request, past or to come, that fits. */
  readonly first: (fits: (request: HttpRequest) => boolean) => Effect.Effect<HttpRequest>
}

const eventText = (step: Extract<SseStep, { data: unknown }>): string => {
  const data = typeof step.data === "string" ? step.data : JSON.stringify(step.data)
  const lines = data.split("\n").map((line) => `data: ${line}\n`)
  const id = step.id === undefined ? "" : `id: ${step.id}\n`
  const event = step.event === undefined ? "" : `event: ${step.event}\n`
  const retry = step.retry === undefined ? "" : `retry: ${step.retry}\n`
  return `${event}${id}${retry}${lines.join("")}\n`
}

const read = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString("utf8")
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const destroy = (response: ServerResponse) => {
  response.socket?.destroy()
  response.destroy()
}

/** Writes a part of a body, and waits until the client has room for more, or has gone. */
export const write = (response: ServerResponse, chunk: string | Uint8Array) =>
  new Promise<void>((done) => {
    if (response.destroyed || response.write(chunk)) return done()
    const go = () => {
      response.off("drain", go)
      response.off("close", go)
      done()
    }
    response.on("drain", go)
    response.on("close", go)
  })

/** Listens on a free port of 127.0.0.1 as long as the Scope. */
export const rawHttp = (script: RawHttpScript = {}): Effect.Effect<RawHttp, never, Scope.Scope> =>
  Effect.gen(function* () {
    const wire = new Wire({ ordered: false })
    const requests: Array<HttpRequest> = []
    const counts = new Map<string, number>()
    const streams = new Set<ServerResponse>()
    const listeners = new Set<() => void>()

    const stepOn = async (response: ServerResponse, step: SseStep): Promise<void> => {
      if ("drop" in step) return destroy(response)
      if ("until" in step) return void (await Effect.runPromise(step.until))
      if ("raw" in step) return write(response, step.raw)
      if (typeof step.data === "object") wire.received(step.data)
      return write(response, eventText(step))
    }

    const answer = async (reply: Reply, response: ServerResponse): Promise<void> => {
      if ("drop" in reply) return destroy(response)
      const type = "json" in reply ? "application/json" : "sse" in reply ? "text/event-stream" : "text/plain"
      response.writeHead(reply.status ?? 200, { "content-type": type, ...reply.headers })
      if ("json" in reply) {
        wire.received(reply.json)
        return void response.end(JSON.stringify(reply.json))
      }
      if ("text" in reply) return void response.end(reply.text)
      if ("body" in reply) {
        for (const chunk of reply.body) {
          if (response.destroyed) return
          await write(response, chunk)
        }
        return void response.end()
      }
      response.flushHeaders()
      if (reply.hold === true) {
        streams.add(response)
        response.on("close", () => streams.delete(response))
      }
      for (const step of reply.sse) await stepOn(response, step)
      if (reply.hold !== true && !response.destroyed) response.end()
    }

    const push = (step: SseStep) =>
      Effect.promise(async () => {
        const open = [...streams]
        for (const response of open) await stepOn(response, step)
        return open.length
      })

    const posted = (request: HttpRequest): Reply | Effect.Effect<Reply> => {
      const { rpc } = request
      const session = script.session === undefined ? undefined : request.headers["mcp-session-id"]
      if (script.session !== undefined && rpc.method !== "initialize" && session !== script.session) {
        return session === undefined
          ? { status: 400, text: "Bad Request: No valid session ID provided" }
          : { status: 404, text: "Session not found" }
      }
      const own = rpc.method === undefined ? undefined : script.on?.[rpc.method]?.(request)
      if (own !== undefined) return own
      if (rpc.method === undefined || rpc.id === undefined) return { status: 202, text: "" }
      const json = standardAnswer(script, rpc)
      const headers =
        script.session !== undefined && rpc.method === "initialize" ? { "mcp-session-id": script.session } : {}
      if (script.legacy === true)
        return push({ event: "message", data: json }).pipe(Effect.as({ status: 202, text: "" }))
      return script.answers === "sse" ? { headers, sse: [{ event: "message", data: json }] } : { headers, json }
    }

    const standard = (request: HttpRequest): Reply | Effect.Effect<Reply> => {
      const posts = script.legacy !== true || request.path.startsWith("/messages")
      if (request.method === "POST" && posts) return posted(request)
      if (request.method === "GET") {
        const own = script.get?.(request)
        if (own !== undefined) return own
        if (script.legacy === true) return { sse: [{ event: "endpoint", data: "/messages?of=1" }], hold: true }
      }
      const own = request.method === "DELETE" ? script.delete?.(request) : undefined
      return own ?? { status: 405, headers: { allow: "POST" }, text: "Method Not Allowed" }
    }

    const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
      const text = await read(incoming)
      const message = text === "" ? undefined : parse(text)
      const rpc: Rpc = typeof message === "object" && message !== null && !Array.isArray(message) ? message : {}
      const method = incoming.method ?? "GET"
      const key = `${method} ${rpc.method}`
      const nth = counts.get(key) ?? 0
      counts.set(key, nth + 1)
      const headers = Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.join(", ") : value,
        ]),
      )
      const request: HttpRequest = {
        method,
        path: incoming.url ?? "/",
        headers,
        text,
        rpc,
        index: requests.length,
        nth,
      }
      requests.push(request)
      if (message !== undefined && method === "POST") wire.sent(message)
      for (const listener of [...listeners]) listener()
      const reply = script.any?.(request) ?? standard(request)
      await answer(Effect.isEffect(reply) ? await Effect.runPromise(reply) : reply, response)
    }

    const server = createServer((incoming, response) => {
      response.on("error", () => undefined)
      handle(incoming, response).catch(() => destroy(response))
    })
    const port = yield* Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    })
    yield* Effect.addFinalizer(() => (script.check === false ? Effect.void : Effect.orDie(wire.check)))
    yield* Effect.addFinalizer(() =>
      Effect.callback<void>((resume) => {
        for (const response of streams) destroy(response)
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      }),
    )
    return {
      url: `http://127.0.0.1:${port}${script.legacy === true ? "/sse" : "/mcp"}`,
      requests,
      of: (method) => requests.filter((request) => request.method === method || request.rpc.method === method),
      wire,
      push,
      dropStreams: Effect.sync(() => streams.forEach(destroy)),
      first: (fits) =>
        Effect.callback<HttpRequest>((resume) => {
          const look = () => {
            const found = requests.find(fits)
            if (found === undefined) return
            listeners.delete(look)
            resume(Effect.succeed(found))
          }
          listeners.add(look)
          look()
          return Effect.sync(() => listeners.delete(look))
        }),
    }
  })
