/** `watch`: everything that happens, as it happens, until Ctrl-C or until nobody reads any more. */
import type { Event } from "@opencode-ai/mcp/events"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Options } from "../configuration.ts"
import { badRequest } from "../failure.ts"
import * as Happening from "../happening.ts"
import { Output } from "../output.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"
import { nobodyLeft } from "./nobody.ts"

export interface WatchOptions extends Options {
  readonly server: string | undefined
  /** What is subscribed to. */
  readonly resources: ReadonlyArray<string>
}

export const watch = (options: WatchOptions) =>
  Effect.gen(function* () {
    const { resources, server } = options
    if (server === undefined && resources.length > 0) {
      return yield* badRequest("--resource needs the server whose resource it is: mcp watch <server> --resource <uri>")
    }
    const line = yield* Happening.line(print)
    return yield* withServers(
      options,
      server,
      () =>
        Effect.gen(function* () {
          const mcp = yield* Mcp
          if (server !== undefined) yield* Effect.forEach(resources, (uri) => mcp.subscribe(server, uri))
          return yield* Effect.raceFirst(line.print, nobodyLeft("watch"))
        }).pipe(Effect.ensuring(line.rest)),
      line.take,
    )
  }).pipe(
    // What stands on standard output are events: whoever interrupts is told on standard error.
    Effect.onInterrupt(() => Effect.map(Output, ({ configure }) => configure({ json: false, level: "warn" }))),
  )

const two = (value: number) => String(value).padStart(2, "0")

/** The time of day, here. */
const clock = (millis: number) => {
  const time = new Date(millis)
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
}

const instant = (millis: number) => new Date(millis).toISOString()

const print = (event: Event): Effect.Effect<void, never, Output> =>
  Effect.gen(function* () {
    const { json, out, print, printJson } = yield* Output
    if (json()) return yield* printJson({ event: event.type, data: event.data })
    const now = yield* Clock.currentTimeMillis
    const { colour, text, what } = Happening.words(event)
    const server = Text.oneLine(event.data.server)
    if (!out.terminal) {
      return yield* print([instant(now), server, what, Text.oneLine(text)].join("\t"))
    }
    const head = `${out.paint("dim", clock(now))} ${out.paint("bold", server)} ${out.paint(colour, what)}`
    const said = Text.oneLine(text)
    yield* print(said === "" ? head : `${head} ${said}`)
  })
