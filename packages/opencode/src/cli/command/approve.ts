/** `approve`: what changed in the tools that are held back, and whether they are offered again. */
import { type HeldTool, Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import type { Options } from "../configuration.ts"
import { lines } from "../difference.ts"
import { CliFailure, Exit } from "../failure.ts"
import { spinner } from "../live.ts"
import { Output } from "../output.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"

/** Typing the name of the server is the approval; what changed is shown. On a terminal each question is asked once more. */
export const approve = (options: Options & { readonly server: string; readonly tool: string | undefined }) =>
  withServers(options, options.server, () =>
    Effect.gen(function* () {
      const output = yield* Output
      const mcp = yield* Mcp
      const { server, tool } = options
      // Listed first: what is held is known once the tools are.
      yield* spinner(output, `Connecting to ${server}`, mcp.tools(server))
      const held = (yield* mcp.held).filter((each) => each.server === server)
      const meant = tool === undefined ? held : held.filter((each) => each.tool.name === tool || each.key === tool)
      // It is offered already, or there is none: the service tells which.
      if (tool !== undefined && meant.length === 0) yield* mcp.approve(server, tool)
      const approved: Array<{ readonly tool: string; readonly difference: HeldTool["difference"] }> = []
      for (const each of meant) {
        if (yield* review(each)) approved.push({ tool: each.tool.name, difference: each.difference })
      }
      if (output.json()) yield* output.printJson({ server, approved })
      else if (meant.length === 0) yield* output.print(`${Text.oneLine(server)}: nothing is held back.`)
      return Exit.done
    }),
  )

const review = ({ difference, form, server, tool }: HeldTool) =>
  Effect.gen(function* () {
    const output = yield* Output
    const name = `${Text.oneLine(tool.name)} of ${Text.oneLine(server)}`
    if (!output.json()) yield* output.say([`${name} changed:`, ...lines(difference, output.err.paint)].join("\n"))
    if (output.interactive()) {
      const { confirm } = yield* Effect.promise(() => import("../ask.ts"))
      // In the shell the line that is typed makes room.
      if (!(yield* output.floor.take(confirm(`Offer ${name} again?`)))) {
        return yield* new CliFailure({ tag: "Denied", text: `${name} was not approved` })
      }
    }
    yield* (yield* Mcp).approve(server, tool.name, form)
    if (!output.json()) yield* output.print(`${name} is approved in its present form.`)
    return true
  })
