/**
 * The tour: connects the configured servers, or three examples in a temporary directory, and shows what they do. It starts
 * what it names without asking, because typing it is the approval, and leaves nothing behind.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { Config, type Server, type Snapshot } from "../config/config.ts"
import { quoted, visible } from "@opencode-ai/mcp/protocol/visible"
import { show, waitForAll } from "./command/list.ts"
import * as Configuration from "./configuration.ts"
import * as Content from "./content.ts"
import { example, suggestion } from "./example.ts"
import { type ExitCode, Exit, exitCode, fromCause } from "./failure.ts"
import { bar, progress } from "./live.ts"
import { Output, type Writer } from "./output.ts"
import * as Runtime from "./runtime.ts"
import { tell } from "./tell.ts"
import * as Text from "./text.ts"

const tool = "trigger-long-running-operation"
const steps = { duration: 2, steps: 8 }
const uri = "demo://resource/static/document/features.md"
/** Lines of the resource that are shown. */
const excerpt = 6

const heading = (text: string) =>
  Effect.flatMap(Output, (output) => output.print(`\n${output.out.paint("bold", text)}`))

/** A command as it would be typed, nothing hidden in it; a URL as it is. */
const target = ({ config }: Server): string => {
  if (config === undefined) return "its entry cannot be used"
  if (config.type === "remote") return visible(config.url.href)
  return config.command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word))).join(" ")
}

const printCommands = ({ servers }: Snapshot) =>
  Effect.gen(function* () {
    const output = yield* Output
    const longest = Math.max(...servers.map(({ name }) => Text.width(Text.oneLine(name))))
    for (const server of servers) {
      const name = Text.oneLine(server.name)
      const space = " ".repeat(longest - Text.width(name) + 2)
      const text = target(server)
      const lines = output.out.terminal ? Text.wrap(text, output.out.columns() - longest - 4) : [text]
      yield* output.print(`  ${output.out.paint("cyan", name)}${space}${lines.join(`\n${" ".repeat(longest + 4)}`)}`)
    }
  })

/** Calls the tool that takes its time, and shows how far it is. */
const callSlowTool = Effect.gen(function* () {
  const output = yield* Output
  const mcp = yield* Mcp
  yield* heading("Calling a tool that takes its time")
  yield* output.print(
    output.out.paint("dim", `  mcp call everything ${tool} duration=${steps.duration} steps=${steps.steps}`),
  )
  const reports: Array<string> = []
  const result = yield* progress(output, "Calling", (report) =>
    mcp.callTool("everything", tool, steps, {
      onProgress: (state) => {
        report(state)
        reports.push(`  ${bar(state, 60, output.out.paint)}`)
      },
    }),
  )
  // Where no bar can be drawn, each report is a line; on a terminal the last one stays.
  yield* output.print((output.bar ? reports.slice(-1) : reports).join("\n"))
  yield* output.print(indent(yield* Content.result(result)))
})

const indent = (text: string) => text.replace(/^(?=.)/gm, "  ").trimEnd()

const readResource = Effect.gen(function* () {
  const output = yield* Output
  const mcp = yield* Mcp
  yield* heading("Reading a resource")
  yield* output.print(output.out.paint("dim", `  mcp read everything ${uri}`))
  const { contents } = yield* mcp.readResource("everything", uri)
  const text = (yield* Effect.forEach(contents, Content.contents)).join("\n")
  const lines = text.split("\n")
  yield* output.print(
    indent(
      lines
        .slice(0, excerpt)
        .map((line) => Text.cut(line, output.out.columns() - 4))
        .join("\n"),
    ),
  )
  if (lines.length > excerpt) {
    yield* output.print(output.out.paint("dim", `  … and ${lines.length - excerpt} lines more`))
  }
})

/** Connects everything that is configured, and shows the list. Whether all that is switched on is connected. */
const connect = (snapshot: Snapshot) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    yield* printCommands(snapshot)
    yield* heading("Connecting")
    yield* Runtime.start()
    yield* waitForAll
    const states = yield* mcp.servers
    yield* show(states)
    return states.every(({ status }) => status.status === "connected" || status.status === "disabled")
  })

/** With these servers, until `use` has ended; then everything is closed. */
const withServers = <A, E, R>(options: Configuration.Options, use: (snapshot: Snapshot) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Configuration.configured, use).pipe(
    Effect.scoped,
    Effect.provide(Runtime.layer({ ...options, trust: true })),
  )

const exampleTour = Effect.gen(function* () {
  const output = yield* Output
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.realPath(yield* fs.makeTempDirectoryScoped({ prefix: "opencode-mcp-start-" }))
  const file = `${directory}/opencode.json`
  yield* fs.writeFileString(file, JSON.stringify(example(directory), undefined, 2))
  yield* output.print("There is no MCP server in your configuration, so this shows three that are known to work:\n")
  return yield* withServers({ config: file }, (snapshot) =>
    Effect.gen(function* () {
      const all = yield* connect(snapshot)
      if (!all) return Exit.unreachable
      yield* callSlowTool
      yield* readResource
      return Exit.done
    }),
  )
}).pipe(Effect.scoped)

const ownTour = (files: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const output = yield* Output
    yield* output.print(`The servers of your configuration (${files.map(visible).join(", ")}):\n`)
    return yield* withServers({}, (snapshot) => Effect.as(connect(snapshot), Exit.done))
  })

const next = (own: boolean, { out }: Writer): string => {
  const run = `npx -y bun@${Bun.version} run mcp`
  const lines = own
    ? [`  ${run} tools`, `  ${run} call <server> <tool> key=value`, `  ${run} --help`]
    : [
        "  Put this into opencode.json here, or into ~/.config/opencode/opencode.json for every project:",
        "",
        ...suggestion.split("\n").map((line) => `  ${out.paint("cyan", line)}`),
        "",
        "  and then",
        "",
        `  ${run} trust everything      ${out.paint("dim", "approve it, once: a project file defines it")}`,
        `  ${run} list                  ${out.paint("dim", "what is connected, and what it offers")}`,
        `  ${run} tools everything      ${out.paint("dim", "what can be called")}`,
        `  ${run} call everything get-sum a=1 b=2`,
        `  ${run} --help`,
      ]
  return lines.join("\n")
}

const steppingThrough = Effect.gen(function* () {
  const output = yield* Output
  yield* output.print(`${output.out.paint("bold", "OpenCode's MCP client")}\n`)
  const { files, servers } = yield* Effect.provide(
    Effect.flatMap(Config, (config) => config.get),
    Configuration.layer({}),
  )
  const own = servers.length > 0
  const code: ExitCode = own ? yield* ownTour(files) : yield* exampleTour
  yield* output.print(
    output.out.paint("dim", `\nEvery server is closed again${own ? "." : ", and the temporary directory is gone."}`),
  )
  yield* heading("What to try next")
  yield* output.print(next(own, output))
  return code
})

/** The tour, to its exit code. */
export const tour = (output: Writer): Effect.Effect<ExitCode> =>
  Effect.uninterruptibleMask((restore) =>
    restore(steppingThrough).pipe(
      Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer)),
      Effect.provideService(Output, output),
      Effect.catchCause((cause) => {
        const failure = fromCause(cause)
        return Effect.as(tell(output, failure, cause), exitCode(failure))
      }),
    ),
  )
