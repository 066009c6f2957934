/** `debug`: each step of connecting to one server, with what came of it, and what to do. */
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import { find, type Options } from "../configuration.ts"
import { Exit } from "../failure.ts"
import { Output } from "../output.ts"
import * as Present from "../present.ts"
import * as Runtime from "../runtime.ts"
import { approve, withServers } from "../session.ts"
import * as Text from "../text.ts"
import { make } from "./debug-report.ts"
import { conclude, connect, examine, factsOf } from "./debug-steps.ts"

export interface DebugOptions extends Options {
  readonly server: string
}

const nobody = () => false

export const debug = (options: DebugOptions) =>
  withServers(options, nobody, (snapshot) =>
    Effect.gen(function* () {
      const output = yield* Output
      const mcp = yield* Mcp
      const server = yield* find(snapshot, options.server)
      yield* approve(snapshot, (name) => name === server.name, true)
      const usable = yield* Runtime.connectable(server, snapshot.directory)
      const report = make(output)
      const facts = factsOf(server, snapshot)
      yield* report.facts(server.name, facts)
      // It connects when its turn comes: what else there is to see is looked at before.
      yield* mcp.add("error" in usable ? usable : { ...usable, enabled: false })
      const found = "error" in usable ? {} : yield* examine(usable, snapshot.directory, report)
      const status = yield* connect(server.name, report)
      const end = conclude(server.name, status, found)
      if (output.json()) {
        const { advice, verdict } = end
        const { authorization, credentials } = found
        yield* output.printJson({
          server: server.name,
          type: server.config?.type,
          ...facts,
          steps: report.steps(),
          authorization,
          credentials,
          ...Present.status(status),
          verdict,
          advice,
        })
      } else {
        const colour = end.code === Exit.done ? "green" : "red"
        yield* output.print(`\n${output.out.paint(colour, Text.inset(end.verdict))}`)
        if (end.advice !== undefined) yield* output.print(Text.inset(end.advice))
      }
      return end.code
    }),
  )
