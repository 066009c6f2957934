/** The whole service with servers in this process: no process, and no clock but the test's. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { standardAnswer } from "@opencode-ai/testing/peers/raw-answer"
import type { Wire } from "@opencode-ai/testing/recorder"
import type { Event } from "../../src/events.ts"
import { Assembly, Mcp, TransportLayer } from "../../src/index.ts"
import type { InMemoryClient } from "../../src/transport/in-memory.ts"
import type { Script } from "./scripted.ts"

export interface Service {
  readonly mcp: Mcp["Service"]
  /** Adds a server that answers as its script says, and connects it. */
  readonly add: (name: string, script?: Script, entry?: object) => Effect.Effect<void>
  /** The same without connecting it. */
  readonly register: (name: string, script?: Script, entry?: object) => Effect.Effect<void>
  /** The record of a server's latest connection. */
  readonly wire: (name: string) => Wire
  /** The client of a server's latest connection: what sends to it, or ends it. */
  readonly client: (name: string) => InMemoryClient
}

/** A service without servers, for the Scope. */
export const service: Effect.Effect<Service, never, Scope.Scope> = Effect.gen(function* () {
  const scripts = new Map<string, Script>()
  const clients = new Map<string, InMemoryClient>()
  const client = (name: string) => {
    const found = clients.get(name)
    if (found === undefined) throw new Error(`${name} was never connected`)
    return found
  }
  const inMemory = (name: string) =>
    TransportLayer.inMemory((to) => {
      clients.set(name, to)
      return Effect.succeed((sent) => {
        const message = JSON.parse(JSON.stringify(sent))
        const script = scripts.get(name) ?? {}
        const own = script.on?.[message.method]?.(message, to)
        if (own === "silence" || message.method === undefined || message.id === undefined) return
        to.send(own === undefined ? standardAnswer(script, message) : { jsonrpc: "2.0", id: message.id, ...own })
      })
    })
  const assembly = Layer.effect(Assembly)(
    Effect.map(Assembly, ({ auth, capabilities, session }) => ({
      auth,
      capabilities,
      session,
      transport: ({ name }) => inMemory(name),
    })),
  )
  const context = yield* Layer.buildWithScope(Layer.provide(testMcp(), assembly), yield* Effect.scope)
  const mcp = Context.get(context, Mcp)
  const scripted = (name: string, script: Script = {}, entry: object = {}) =>
    Effect.sync(() => {
      scripts.set(name, script)
      return config(name, { type: "local", command: ["in-memory"], ...entry })
    })
  return {
    mcp,
    wire: Context.get(context, Recordings).wire,
    client,
    add: (...server) => Effect.asVoid(Effect.flatMap(scripted(...server), mcp.add)),
    register: (...server) => Effect.flatMap(scripted(...server), mcp.register),
  }
})

/** What a service tells, from its beginning where nobody listened before. */
export interface Observed {
  readonly events: ReadonlyArray<Event>
  /** The data of the events of a type. */
  readonly of: (type: Event["type"]) => ReadonlyArray<object>
  /** The first event that fits, past or to come. */
  readonly first: (fits: (event: Event) => boolean) => Effect.Effect<Event>
}

export const observe = (mcp: Mcp["Service"]): Effect.Effect<Observed, never, Scope.Scope> =>
  Effect.gen(function* () {
    const events: Array<Event> = []
    const waiting = new Set<(event: Event) => void>()
    const listener = (event: Event) => {
      events.push(event)
      for (const each of waiting) each(event)
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => mcp.listen(listener)),
      (stop) => Effect.sync(stop),
    )
    return {
      events,
      of: (type) => events.filter((event) => event.type === type).map(({ data }) => data),
      first: (fits) =>
        Effect.callback<Event>((resume) => {
          const found = events.find(fits)
          if (found !== undefined) return resume(Effect.succeed(found))
          const each = (event: Event) => {
            if (!fits(event)) return
            waiting.delete(each)
            resume(Effect.succeed(event))
          }
          waiting.add(each)
          return Effect.sync(() => waiting.delete(each))
        }),
    }
  })
