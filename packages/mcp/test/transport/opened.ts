/** A transport opened without a session above it: what it says is kept, and can be waited for. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Message, RequestId } from "../../src/protocol/jsonrpc.ts"
import type { TransportError } from "../../src/transport/error.ts"
import { type Connection, Transport } from "../../src/transport/transport.ts"

/** Everything that a transport told its session. */
export interface Heard {
  readonly messages: Array<unknown>
  readonly failed: Array<{ readonly id: RequestId; readonly error: TransportError }>
  readonly forgotten: Array<TransportError>
  readonly ended: Array<TransportError>
  readonly warnings: Array<string>
  writable: number
}

export interface Opened {
  readonly connection: Connection
  readonly heard: Heard
  /** Waits until what was heard fits. */
  readonly until: (fits: (heard: Heard) => boolean) => Effect.Effect<Heard>
}

/** Opens the transport of a layer in the test's Scope. */
export const opened = <E, R>(
  layer: Layer.Layer<Transport, E, R>,
): Effect.Effect<Opened, E | TransportError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const transport = Context.get(yield* Layer.buildWithScope(layer, scope), Transport)
    const heard: Heard = { messages: [], failed: [], ended: [], forgotten: [], warnings: [], writable: 0 }
    const listeners = new Set<() => void>()
    const told = (change: () => void) => {
      change()
      for (const listener of [...listeners]) listener()
    }
    const connection = yield* transport.open({
      message: (value) => told(() => heard.messages.push(value)),
      failed: (id, error) => told(() => heard.failed.push({ id, error })),
      writable: () => told(() => (heard.writable += 1)),
      ended: (error) => told(() => heard.ended.push(error)),
      forgotten: (error) => told(() => heard.forgotten.push(error)),
      stderr: () => undefined,
      warning: (message) => told(() => heard.warnings.push(message)),
    })
    const until = (fits: (heard: Heard) => boolean) =>
      Effect.callback<Heard>((resume) => {
        const look = () => {
          if (!fits(heard)) return
          listeners.delete(look)
          resume(Effect.succeed(heard))
        }
        listeners.add(look)
        look()
        return Effect.sync(() => listeners.delete(look))
      })
    return { connection, heard, until }
  })

/** A request as the session would make it. */
export const request = (id: number, method: string, params: object = {}): Message => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
})

export const initialize = request(1, "initialize", {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "test", version: "1" },
})

export const initialized: Message = { jsonrpc: "2.0", method: "notifications/initialized" }

export const call = (id: number, args: object = {}): Message =>
  request(id, "tools/call", { name: "echo", arguments: args })

/** The handshake, as far as a transport sees it. */
export const handshake = ({ connection, until }: Opened): Effect.Effect<void> =>
  Effect.gen(function* () {
    connection.send(initialize)
    yield* until(({ failed, messages }) => messages.length + failed.length > 0)
    connection.negotiated("2025-11-25")
    connection.send(initialized)
  })
