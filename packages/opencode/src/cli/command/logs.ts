/** `logs`: what servers write to stderr and log, as they do: while they start and stop, or with `--follow` until Ctrl-C. */
import type { Event } from "@opencode-ai/mcp/events"
import { McpError, NotConnected } from "@opencode-ai/mcp/error"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Level from "@opencode-ai/mcp/notification/level"
import type { LoggingLevel } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import type { Options } from "../configuration.ts"
import { Exit } from "../failure.ts"
import * as Happening from "../happening.ts"
import { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"
import { nobodyLeft } from "./nobody.ts"
import { describeFailures } from "./unreachable.ts"

type Line = Extract<Event, { readonly type: "mcp.stderr" | "mcp.log" }>

export interface LogsOptions extends Options {
  readonly server: string | undefined
  readonly follow: boolean
  /** The least level that is asked for, and shown. */
  readonly level: LoggingLevel | undefined
}

export const logs = (options: LogsOptions) =>
  Effect.gen(function* () {
    const { follow, level, server } = options
    const output = yield* Output
    const kept: Array<Line> = []
    let count = 0
    const line = yield* Happening.line((event: Event) =>
      Effect.suspend(() => {
        if (event.type !== "mcp.stderr" && event.type !== "mcp.log") return Effect.void
        const isTooMinor = event.type === "mcp.log" && level !== undefined && !Level.isAtLeast(event.data.level, level)
        if (isTooMinor) return Effect.void
        count += 1
        if (!output.json()) return output.print(asText(event, output))
        if (follow) return output.printJson(asJson(event))
        return Effect.sync(() => void kept.push(event))
      }),
    )
    const running = yield* Runtime.Running
    return yield* withServers(
      options,
      server,
      () =>
        Effect.gen(function* () {
          const mcp = yield* Mcp
          const printing = yield* Effect.forkScoped(line.print)
          if (running !== undefined) yield* recall(server, line.take)
          yield* mcp.settled
          const lacking = yield* missing(server)
          if (server === undefined) yield* describeFailures
          else if (lacking !== undefined && !follow) yield* output.warn(lacking.message)
          if (level !== undefined && lacking === undefined) yield* ask(server, level)
          if (follow) {
            const stop = Effect.sync(() => printing.interruptUnsafe())
            return yield* Effect.ensuring(nobodyLeft("follow"), Effect.andThen(stop, line.rest))
          }
          yield* heardOut
          if (running === undefined) {
            const states = yield* mcp.servers
            yield* Effect.forEach(states, ({ name }) => Effect.ignore(mcp.disconnect(name)), {
              concurrency: "unbounded",
            })
          }
          printing.interruptUnsafe()
          yield* line.rest
          if (output.json()) yield* output.printJson(kept.map(asJson))
          else if (count === 0) yield* output.say("Nothing was logged.")
          // What a server wrote before it failed is what it was asked for; that it failed is told all the same.
          return lacking === undefined ? Exit.done : Exit.unreachable
        }),
      line.take,
    )
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.map(Output, ({ configure }) => {
        if (options.follow) configure({ json: false, level: "warn" })
      }),
    ),
  )

/** Why the server that was asked for says nothing more. */
const missing = (server: string | undefined) =>
  Effect.gen(function* () {
    const states = yield* (yield* Mcp).servers
    const state = states.find(({ name }) => name === server)
    if (state === undefined || state.status.status === "connected") return undefined
    return new McpError({ reason: new NotConnected({ server: state.name, status: state.status }) })
  })

/** What is kept of the stderr of servers that were there before. */
const recall = (server: string | undefined, take: (event: Event) => void) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    for (const { name } of yield* mcp.servers) {
      if (server !== undefined && name !== server) continue
      for (const text of yield* mcp.stderr(name)) take({ type: "mcp.stderr", data: { server: name, line: text } })
    }
  })

/** How long a server that is about to be closed may take to answer, in milliseconds. */
const patience = 2_000

/** What a server wrote before it answers has arrived with the answer: of what is closed nothing is read any more. */
const heardOut = Effect.gen(function* () {
  const mcp = yield* Mcp
  const states = yield* mcp.servers
  const connected = states.filter(({ status }) => status.status === "connected")
  yield* Effect.forEach(connected, ({ name }) => Effect.ignore(Effect.timeoutOption(mcp.ping(name), patience)), {
    concurrency: "unbounded",
    discard: true,
  })
})

/** Tells servers what they are to log: the one that is named, which has to know of levels, or all that do. */
const ask = (server: string | undefined, level: LoggingLevel) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    if (server !== undefined) return yield* mcp.setLevel(server, level)
    const states = yield* mcp.servers
    const logging = states.filter(({ capabilities }) => capabilities?.logging !== undefined)
    yield* Effect.forEach(logging, ({ name }) => Effect.ignore(mcp.setLevel(name, level)), {
      concurrency: "unbounded",
    })
  })

const asJson = ({ data, type }: Line) => ({ source: type === "mcp.stderr" ? "stderr" : "log", ...data })

const asText = (line: Line, { out }: Output["Service"]): string => {
  const server = Text.oneLine(line.data.server)
  const { colour, text, what } = Happening.words(line)
  return out.terminal
    ? `${out.paint("bold", server)} ${out.paint(colour, what.padEnd(9))} ${Text.inset(text)}`
    : [server, what, Text.oneLine(text)].join("\t")
}
