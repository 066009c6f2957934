/** A server in this process that answers as a test says, recorded and held to the specification: no process, no clock. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Rpc, type Standard, standardAnswer } from "@opencode-ai/testing/peers/raw-answer"
import { type Capabilities, type SessionError, TransportLayer } from "../../src/index.ts"
import type { SessionOptions } from "../../src/session/session.ts"
import type { InMemoryClient } from "../../src/transport/in-memory.ts"
import { type Connected, type Recorded, recorded, sessionOver } from "./session.ts"

/** What is done about a request, or a notification: an answer without its envelope, `silence`, or what is right. */
export type Handler = (message: Rpc, client: InMemoryClient) => object | "silence" | undefined | void

export interface Script extends Standard {
  readonly on?: { readonly [method: string]: Handler }
  readonly session?: Partial<SessionOptions>
  /** What the client can answer; nothing by default. */
  readonly client?: Layer.Layer<Capabilities>
}

export interface Server extends Recorded {
  /** Sends any value to the client, once it is connected. */
  readonly send: (message: unknown) => void
  /** The same, done once the client has taken it. */
  readonly deliver: (message: unknown) => Effect.Effect<void>
  readonly end: (cause?: unknown) => void
}

/** A server; what the client sends to it is held to the specification when the Scope closes. */
export const server = (script: Script = {}): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.gen(function* () {
    let client: InMemoryClient | undefined
    const answer = (message: Rpc, to: InMemoryClient) => {
      const own = message.method === undefined ? undefined : script.on?.[message.method]?.(message, to)
      if (own === "silence" || message.method === undefined || message.id === undefined) return
      to.send(own === undefined ? standardAnswer(script, message) : { jsonrpc: "2.0", id: message.id, ...own })
    }
    const bare = TransportLayer.inMemory((connected) => {
      client = connected
      return Effect.succeed((message) => answer(JSON.parse(JSON.stringify(message)), connected))
    })
    const send = (message: unknown) => client?.send(message)
    // What is sent arrives in a microtask: one that is queued after it comes after it.
    const turn = Effect.callback<void>((resume) => queueMicrotask(() => resume(Effect.void)))
    const deliver = (message: unknown) =>
      Effect.andThen(
        Effect.sync(() => send(message)),
        turn,
      )
    return { ...(yield* recorded(bare)), send, deliver, end: (cause) => client?.end(cause) }
  })

export interface Scripted extends Server, Connected {}

/** A session with a server of this process. */
export const scripted = (script: Script = {}): Effect.Effect<Scripted, SessionError, Scope.Scope> =>
  Effect.gen(function* () {
    const made = yield* server(script)
    return { ...made, ...(yield* connected(made, script)) }
  })

/** Connects to a server that was made before. */
export const connected = (
  { transport }: Server,
  script: Script = {},
): Effect.Effect<Connected, SessionError, Scope.Scope> =>
  sessionOver(transport, { ...script.session, client: script.client })

/** Starts an effect now, up to where it waits. */
export const start = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<Fiber.Fiber<A, E>, never, R | Scope.Scope> => Effect.forkScoped(effect, { startImmediately: true })

/** The typed failure of an effect; dies where it succeeds. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<E, never, R> =>
  Effect.flatMap(
    Effect.flip(Effect.map(effect, (value) => new Error(`it succeeded: ${JSON.stringify(value)}`))),
    (error) => Effect.succeed(error),
  ).pipe(Effect.catch((error) => Effect.die(error)))
