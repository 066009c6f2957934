/** `tools`: what can be called, with the arguments that each tool takes. */
import { Mcp, type ToolEntry } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import { Exit } from "../failure.ts"
import { spinner } from "../live.ts"
import { Output } from "../output.ts"
import { tellHeld } from "../difference.ts"
import * as Present from "../present.ts"
import { signature } from "../schema.ts"
import type { Options } from "../configuration.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"
import { describeFailures, none } from "./unreachable.ts"

export const tools = (options: Options & { readonly server: string | undefined }) =>
  withServers(options, options.server, () =>
    Effect.gen(function* () {
      const output = yield* Output
      const mcp = yield* Mcp
      const what = options.server ?? "the servers"
      const entries = yield* spinner(output, `Asking ${what} for tools`, mcp.tools(options.server))
      if (output.json()) yield* output.printJson(entries.map(Present.tool))
      else yield* show(entries)
      const held = yield* mcp.held
      for (const each of held) if (options.server === undefined || options.server === each.server) yield* tellHeld(each)
      if (options.server === undefined) yield* describeFailures
      return Exit.done
    }),
  )

const show = (entries: ReadonlyArray<ToolEntry>) =>
  Effect.gen(function* () {
    const output = yield* Output
    const { columns, paint, terminal } = output.out
    if (entries.length === 0) return yield* none("tools")
    if (!terminal) {
      const lines = entries.map(({ server, tool }) =>
        [server, tool.name, tool.title ?? tool.annotations?.title, tool.description].map(Text.spoken).join("\t"),
      )
      return yield* output.print(lines.join("\n"))
    }
    const lines: Array<string> = []
    let server: string | undefined
    for (const entry of entries) {
      if (entry.server !== server)
        lines.push(...(server === undefined ? [] : [""]), paint("bold", Text.oneLine(entry.server)))
      server = entry.server
      const marks = hints(entry)
      const name = Text.oneLine(entry.tool.name)
      const room = Math.max(8, columns() - 4 - Text.width(name))
      const takes = Text.cut(Text.oneLine(signature(entry.tool.inputSchema)), room)
      lines.push(`  ${paint("cyan", name)} ${paint("dim", takes)}`)
      const said = [titleOf(entry), entry.tool.description].map(Text.spoken).filter((each) => each !== "")
      const about = `${marks}${said.join(" – ")}`.trimEnd()
      if (about !== "") lines.push(`      ${Text.cut(about, columns() - 6)}`)
    }
    yield* output.print(lines.join("\n"))
  })

/** What a person calls it, where that is not its name. */
const titleOf = ({ tool: { annotations, name, title } }: ToolEntry): string | undefined => {
  const called = title ?? annotations?.title
  return called === name ? undefined : called
}

const hints = ({ tool: { annotations } }: ToolEntry): string =>
  annotations?.readOnlyHint === true ? "[reads only] " : annotations?.destructiveHint === true ? "[destructive] " : ""
