/**
 * Tells the bus every event of the client: at once, in order, those from before it was there too, and nothing changed but
 * that the secrets of the configuration are hidden in them. What asks something of the person is a toast besides.
 */
import type { Event } from "@opencode-ai/mcp/events"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Bus from "../bus/index.ts"
import { Page } from "../trust/page.ts"
import { ofClient, type Toast as Shown, ToastShow } from "./event.ts"
import { hideIn, type Secrets } from "./secrets.ts"
import * as Toast from "./toast.ts"

/** What a server says in its own words. All else (names, ids, addresses to be opened, questions) has to stay what it is. */
const words: ReadonlySet<string> = new Set(["error", "message", "reason", "line", "data", "statusMessage"])
/** A page to be opened is of no use without a part of its address, and a question has to fit its answer. */
const asked: ReadonlySet<Event["type"]> = new Set<Event["type"]>([
  "mcp.elicitation.requested",
  "mcp.sampling.requested",
])

const hidden = (mask: Secrets["mask"], event: Event): object => {
  const inWords = (data: object): object => {
    const pairs = Object.entries(data).map(([name, value]) => {
      if (words.has(name)) return [name, hideIn(mask, value)] as const
      return [name, name === "task" && isObject(value) ? inWords(value) : value] as const
    })
    return Object.fromEntries(pairs)
  }
  return asked.has(event.type) ? event.data : inWords(event.data)
}

const definitions: Readonly<Record<Event["type"], Bus.Definition>> = ofClient

/** Feeds the bus with what `listen` tells, for as long as the Scope lives. */
export const feed = (
  listen: (listener: (event: Event) => void) => () => void,
  mask: Secrets["mask"],
): Effect.Effect<void, never, Bus.Service | Scope.Scope> =>
  Effect.gen(function* () {
    const bus = yield* Bus.Service
    const show = (toast: Shown) => bus.publishUnsafe(ToastShow, { ...toast, message: mask(toast.message) })
    const toast = Toast.make(show, yield* Page)
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        listen((event) => {
          bus.publishUnsafe(definitions[event.type], hidden(mask, event))
          toast(event)
        }),
      ),
      (stop) => Effect.sync(stop),
    )
  })
