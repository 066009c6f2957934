/** `resources`, `templates` and `prompts`: three lists of one kind. */
import { type CallError, Mcp, type Of } from "@opencode-ai/mcp/mcp"
import type { Prompt, Resource, ResourceTemplate } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import { Exit } from "../failure.ts"
import { spinner } from "../live.ts"
import { Output } from "../output.ts"
import * as Present from "../present.ts"
import { argumentsOf } from "../schema.ts"
import type { Options } from "../configuration.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"
import { describeFailures, none } from "./unreachable.ts"

type ListOptions = Options & { readonly server: string | undefined }

interface Kind<Item> {
  readonly plural: string
  readonly ask: (mcp: Mcp["Service"], server: string | undefined) => Effect.Effect<ReadonlyArray<Of<Item>>, CallError>
  /** What it is addressed by. */
  readonly name: (item: Item) => string
  /** What stands beside its name. */
  readonly beside: (item: Item) => string
  /** What it is for, in parts. */
  readonly about: (item: Item) => ReadonlyArray<unknown>
}

const lister =
  <Item extends object>(kind: Kind<Item>) =>
  (options: ListOptions) =>
    withServers(options, options.server, () =>
      Effect.gen(function* () {
        const output = yield* Output
        const mcp = yield* Mcp
        const what = `Asking ${options.server ?? "the servers"} for ${kind.plural}`
        const items = yield* spinner(output, what, kind.ask(mcp, options.server))
        if (output.json()) yield* output.printJson(items.map(Present.item))
        else if (items.length === 0) yield* none(kind.plural)
        else yield* output.print(lines(kind, items, output).join("\n"))
        if (options.server === undefined) yield* describeFailures
        return Exit.done
      }),
    )

/** Parts that a server said, those that are texts. */
const said = (parts: ReadonlyArray<unknown>, between: string): string =>
  parts
    .map(Text.spoken)
    .filter((each) => each !== "")
    .join(between)

const aboutOf = <Item>({ about }: Kind<Item>, item: Item): string => said(about(item), " – ")

const lines = <Item>(
  kind: Kind<Item>,
  items: ReadonlyArray<Of<Item>>,
  { out }: Output["Service"],
): ReadonlyArray<string> => {
  if (!out.terminal) {
    return items.map(({ item, server }) =>
      [server, kind.name(item), kind.beside(item), aboutOf(kind, item)].map(Text.oneLine).join("\t"),
    )
  }
  const shown: Array<string> = []
  let last: string | undefined
  for (const { item, server } of items) {
    if (server !== last) shown.push(...(last === undefined ? [] : [""]), out.paint("bold", Text.oneLine(server)))
    last = server
    const name = Text.oneLine(kind.name(item))
    const room = Math.max(0, out.columns() - 3 - Text.width(name))
    shown.push(
      `  ${out.paint("cyan", name)} ${out.paint("dim", Text.cut(Text.oneLine(kind.beside(item)), room))}`.trimEnd(),
    )
    const about = aboutOf(kind, item)
    if (about !== "") shown.push(`      ${Text.cut(about, out.columns() - 6)}`)
  }
  return shown
}

const titled = (item: { readonly title?: string | undefined; readonly name: string }) => item.title ?? item.name

export const resources = lister<Resource>({
  plural: "resources",
  ask: (mcp, server) => mcp.resources(server),
  name: ({ uri }) => uri,
  beside: (item) => said([titled(item), item.mimeType], ", "),
  about: ({ description }) => [description],
})

export const templates = lister<ResourceTemplate>({
  plural: "resource templates",
  ask: (mcp, server) => mcp.templates(server),
  name: ({ uriTemplate }) => uriTemplate,
  beside: (item) => said([titled(item), item.mimeType], ", "),
  about: ({ description }) => [description],
})

export const prompts = lister<Prompt>({
  plural: "prompts",
  ask: (mcp, server) => mcp.prompts(server),
  name: ({ name }) => name,
  beside: (item) =>
    `(${argumentsOf(item)
      .map(({ name, required }) => `${name}${required ? "" : "?"}`)
      .join(", ")})`,
  about: ({ description, title }) => [title, description],
})
