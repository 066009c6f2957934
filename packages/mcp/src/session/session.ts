/**
 * One session with one server: the handshake, the revision that was agreed on, and every request after it.
 *
 * The session lives in its Scope and ends with its connection; what failed then is a typed error. Beginning anew after
 * a loss is the business of whoever built it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Capabilities } from "../capability/capabilities.ts"
import type { Origin } from "../capability/origin.ts"
import { call } from "../notification/listener.ts"
import { Notifications, type Progress } from "../notification/notifications.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { Implementation, InitializeResult, ServerCapabilities } from "../protocol/model.ts"
import * as Said from "../protocol/said.ts"
import { adapter, type Adapter, isRevision, latest, type Revision } from "../protocol/revision.ts"
import { Closed, fail as transportError, type TransportError, Unresponsive } from "../transport/error.ts"
import { type Connection, Transport } from "../transport/transport.ts"
import {
  NotDeclared,
  SessionError,
  type SessionReason,
  Timeout,
  Transport as TransportEnded,
  UnsupportedRevision,
} from "./error.ts"
import * as Idleness from "./idleness.ts"
import type { Successor } from "./idleness.ts"
import * as Inbound from "./inbound.ts"
import * as Recovery from "./recovery.ts"
import * as Requests from "./requests.ts"
import * as UrlElicitations from "./url-elicitation.ts"

/** How a session is begun. */
export interface SessionOptions {
  /** The server's name in the configuration: it stands in every error. */
  readonly server: string
  /** Who this client says it is. Default: `opencode`. */
  readonly clientInfo?: Implementation | undefined
  /** The revision that is offered. Default: the latest; a server may answer with an older one. */
  readonly revision?: Revision | undefined
  /** Whether an answer with another revision than the one offered is refused. Default: false. */
  readonly exactly?: boolean | undefined
  /** How long the handshake may take, in milliseconds. Default: 30,000. */
  readonly startupTimeout?: number | undefined
  /** How long a request may be silent, in milliseconds. Default: 300,000. */
  readonly timeout?: number | undefined
  /** How long the end of a visit to a URL is waited for, in milliseconds. Default: 300,000. */
  readonly interactionTimeout?: number | undefined
  /** Milliseconds between pings; one that is unanswered for as long ends the connection (Ping). Default: no pings. */
  readonly keepAlive?: number | undefined
  /** Whether it is watched how long nothing has been going on, so that it can be put to rest. Default: false. */
  readonly watched?: boolean | undefined
}

/** What was agreed on in the handshake. */
export interface Agreement {
  readonly revision: Revision
  readonly serverInfo: Implementation
  readonly capabilities: ServerCapabilities
  /** What the server says of its use: its words, at most 32,768 characters; where it said more, the end says so. */
  readonly instructions: string | undefined
}

/**
 * A session.
 *
 * @example
 * ```ts
 * const tools = Effect.gen(function* () {
 *   const session = yield* Session
 *   return yield* session.request(Method.listTools, {})
 * })
 * ```
 */
export class Session extends Context.Service<
  Session,
  {
    /** What was agreed on last: a session that the server had forgotten is begun anew. */
    readonly agreement: Agreement
    /** Calls `listener` when it was, before any request is sent again; returns what ends that. */
    readonly onRenewed: (listener: (before: Agreement) => void) => () => void
    /** The transport's kind: `stdio`, `streamable-http`, `sse`, … */
    readonly transport: string
    readonly pid: number | undefined
    /** Whether the server declared what a method needs. */
    readonly declares: (method: { readonly capability: ReadonlyArray<string> }) => boolean
    /**
     * Sends a request and waits for its answer. Interrupting it cancels it at the server (Cancellation). Fails with
     * `NotDeclared` before anything is sent where the server did not declare the method's capability.
     */
    readonly request: <Params extends object, Result>(
      method: Method.RequestMethod<Params, Result>,
      params: Params,
      options?: Requests.RequestOptions,
    ) => Effect.Effect<Result, SessionError>
    /** Sends a notification; it is dropped where the connection has ended. */
    readonly notify: (method: string, params?: object) => Effect.Effect<void>
    /** Listens to the progress of what outlives the answer of its request: a task. */
    readonly trackProgress: (listener: (progress: Progress) => void) => Requests.Tracked
    /**
     * Says what the host calls the request that a task is of: what the server asks for the task's sake is told so. Returns
     * what ends that.
     */
    readonly trackTask: (taskId: string, request: unknown) => () => void
    readonly notifications: Notifications["Service"]
    /**
     * Milliseconds since something went on last (`session/idleness.ts`); `undefined` while something does, or where the
     * session is not watched.
     */
    readonly idle: () => number | undefined
    /**
     * Ends its use where nothing goes on, and gives whether that was so. What is asked of it from then on is asked of its
     * successor: closing its Scope loses no request.
     */
    readonly rest: (successor: Successor) => boolean
    /** Fails with the reason when the connection ends. */
    readonly ended: Effect.Effect<never, TransportError>
  }
>()("@opencode/mcp/Session") {}

/**
 * Is told why a handshake failed before what was opened for it is closed, which may take seconds: the layer itself fails
 * only afterwards. Called synchronously. Default: nobody.
 *
 * @example
 * ```ts
 * const told = Layer.succeed(SessionLayer.HandshakeFailed)((error) => process.emitWarning(error.message))
 * ```
 */
export const HandshakeFailed: Context.Reference<(error: SessionError) => void> = Context.Reference<
  (error: SessionError) => void
>("@opencode/mcp/HandshakeFailed", { defaultValue: () => () => undefined })

const defaultClientInfo: Implementation = { name: "opencode", version: "0.1.0" }

/** 30 seconds: what a package runner needs on a slow network to fetch and start a server. */
const defaultStartupTimeout = 30_000
/** Five minutes: as long as a person is given for an answer. */
const defaultInteractionTimeout = 300_000
/** Five minutes without a sign of life: long tools report progress, and one that hangs is noticed. */
const defaultTimeout = 300_000

const declares = (capabilities: ServerCapabilities, path: ReadonlyArray<string>): boolean => {
  let at: unknown = capabilities
  for (const name of path) {
    if (!isObject(at)) return false
    at = at[name]
  }
  return isObject(at) || at === true
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

const readAgreement = (
  options: SessionOptions,
  offered: Revision,
  result: InitializeResult,
): Effect.Effect<Agreement, SessionError> => {
  const revision: unknown = result.protocolVersion
  const acceptable = isRevision(revision) && (options.exactly !== true || revision === offered)
  if (!acceptable) {
    return Effect.fail(
      new SessionError({
        server: options.server,
        method: Method.initialize.method,
        reason: new UnsupportedRevision({ offered, answered: String(revision) }),
      }),
    )
  }
  const { capabilities, instructions, serverInfo }: { [K in keyof InitializeResult]?: unknown } = result
  const info = Said.identity(serverInfo)
  return Effect.succeed({
    revision,
    serverInfo: { ...info, name: text(info.name) ?? options.server, version: text(info.version) ?? "" },
    capabilities: isObject(capabilities) ? capabilities : {},
    instructions: Said.instructions(instructions),
  })
}

/** Opens the transport and makes the handshake (Lifecycle, Initialization). */
const begin = (
  options: SessionOptions,
): Effect.Effect<Session["Service"], SessionError, Transport | Capabilities | Scope.Scope> =>
  Effect.gen(function* () {
    const transport = yield* Transport
    const capabilities = yield* Capabilities
    const notifications = Option.getOrElse(yield* Effect.serviceOption(Notifications), Notifications.make)
    const clock = yield* Clock.Clock
    const offered = options.revision ?? latest
    let current: Adapter = adapter(offered)
    let connection: Connection | undefined = undefined
    const over = Deferred.makeUnsafe<never, TransportError>()

    const failure = (reason: SessionReason) =>
      new SessionError({ server: options.server, method: Method.initialize.method, reason })
    const origin = (): Origin => ({
      server: options.server,
      declared: current.declare(capabilities.declared),
      audio: current.audio,
      pause: () => () => undefined,
    })
    const interactionTimeout = options.interactionTimeout ?? defaultInteractionTimeout
    const idleness =
      options.watched === true
        ? yield* Idleness.make({
            visit: interactionTimeout,
            isNeeded: () => requests.hasLate() || connection?.serves?.() === true,
            notifications,
          })
        : Idleness.none
    const visits = idleness.visits(
      UrlElicitations.make({ origin, capabilities, timeout: interactionTimeout, ended: Deferred.await(over) }),
    )
    const recovery: Recovery.Recovery = yield* Recovery.make({
      server: options.server,
      timeout: options.timeout ?? defaultTimeout,
      handshake: Effect.suspend(() => renew),
      answers: () => requests.answers(),
      ended: Deferred.await(over),
      failed: (error) => end(error),
    })
    const requests: Requests.Requests = yield* Requests.make({
      server: options.server,
      timeout: options.timeout ?? defaultTimeout,
      refused: visits.recover,
      lost: recovery.lost,
      generation: recovery.generation,
      underWay: recovery.underWay,
      isOver: recovery.isOver,
      connection: () => connection,
    })
    const inbound = yield* Inbound.make({
      origin,
      adapter: () => current,
      requests,
      visits,
      capabilities,
      notifications,
    })
    let isOver = false
    const end = (error: TransportError) => {
      if (isOver) return
      isOver = true
      // First, so that a caller who asks again as soon as its request has failed finds the session gone.
      Deferred.doneUnsafe(over, Effect.fail(error))
      requests.end(error)
    }
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        inbound.close,
        Effect.sync(() => end(transportError(new Closed()))),
      ),
    )
    const startupTimeout = options.startupTimeout ?? defaultStartupTimeout
    const started = clock.monotonicTimeNanosUnsafe()
    connection = yield* transport
      .open({
        message: inbound.message,
        failed: requests.lost,
        writable: requests.drain,
        ended: end,
        forgotten: recovery.forgotten,
        stderr: (line) => notifications.publish("stderr", { line }),
        warning: (message) => notifications.publish("warning", { message }),
      })
      .pipe(
        Effect.mapError((error) => failure(new TransportEnded({ error }))),
        Effect.timeoutOrElse({
          duration: startupTimeout,
          orElse: () => Effect.fail(failure(new Timeout({ kind: "idle", after: startupTimeout }))),
        }),
      )
    // What was answered while the transport opened.
    requests.drain()
    const elapsed = Number(clock.monotonicTimeNanosUnsafe() - started) / 1e6
    const open = connection
    /** The handshake (Lifecycle, Initialization). */
    const shakeHands = (timeout: number) =>
      Effect.gen(function* () {
        current = adapter(offered)
        const result = yield* requests.request(
          Method.initialize,
          {
            protocolVersion: offered,
            capabilities: current.declare(capabilities.declared),
            clientInfo: current.identify(options.clientInfo ?? defaultClientInfo),
          },
          { timeout },
        )
        const agreed = yield* readAgreement(options, offered, result)
        if (Said.isCut(result.instructions, Said.instructionsLimit)) {
          const message = `its instructions have ${result.instructions.length} characters, of which ${Said.instructionsLimit} are kept`
          notifications.publish("warning", { message })
        }
        current = adapter(agreed.revision)
        open.negotiated(agreed.revision)
        requests.post({ jsonrpc: "2.0", method: "notifications/initialized" })
        return agreed
      })
    let agreement = yield* shakeHands(Math.max(0, startupTimeout - elapsed))
    let offers = current.offers(agreement.capabilities)
    recovery.begun()
    idleness.begun()
    const renewals = new Set<(before: Agreement) => void>()
    const renew = Effect.map(shakeHands(startupTimeout), (agreed) => {
      const before = agreement
      agreement = agreed
      offers = current.offers(agreed.capabilities)
      for (const listener of renewals) call(listener, before)
    })

    const declared: Session["Service"]["declares"] = ({ capability }) =>
      (current.tasks || capability[0] !== "tasks") && declares(offers, capability)
    const ask: Session["Service"]["request"] = (method, params, requestOptions) =>
      declared(method)
        ? requests.request(method, params, requestOptions)
        : Effect.fail(
            new SessionError({
              server: options.server,
              method: method.method,
              reason: new NotDeclared({ capability: method.capability.join(".") }),
            }),
          )
    const request = idleness.request(ask)
    const notify = (method: string, params?: object) =>
      Effect.sync(() => requests.post({ jsonrpc: "2.0", method, ...(params === undefined ? {} : { params }) }))

    const { keepAlive } = options
    if (keepAlive !== undefined) {
      const ping = requests.request(Method.ping, {}, { timeout: keepAlive }).pipe(
        Effect.catch(({ reason }) =>
          Effect.sync(() => {
            // Whatever else it answers, it lives; and while another session is begun none is asked.
            if (reason._tag === "Timeout" && reason.kind !== "connect")
              end(transportError(new Unresponsive({ after: keepAlive })))
          }),
        ),
      )
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(keepAlive), ping)))
    }
    yield* Effect.forkScoped(
      Stream.runForEach(capabilities.announcements, ({ method, params }) => {
        if (Method.isTask(params)) idleness.heard(params)
        return notify(method, params)
      }),
    )
    return {
      get agreement() {
        return agreement
      },
      onRenewed: (listener) => {
        renewals.add(listener)
        return () => renewals.delete(listener)
      },
      transport: connection.kind ?? transport.kind,
      pid: connection.pid,
      declares: declared,
      request,
      notify,
      ...idleness.tracking(requests),
      notifications,
      idle: idleness.idle,
      rest: idleness.rest,
      ended: Deferred.await(over),
    }
  })

/**
 * The session over the transport, beside the capabilities, of its context. A `Notifications` in the context is used;
 * without one the session makes its own.
 *
 * @example
 * ```ts
 * const everything = SessionLayer.make({ server: "everything" }).pipe(
 *   Layer.provide(TransportLayer.stdio({ command: ["npx", "-y", "@modelcontextprotocol/server-everything"] })),
 *   Layer.provide(CapabilityLayer.none),
 * )
 * ```
 */
export const make = (options: SessionOptions): Layer.Layer<Session, SessionError, Transport | Capabilities> =>
  Layer.effect(Session)(
    Effect.tapError(begin(options), (error) => Effect.map(HandshakeFailed, (failed) => failed(error))),
  )
