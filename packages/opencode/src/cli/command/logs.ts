/** `logs`: what servers say while they start and stop: their stderr, and their log messages. */
import type { Event } from "@opencode-ai/mcp/events"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import { Exit } from "../failure.ts"
import { Output } from "../output.ts"
import type { Options } from "../configuration.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"
import { waitForAll } from "./list.ts"
import { describeFailures } from "./unreachable.ts"

type Line = Extract<Event, { readonly type: "mcp.stderr" | "mcp.log" }>

export const logs = (options: Options & { readonly server: string | undefined }) =>
  withServers(options, options.server, () =>
    Effect.gen(function* () {
      const output = yield* Output
      const mcp = yield* Mcp
      const lines: Array<Line> = []
      mcp.listen((event) => {
        if (event.type === "mcp.stderr" || event.type === "mcp.log") lines.push(event)
      })
      yield* waitForAll
      yield* describeFailures
      // A server that is closed has said its last: nothing is missed, and nothing has to be waited for.
      const states = yield* mcp.servers
      yield* Effect.forEach(states, ({ name }) => Effect.ignore(mcp.disconnect(name)), { concurrency: "unbounded" })
      if (output.json()) yield* output.printJson(lines.map(asJson))
      else if (lines.length === 0) yield* output.say("Nothing was logged.")
      else yield* output.print(lines.map((line) => asText(line, output)).join("\n"))
      return Exit.done
    }),
  )

const asJson = ({ data, type }: Line) => ({ source: type === "mcp.stderr" ? "stderr" : "log", ...data })

const asText = (line: Line, { out }: Output["Service"]): string => {
  const server = Text.oneLine(line.data.server)
  const [kind, text] =
    line.type === "mcp.stderr"
      ? ["stderr", line.data.line]
      : [line.data.level, typeof line.data.data === "string" ? line.data.data : JSON.stringify(line.data.data)]
  return out.terminal
    ? `${out.paint("cyan", server)} ${out.paint("dim", kind.padEnd(7))} ${Text.harmless(text)}`
    : [server, kind, Text.oneLine(text)].join("\t")
}
