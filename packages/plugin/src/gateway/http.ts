/**
 * The gateway: one MCP server on this machine's loopback for each server of the configuration, over Streamable HTTP
 * (2025-11-25, Transports). OpenCode's own client, in the same process, is who it is for; whoever does not know the
 * secret of the run is refused (`guard.ts`).
 *
 * A call is answered on a stream of its own, with its progress; when that stream or the session ends, or OpenCode cancels
 * the call, it is interrupted, and so the server is told.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type { Mcp } from "@opencode-ai/mcp/mcp"
import { parse } from "@opencode-ai/mcp/protocol/json"
import {
  invalidRequest,
  isObject,
  isRequestId,
  type JsonObject,
  type RequestId,
} from "@opencode-ai/mcp/protocol/jsonrpc"
import type * as MCP from "@opencode-ai/opencode/mcp/index"
import * as Guard from "@opencode-ai/opencode/server/guard"
import type * as Truncate from "@opencode-ai/opencode/tool/truncate"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { createServer } from "node:http"
import { type Kind, Refused, type Session, session as newSession } from "./model.ts"
import { heard } from "./heard.ts"
import * as Presence from "./presence.ts"
import * as Server from "./server.ts"
import { progress, type Told } from "../tell.ts"

export interface Gateway {
  /** Where a server of the configuration is found. */
  readonly url: (name: string) => string
  /** What OpenCode sends with each request. */
  readonly headers: Readonly<Record<string, string>>
  /** Tells the sessions with a server that what it offers is different. */
  readonly changed: (server: string, kind: Kind) => void
  /**
   * What OpenCode ought to do: shake hands with a server anew, where it was told something else, or that there is nothing; or
   * leave it, where it was disconnected elsewhere.
   */
  readonly due: (server: string) => Effect.Effect<"connect" | "disconnect" | undefined>
  /** Those with which OpenCode is to shake hands anew, so that it learns how they are: no reason to try them once more. */
  readonly renewing: Set<string>
  /** Whether calls to a server, or handshakes, are under way. */
  readonly isBusy: (server: string) => boolean
}

/** Between two signs of life on a stream: what is silent for long is taken for dead. */
const pulse = "15 seconds"
const encoder = new TextEncoder()
const event = (message: object) => encoder.encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
const sign = encoder.encode(": \n\n")

type Events = Queue.Queue<Uint8Array, Cause.Done>

const stream = (fill: (events: Events) => Effect.Effect<unknown, never, Scope.Scope>) =>
  HttpServerResponse.stream(
    Stream.callback<Uint8Array>((events) =>
      Effect.gen(function* () {
        // With the first bytes go the headers.
        Queue.offerUnsafe(events, sign)
        const live = Effect.sync(() => Queue.offerUnsafe(events, sign))
        yield* Effect.forkScoped(Effect.repeat(live, Schedule.spaced(pulse)))
        yield* fill(events)
      }),
    ),
    { contentType: "text/event-stream", headers: { "cache-control": "no-store" } },
  )

const answered = (id: RequestId, result: object) => ({ jsonrpc: "2.0", id, result })
const refusal = (id: RequestId, { code, data, message }: Refused) => ({
  jsonrpc: "2.0",
  id,
  error: { code, message, ...(data === undefined ? {} : { data }) },
})
const replied = (id: RequestId, answer: Server.Answer) =>
  Effect.match(answer, { onFailure: (error) => refusal(id, error), onSuccess: (result) => answered(id, result) })

const nothing = HttpServerResponse.empty({ status: 202 })
const noSession = HttpServerResponse.jsonUnsafe({ error: "There is no such session" }, { status: 404 })
const notAllowed = HttpServerResponse.empty({ status: 405 })
const badRequest = HttpServerResponse.jsonUnsafe({ error: "This is no JSON-RPC message" }, { status: 400 })
/** Sessions with one server that are answered. */
const kept = 4
const sessionHeader = "mcp-session-id"
const olderMark = "?older="
const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** How many cancellations a session keeps of calls that it has not seen yet: each message has a connection of its own. */
const overtaking = 64

const cancel = ({ calls, cancelled }: Session, id: RequestId) => {
  const fiber = calls.get(id)
  if (fiber !== undefined) return fiber.interruptUnsafe()
  cancelled.add(id)
  const [oldest] = cancelled
  if (cancelled.size > overtaking && oldest !== undefined) cancelled.delete(oldest)
}

/** The Bun that OpenCode 1.18.33 is built with tells of a client that went away by the request alone. */
const makeServer = () =>
  createServer().on("request", (request, response) => {
    let isClosed = false
    response.once("close", () => {
      isClosed = true
    })
    request.once("aborted", () => {
      if (!isClosed) response.emit("close")
    })
  })

/** Listens as long as the Scope. `names`: the servers; `secret` is that of the run. */
export const listen = (options: {
  readonly names: ReadonlyArray<string>
  readonly secret: string
  readonly mcp: Mcp["Service"]
  readonly service: MCP.Interface
  readonly told: Told
  /** Called at each handshake. */
  readonly greeted: () => void
}): Effect.Effect<Gateway, unknown, Scope.Scope | Truncate.Service> =>
  Effect.gen(function* () {
    const { mcp, names, secret, service, told: person } = options
    const show = progress(person, service.mask, () => performance.now())
    const servers = names.map((name) => Server.make(name, mcp, service))
    const within = yield* Effect.context<Truncate.Service>()
    const sessions = new Map<string, Session>()
    /** What OpenCode was told of a server in the last handshake; `undefined`: that there is nothing. */
    const told = new Map<string, string | undefined>()
    const renewing = new Set<string>()
    const whyNot = new Map<string, Refused>()
    /** Streams of the older transport, by their ids. */
    const older = new Map<string, Events>()
    /** Those with which hands are being shaken. */
    const shaking = new Map<string, number>()
    const of = (server: string) => [...sessions.values()].filter((session) => session.server === server)
    const isBusy = (server: string) => shaking.has(server) || of(server).some(({ calls }) => calls.size > 0)
    const presence = yield* Presence.make({
      isBusy,
      left: (server) =>
        Effect.suspend(() => {
          told.set(server, undefined)
          person.log("info", `${server}: OpenCode has left it`, { server })
          return Effect.ignore(service.disconnect(server))
        }),
      back: (server) => Effect.ignore(service.connect(server)),
    })

    const open = (server: Server.Server, id: RequestId, params: JsonObject) =>
      Effect.gen(function* () {
        options.greeted()
        shaking.set(server.name, (shaking.get(server.name) ?? 0) + 1)
        const reply = yield* replied(id, server.handshake(params, !renewing.has(server.name)))
        if ("error" in reply) {
          told.set(server.name, undefined)
          whyNot.set(server.name, new Refused(reply.error))
          return HttpServerResponse.jsonUnsafe(reply)
        }
        told.set(server.name, yield* server.face)
        whyNot.delete(server.name)
        const session = newSession(server.name)
        sessions.set(session.id, session)
        // OpenCode says of none that it is over; a new one is begun before the last is left.
        for (const { id } of of(server.name).slice(0, -kept)) sessions.delete(id)
        return HttpServerResponse.jsonUnsafe(reply, { headers: { [sessionHeader]: session.id } })
      }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            const left = (shaking.get(server.name) ?? 1) - 1
            if (left > 0) shaking.set(server.name, left)
            else shaking.delete(server.name)
          }),
        ),
      )

    /** The answer comes on a stream; none does where OpenCode cancelled the call. */
    const call = (server: Server.Server, session: Session, id: RequestId, params: JsonObject) => {
      const { calls, cancelled } = session
      const token = objectOf(params["_meta"])["progressToken"]
      return stream((events) => {
        if (cancelled.delete(id)) return Effect.sync(() => Queue.endUnsafe(events))
        const tell = show(`${server.name}: ${String(params["name"])}`)
        const onProgress = (step: Server.Step) => {
          tell(step)
          if (!isRequestId(token)) return
          // The step has a token of its own: that of this client's request.
          const told = { ...step, progressToken: token }
          Queue.offerUnsafe(events, event({ jsonrpc: "2.0", method: "notifications/progress", params: told }))
        }
        const run = heard(server, session, replied(id, server.answer("tools/call", params, onProgress))).pipe(
          Effect.provideContext(within),
          Effect.map((reply) => Queue.offerUnsafe(events, event(reply))),
          Effect.ensuring(
            Effect.sync(() => {
              calls.delete(id)
              Queue.endUnsafe(events)
            }),
          ),
        )
        return Effect.map(Effect.forkScoped(run), (fiber) => calls.set(id, fiber))
      })
    }

    const post = (server: Server.Server) =>
      Effect.gen(function* () {
        const { headers, text, url } = yield* HttpServerRequest.HttpServerRequest
        const message = parse(yield* text)
        if (!isObject(message)) return badRequest
        const { id, method } = message
        const events = older.get(url.split(olderMark)[1] ?? "")
        if (events !== undefined && isRequestId(id)) {
          const reason =
            whyNot.get(server.name) ?? new Refused({ code: invalidRequest, message: "Not by this transport" })
          Queue.offerUnsafe(events, event(refusal(id, reason)))
          return nothing
        }
        const params = objectOf(message["params"])
        if (method === "initialize" && isRequestId(id)) return yield* open(server, id, params)
        const session = sessions.get(headers[sessionHeader] ?? "")
        if (session?.server !== server.name) return noSession
        presence.seen(server.name)
        if (!isRequestId(id)) {
          const { requestId } = params
          if (method === "notifications/cancelled" && isRequestId(requestId)) cancel(session, requestId)
          return nothing
        }
        if (typeof method !== "string") return nothing
        if (method === "tools/call") return call(server, session, id, params)
        const { changed } = session.tools
        const reply = yield* replied(
          id,
          server.answer(method, params, () => undefined),
        )
        if (method === "tools/list") session.tools.listed = changed
        return HttpServerResponse.jsonUnsafe(reply)
      }).pipe(
        Effect.provideContext(within),
        Effect.catchTag("HttpServerError", () => Effect.succeed(badRequest)),
      )

    /**
     * A client that was refused tries HTTP+SSE (2024-11-05) next, and keeps the error of that: so it is told there, too,
     * why the server cannot be used.
     */
    const refusing = ({ name }: Server.Server) =>
      stream((events) => {
        const id = randomUUID()
        const endpoint = `event: endpoint\ndata: /${names.indexOf(name)}${olderMark}${id}\n\n`
        return Effect.acquireRelease(
          Effect.sync(() => {
            older.set(id, events)
            Queue.offerUnsafe(events, encoder.encode(endpoint))
          }),
          () => Effect.sync(() => older.delete(id)),
        )
      })

    const notices = (server: Server.Server) =>
      Effect.map(HttpServerRequest.HttpServerRequest, ({ headers }) => {
        const session = sessions.get(headers[sessionHeader] ?? "")
        if (headers[sessionHeader] === undefined) return whyNot.has(server.name) ? refusing(server) : notAllowed
        if (session?.server !== server.name) return noSession
        return stream((events) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              presence.opened(server.name)
              return session.notices.listen((notice) => void Queue.offerUnsafe(events, event(notice)))
            }),
            (stop) =>
              Effect.sync(() => {
                stop()
                presence.closed(server.name)
              }),
          ),
        )
      })

    const close = Effect.map(HttpServerRequest.HttpServerRequest, ({ headers }) => {
      const session = sessions.get(headers[sessionHeader] ?? "")
      for (const fiber of session?.calls.values() ?? []) fiber.interruptUnsafe()
      return session !== undefined && sessions.delete(session.id) ? HttpServerResponse.empty() : noSession
    })

    const routes = servers.map((server, index) =>
      Layer.mergeAll(
        HttpRouter.add("POST", `/${index}`, post(server)),
        HttpRouter.add("GET", `/${index}`, notices(server)),
        HttpRouter.add("DELETE", `/${index}`, close),
      ),
    )
    const server = makeServer()
    const listener = NodeHttpServer.layer(() => server, {
      port: 0,
      host: "127.0.0.1",
      disablePreemptiveShutdown: true,
    })
    const all = Layer.mergeAll(Guard.layer(secret), ...routes)
    const context = yield* Layer.build(
      HttpRouter.serve(all, { disableListenLog: true, disableLogger: true }).pipe(Layer.provideMerge(listener)),
    )
    // The server waits for all that is open, also for a request that never ends.
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    const { address } = Context.get(context, HttpServer.HttpServer)
    const port = "port" in address ? address.port : 0

    return {
      url: (name) => `http://127.0.0.1:${port}/${names.indexOf(name)}`,
      headers: { authorization: `Bearer ${secret}` },
      changed: (server, kind) => {
        for (const session of of(server)) {
          if (kind === "tools") session.tools.changed += 1
          session.notices.publish({ jsonrpc: "2.0", method: `notifications/${kind}/list_changed` })
        }
      },
      due: (name) =>
        Effect.gen(function* () {
          const server = servers.find((server) => server.name === name)
          if (server === undefined || !told.has(name)) return undefined
          const face = yield* server.face
          if (face === "pending" || shaking.has(name) || told.get(name) === face) return undefined
          if (face !== undefined || !(yield* server.isDisabled)) return "connect"
          told.set(name, undefined)
          return "disconnect"
        }),
      renewing,
      isBusy,
    }
  })
