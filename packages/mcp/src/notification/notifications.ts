/**
 * What a server says unasked: one topic for each notification type, two for what its transport reports, and one for what
 * was lost of the others.
 *
 * Publishing is synchronous and never waits. Until its first listener a topic keeps what comes, so nothing that arrives
 * between the opening of the transport and the subscription is lost; a subscriber that lags loses the newest, and the
 * loss is counted and told (`dropped`). Acting on a notification (listing again, resetting a deadline) is not done here.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type { JsonObject, RequestId } from "../protocol/jsonrpc.ts"
import type { LoggingLevel, Task } from "../protocol/model.ts"
import { Channel } from "./channel.ts"

/** What a server adds to any notification (Base Protocol, General fields): a trace, say. */
export interface Meta {
  readonly _meta?: JsonObject | undefined
}

/** A step of a request in progress (Progress). */
export interface Progress extends Meta {
  /** The token: the id of the request that it belongs to. */
  readonly progressToken: RequestId
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** A log message of the server (Logging). */
export interface LogMessage extends Meta {
  readonly level: LoggingLevel
  readonly logger?: string | undefined
  readonly data: unknown
}

/** Notifications were lost: nobody read them in time. */
export interface Dropped {
  readonly topic: Exclude<Topic, "dropped">
  /** How many, since this was told last. */
  readonly count: number
}

/** The payload of each topic, under the name of its notification without `notifications/`. */
export interface Topics {
  readonly "tools/list_changed": Meta
  readonly "prompts/list_changed": Meta
  readonly "resources/list_changed": Meta
  readonly "resources/updated": Meta & { readonly uri: string }
  readonly message: LogMessage
  readonly progress: Progress
  readonly cancelled: Meta & { readonly requestId: RequestId; readonly reason?: string | undefined }
  readonly "elicitation/complete": Meta & { readonly elicitationId: string }
  readonly "tasks/status": Task & Meta
  /** Not of the protocol: a line that a local server wrote to stderr. */
  readonly stderr: { readonly line: string }
  /** Not of the protocol: something was ignored that a person may want to know of. */
  readonly warning: { readonly message: string }
  /** Not of the protocol: a subscriber that reads again, or the first one, learns what it missed. */
  readonly dropped: Dropped
}

export type Topic = keyof Topics

type Channels = { readonly [T in Topic]: Channel<Topics[T]> }

/**
 * The notifications of one server.
 *
 * @example
 * ```ts
 * const updated = Effect.gen(function* () {
 *   const notifications = yield* Notifications
 *   yield* Stream.runForEach(notifications.stream("resources/updated"), ({ uri }) => Effect.log(uri))
 * })
 * ```
 */
export class Notifications extends Context.Service<
  Notifications,
  {
    /** Delivers to every listener, at once. */
    readonly publish: <T extends Topic>(topic: T, payload: Topics[T]) => void
    /** Calls `listener` for each payload, synchronously; returns what ends that. */
    readonly listen: <T extends Topic>(topic: T, listener: (payload: Topics[T]) => void) => () => void
    /** The payloads from now on, and for the first subscriber of the topic those before. */
    readonly stream: <T extends Topic>(topic: T) => Stream.Stream<Topics[T]>
    /** How many payloads of the topic were lost, ever: nobody read them in time. */
    readonly dropped: (topic: Topic) => number
  }
>()("@opencode/mcp/Notifications") {
  /** A hub of its own. */
  static readonly make = (): Notifications["Service"] => {
    const dropped = new Channel<Dropped>()
    const make = <T extends Dropped["topic"]>(topic: T) =>
      new Channel<Topics[T]>({
        lost: (_, count) => {
          dropped.publish({ topic, count })
          return undefined
        },
      })
    const channels: Channels = {
      "tools/list_changed": make("tools/list_changed"),
      "prompts/list_changed": make("prompts/list_changed"),
      "resources/list_changed": make("resources/list_changed"),
      "resources/updated": make("resources/updated"),
      message: make("message"),
      progress: make("progress"),
      cancelled: make("cancelled"),
      "elicitation/complete": make("elicitation/complete"),
      "tasks/status": make("tasks/status"),
      stderr: make("stderr"),
      warning: make("warning"),
      dropped,
    }
    const channel = <T extends Topic>(topic: T): Channel<Topics[T]> => channels[topic]
    return {
      publish: (topic, payload) => channel(topic).publish(payload),
      listen: (topic, listener) => channel(topic).listen(listener),
      stream: (topic) => channel(topic).stream,
      dropped: (topic) => channels[topic].dropped,
    }
  }

  static readonly layer: Layer.Layer<Notifications> = Layer.sync(Notifications)(Notifications.make)
}
