/**
 * What happened, told to whoever listens: every event of an instance, in the order in which it was published.
 *
 * An event has a definition: a type, and a schema of its properties. What is published before anybody has subscribed to a
 * definition, or to all of them, waits for the first who does, up to a bound; nothing here waits for a subscriber. One who
 * lags loses the newest, and is told so by `bus.dropped` when reading again.
 */
import { Channel } from "@opencode-ai/mcp/notification/channel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
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

const defined = new Map<string, Definition>()

/** Defines a kind of event. One type has one definition: the last. */
export const define = <const Type extends string, Properties extends Schema.Top>(
  type: Type,
  properties: Properties,
): Definition<Type, Properties> => {
  const definition = { type, properties }
  defined.set(type, definition)
  return definition
}

/** Every definition of the modules that are loaded, by type: what a document of the events is generated from. */
export const definitions = (): ReadonlyArray<Definition> =>
  [...defined.values()].toSorted((a, b) => (a.type < b.type ? -1 : 1))

/** Events of one type were lost: a subscriber did not read them in time. */
export const Dropped = define("bus.dropped", Schema.Struct({ type: Schema.String, count: Schema.Int }))

export interface Interface {
  readonly publish: <D extends Definition>(definition: D, properties: D["properties"]["Type"]) => Effect.Effect<void>
  /** As `publish`, at once. */
  readonly publishUnsafe: <D extends Definition>(definition: D, properties: D["properties"]["Type"]) => void
  /** The events of one kind. */
  readonly subscribe: <D extends Definition>(definition: D) => Stream.Stream<Payload<D>>
  /** Every event. */
  readonly subscribeAll: () => Stream.Stream<Payload>
  /**
   * Calls `listener` for every event, synchronously, the first one for those before too; returns what ends that. What a
   * listener publishes comes after the event that it was called for, for everybody.
   */
  readonly listen: (listener: (event: Payload) => void) => () => void
}

/** The bus of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Bus") {}

/** What waits for the first subscriber, or for one that lags: in events, of one type, and in bytes. */
const capacity = 16_384
const typeCapacity = 4_096
const bytes = 16_777_216

/** One type has one definition. */
const isOf =
  <D extends Definition>({ type }: D) =>
  (event: Payload): event is Payload<D> =>
    event.type === type

const make = (): Interface => {
  const own = randomUUID().slice(0, 8)
  let count = 0
  const event = (type: string, properties: unknown): Payload => {
    count += 1
    return { id: `evt_${own}_${String(count).padStart(12, "0")}`, type, properties }
  }
  const lost = ({ type }: Payload, count: number) => event(Dropped.type, { type, count })
  const all = new Channel<Payload>({ capacity, bytes, group: ({ type }) => type, groupCapacity: typeCapacity, lost })
  const kinds = new Map<string, Channel<Payload>>()
  const kind = (type: string): Channel<Payload> => {
    const tell = (_: Payload, count: number) => {
      publishUnsafe(Dropped, { type, count })
      return undefined
    }
    const known = kinds.get(type) ?? new Channel<Payload>({ lost: tell })
    kinds.set(type, known)
    return known
  }

  /** Published by listeners while they were being called: their turn comes once everybody has the one before. */
  const waiting: Array<Payload> = []
  let isTelling = false
  const inTurn = <A>(tell: () => A): A => {
    const isNested = isTelling
    isTelling = true
    const told = tell()
    for (let next = isNested ? undefined : waiting.shift(); next !== undefined; next = waiting.shift()) {
      kind(next.type).publish(next)
      all.publish(next)
    }
    isTelling = isNested
    return told
  }
  const publishUnsafe: Interface["publishUnsafe"] = ({ type }, properties) =>
    inTurn(() => void waiting.push(event(type, properties)))
  return {
    publish: (definition, properties) => Effect.sync(() => publishUnsafe(definition, properties)),
    publishUnsafe,
    subscribe: (definition) =>
      Stream.filter(
        Stream.suspend(() => kind(definition.type).stream),
        isOf(definition),
      ),
    subscribeAll: () => all.stream,
    listen: (listener) => inTurn(() => all.listen(listener)),
  }
}

/** A bus that nothing was published on yet. */
export const layer: Layer.Layer<Service> = Layer.sync(Service)(make)
