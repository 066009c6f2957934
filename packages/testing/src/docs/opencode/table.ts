/** The tables of `docs/opencode.md`: OpenCode's names beside ours, and ours that it does not have. Ours are read off the code. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Bus from "@opencode-ai/opencode/bus/index"
import { make } from "@opencode-ai/opencode/cli/cmd/mcp"
import * as McpEvent from "@opencode-ai/opencode/mcp/event"
import * as MCP from "@opencode-ai/opencode/mcp/index"
import { document } from "@opencode-ai/opencode/server/document"
import type * as Command from "effect/cli/Command"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryDirectory } from "../../recording.ts"
import * as Names from "./names.ts"

/** One table. */
export interface Table {
  readonly title: string
  readonly names: Names.Names
  /** All of ours, in the order in which they stand in the code. */
  readonly ours: ReadonlyArray<string>
}

const methods = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const config = join(directory, "opencode.json")
  writeFileSync(config, "{}")
  const layer = Layer.provide(
    MCP.defaultLayer({ config, directory }),
    Layer.merge(NodeFileSystem.layer, NodePath.layer),
  )
  return Object.keys(Context.get(yield* Layer.build(layer), MCP.Service))
}).pipe(Effect.scoped)

const routes = (): ReadonlyArray<string> =>
  Object.entries<object>(document().paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
  )

const commandsOf = (command: Command.Command.Any, path: string): ReadonlyArray<string> =>
  command.subcommands
    .flatMap(({ commands }) => commands)
    .flatMap((each) => {
      const name = `${path} ${each.name}`
      return [each.alias === undefined ? name : `${name} (${each.alias})`, ...commandsOf(each, name)]
    })

const errors = (): ReadonlyArray<string> => {
  const found = new Set([new MCP.NotFoundError({ name: "" })._tag as string])
  for (const item of Object.values<object>(document().paths)) {
    for (const { responses } of Object.values<{ readonly responses: object }>({ ...item })) {
      for (const [status, response] of Object.entries<unknown>({ ...responses })) {
        if (!status.startsWith("4")) continue
        const names = JSON.stringify(response).matchAll(/#\/components\/schemas\/(\w+)/g)
        for (const [, name = ""] of names) found.add(`${status} ${name}`)
      }
    }
  }
  return [...found]
}

/** Every table, of the code as it is. */
export const tables: Effect.Effect<ReadonlyArray<Table>, unknown> = Effect.gen(function* () {
  const events = [...Object.values<Bus.Definition>(McpEvent.ofClient), McpEvent.ToastShow, Bus.Dropped]
  return [
    { title: "Methods of `MCP.Service`", names: Names.methods, ours: yield* methods },
    {
      title: "Statuses",
      names: Names.statuses,
      ours: MCP.Status.members.map(({ fields }) => fields.status.literal),
    },
    {
      title: "Events of the bus",
      names: { ...Names.events, ...Names.events2 },
      ours: events.map(({ type }) => type),
    },
    { title: "Routes", names: Names.routes, ours: routes() },
    { title: "Errors", names: Names.errors, ours: errors() },
    { title: "Commands", names: Names.commands, ours: commandsOf(make({ code: 0 }), "mcp") },
  ]
})

const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
const code = (name: string) => `\`${name}\``

const markdown = ({ names, ours, title }: Table): string => {
  const rows = Object.entries(names).map(([name, note]) => {
    const theirs = Object.hasOwn(Names.events2, name) ? `${code(name)} (version 2)` : code(name)
    return row([theirs, ours.includes(name) ? code(name) : "not yet", note])
  })
  const more = ours.filter((name) => !Object.hasOwn(names, name))
  return [
    `### ${title}`,
    "",
    row(["OpenCode 1.18.33", "here", "what is different"]),
    row(["---", "---", "---"]),
    ...rows,
    ...(more.length === 0 ? [] : ["", `Here alone: ${more.map(code).join(", ")}.`]),
  ].join("\n")
}

export const begin = "<!-- begin: written by `bun run documents` -->"
export const end = "<!-- end -->"

/** The tables as they stand in the document. */
export const written: Effect.Effect<string, unknown> = Effect.map(tables, (all) =>
  [begin, ...all.map(markdown), end].join("\n\n"),
)

/** A document with the tables in their place. */
export const withTables = (text: string, tables: string): string => {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from === -1 || to === -1) throw new Error("the document has no place for the tables")
  return `${text.slice(0, from)}${tables}${text.slice(to + end.length)}`
}
