/**
 * The bus: what happens in an instance, for whoever wants to know.
 *
 * An event is a definition, a type with a schema, and properties. What is published before anybody has subscribed to a
 * definition, or to all of them, waits for the first who does, up to a bound; nothing here waits for a subscriber.
 */
import { Channel } from "@opencode-ai/mcp/notification/channel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"

/** A kind of event. */
export interface Definition<Type extends string = string, Properties extends Schema.Top = Schema.Top> {
  readonly type: Type
  readonly properties: Properties
}

/** An event as it is published. */
export interface Payload<D extends Definition = Definition> {
  /** Unique; later events have greater ones. */
  readonly id: string
  readonly type: D["type"]
  readonly properties: D["properties"]["Type"]
}

/** Defines a kind of event. */
export const define = <const Type extends string, Properties extends Schema.Top>(
  type: Type,
  properties: Properties,
): Definition<Type, Properties> => ({ type, properties })

export interface Interface {
  readonly publish: <D extends Definition>(definition: D, properties: D["properties"]["Type"]) => Effect.Effect<void>
  /** The events of one kind. */
  readonly subscribe: <D extends Definition>(definition: D) => Stream.Stream<Payload<D>>
  /** Every event. */
  readonly subscribeAll: () => Stream.Stream<Payload>
  /** Calls `listener` for every event, synchronously; returns what ends that. */
  readonly listen: (listener: (event: Payload) => void) => () => void
}

/** The bus of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Bus") {}

/** One type has one definition. */
const isOf =
  <D extends Definition>({ type }: D) =>
  (event: Payload): event is Payload<D> =>
    event.type === type

const make = (): Interface => {
  const all = new Channel<Payload>({ capacity: 16_384, bytes: 16_777_216 })
  const kinds = new Map<string, Channel<Payload>>()
  const own = randomUUID().slice(0, 8)
  let count = 0
  const kind = (type: string): Channel<Payload> => {
    const known = kinds.get(type) ?? new Channel<Payload>()
    kinds.set(type, known)
    return known
  }
  return {
    publish: ({ type }, properties) =>
      Effect.sync(() => {
        count += 1
        const event = { id: `evt_${own}_${String(count).padStart(12, "0")}`, type, properties }
        kind(type).publish(event)
        all.publish(event)
      }),
    subscribe: (definition) =>
      Stream.filter(
        Stream.suspend(() => kind(definition.type).stream),
        isOf(definition),
      ),
    subscribeAll: () => all.stream,
    listen: (listener) => all.listen(listener),
  }
}

/** A bus that nothing was published on yet. */
export const layer: Layer.Layer<Service> = Layer.sync(Service)(make)
