/** `list`: every configured server, what became of connecting to it, and how much it offers. */
import type { Status } from "@opencode-ai/mcp/events"
import { Mcp, type ServerState } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import { Exit, withRemedy } from "../failure.ts"
import { spinner } from "../live.ts"
import { Output, type Writer } from "../output.ts"
import * as Present from "../present.ts"
import type { Options } from "../configuration.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"
import { authorizable } from "./authorizable.ts"
import { nothing } from "./nothing.ts"

/** How a status looks: its mark, its colour, its words. */
const looks: Readonly<Record<Status["status"], readonly [mark: string, colour: Text.Colour, words: string]>> = {
  connected: ["✓", "green", "connected"],
  pending: ["…", "cyan", "pending"],
  disabled: ["○", "dim", "disabled"],
  failed: ["✗", "red", "failed"],
  needs_auth: ["!", "yellow", "needs authorization"],
  needs_client_registration: ["!", "yellow", "needs a registered client"],
}

/** Connects to every server and shows them. */
export const list = (options: Options) =>
  withServers(options, undefined, () =>
    Effect.gen(function* () {
      const output = yield* Output
      const mcp = yield* Mcp
      yield* waitForAll
      const states = yield* mcp.servers
      yield* output.json() ? output.printJson(states.map(Present.server)) : show(states)
      return Exit.done
    }),
  )

/** Waits until every server has settled and what it offers is known. */
export const waitForAll = Effect.gen(function* () {
  const output = yield* Output
  const mcp = yield* Mcp
  const waiting = Effect.map(mcp.servers, (states) => {
    const names = states.filter(({ status }) => status.status === "pending").map(({ name }) => name)
    return names.length === 0 ? "Listing what the servers offer" : `Connecting to ${names.join(", ")}`
  })
  yield* spinner(output, waiting, mcp.settled)
})

/** The servers as a table on a terminal, as lines with tabs elsewhere. */
export const show = (states: ReadonlyArray<ServerState>) =>
  Effect.gen(function* () {
    const output = yield* Output
    if (states.length === 0) return yield* output.print(nothing(output))
    const errorOf = telling(yield* authorizable(states))
    yield* output.print((output.out.terminal ? asTable : asLines)(states, errorOf, output).join("\n"))
  })

type ErrorOf = (state: ServerState) => string | undefined

/** Why it is not connected, and what to do where a sign-in helps. */
const telling =
  (signsIn: ReadonlySet<string>): ErrorOf =>
  ({ name, status }) => {
    const error = "error" in status ? status.error : undefined
    return signsIn.has(name) ? withRemedy(error ?? "it asks for authorization", name) : error
  }

const counts = ({ prompts, resources, templates, tools }: ServerState) => [tools, prompts, resources, templates]

const asLines = (states: ReadonlyArray<ServerState>, errorOf: ErrorOf): ReadonlyArray<string> =>
  states.map((state) => {
    const [tools, prompts, resources, templates] = counts(state)
    const error = errorOf(state)
    const offers = [`${tools} tools`, `${prompts} prompts`, `${resources} resources`, `${templates} templates`]
    const known = state.status.status === "connected"
    return [
      Text.oneLine(state.name),
      looks[state.status.status][2],
      state.transport ?? state.type,
      ...(known ? offers : []),
      ...(error === undefined ? [] : [Text.oneLine(error)]),
    ].join("\t")
  })

const asTable = (states: ReadonlyArray<ServerState>, errorOf: ErrorOf, { out }: Writer): ReadonlyArray<string> => {
  const shape: ReadonlyArray<Text.Column> = [
    { title: " " },
    { title: "SERVER", shrinks: 12 },
    { title: "STATUS" },
    { title: "TRANSPORT", expendable: 4 },
    { title: "TOOLS", align: "right" },
    { title: "PROMPTS", align: "right", expendable: 2 },
    { title: "RESOURCES", align: "right", expendable: 1 },
    { title: "TEMPLATES", align: "right", expendable: 3 },
    { title: "TIME", align: "right", expendable: 5 },
    { title: "VERSION", shrinks: 10, expendable: 6 },
  ]
  const rows = states.map((state): ReadonlyArray<Text.Cell> => {
    const [mark, colour, words] = looks[state.status.status]
    const known = state.status.status === "connected"
    const number = (value: number | undefined): Text.Cell =>
      known ? { text: String(value), ...(value === 0 ? { colour: "dim" as const } : {}) } : { text: "–", colour: "dim" }
    const info = state.serverInfo
    return [
      { text: mark, colour },
      { text: Text.oneLine(state.name), colour: "bold" },
      { text: words, colour },
      { text: state.transport ?? state.type },
      ...counts(state).map(number),
      state.connectMs === undefined ? { text: "–", colour: "dim" } : { text: `${state.connectMs} ms` },
      { text: info === undefined ? "" : Text.oneLine(`${info.name} ${info.version}`), colour: "dim" },
    ]
  })
  return [
    ...Text.table(shape, rows, out.columns(), out.paint),
    ...states.flatMap((state) => {
      const error = errorOf(state)
      if (error === undefined) return []
      const [mark, colour] = looks[state.status.status]
      const lines = Text.harmless(error)
        .split("\n")
        .flatMap((line) => Text.wrap(line, out.columns() - 4))
      return [
        "",
        `${out.paint(colour, mark)} ${out.paint("bold", Text.oneLine(state.name))}`,
        ...lines.map((line) => `    ${line}`),
      ]
    }),
  ]
}
