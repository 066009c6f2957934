/**
 * The commands: their names, arguments, flags and help. What each does is loaded when it runs, because most of the time to
 * the first line of output is the loading of modules.
 */
import * as Level from "@opencode-ai/mcp/notification/level"
import type { LoggingLevel } from "@opencode-ai/mcp/protocol/model"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import type { CompleteOptions } from "../command/complete.ts"
import type { Options } from "../configuration.ts"
import { authorizing } from "./auth.ts"
import { configuring } from "./configuring.ts"
import { globalFlags, type Outcome, running as runningInto, server } from "./running.ts"

export type { Outcome } from "./running.ts"

type AsTask = true | { readonly ttl: number }

/** What `--task` says. */
const taskOf = (text: string): Option.Option<AsTask> => {
  if (text === "true") return Option.some(true)
  return /^\d{1,15}$/.test(text) ? Option.some({ ttl: Number(text) }) : Option.none()
}

const anyServer = server.pipe(Argument.withDescription("One server; without it, all"), Argument.optional)
const pairs = (what: string) => Argument.String("key=value").pipe(Argument.withDescription(what), Argument.variadic())

/** Every command; how one ended is written into `outcome`. */
export const make = (outcome: Outcome) => {
  const running = runningInto(outcome)

  const list = Command.make(
    "list",
    {},
    running(
      () => import("../command/list.ts"),
      (module, _, all) => module.list(all),
    ),
  ).pipe(
    Command.withAlias("ls"),
    Command.withDescription("Connect to every configured server and show its status and what it offers"),
    Command.withExamples([{ command: "mcp list" }, { command: "mcp list --json" }]),
  )

  const tools = Command.make(
    "tools",
    { server: anyServer },
    running(
      () => import("../command/tools.ts"),
      (module, input: { readonly server: Option.Option<string> }, all) =>
        module.tools({ ...all, server: Option.getOrUndefined(input.server) }),
    ),
  ).pipe(
    Command.withDescription("Show the tools that can be called, and their arguments"),
    Command.withExamples([{ command: "mcp tools" }, { command: "mcp tools memory --json" }]),
  )

  const call = Command.make(
    "call",
    {
      server,
      tool: Argument.String("tool").pipe(Argument.withDescription("The tool's name, or its key")),
      words: Argument.String("arguments").pipe(
        Argument.withDescription("One JSON object, or - for standard input, or key=value pairs"),
        Argument.variadic(),
      ),
      task: Flag.String("task").pipe(
        Flag.withOptionalValue("true"),
        Flag.filterMap(taskOf, () => "Expected --task, or --task=TTL with a number of milliseconds"),
        Flag.optional,
        Flag.withDescription("Call it as a task; with =TTL the server is asked to keep it so many milliseconds"),
      ),
    },
    running(
      () => import("../command/call.ts"),
      (
        module,
        {
          task,
          ...input
        }: {
          readonly server: string
          readonly tool: string
          readonly words: ReadonlyArray<string>
          readonly task: Option.Option<AsTask>
        },
        all,
      ) => module.call({ ...all, ...input, task: Option.getOrUndefined(task) }),
    ),
  ).pipe(
    Command.withDescription("Call a tool and print its result; files it returns are saved and their paths printed"),
    Command.withExamples([
      { command: `mcp call everything echo message=hello` },
      { command: `mcp call everything get-sum '{"a": 1, "b": 2}'` },
      { command: `echo '{"message": "hi"}' | mcp call everything echo - --json` },
      { command: `mcp call everything simulate-research-query topic=tea --task` },
    ]),
  )

  const listing = (name: "resources" | "templates" | "prompts", description: string) =>
    Command.make(
      name,
      { server: anyServer },
      running(
        () => import("../command/items.ts"),
        (module, input: { readonly server: Option.Option<string> }, all) =>
          module[name]({ ...all, server: Option.getOrUndefined(input.server) }),
      ),
    ).pipe(Command.withDescription(description))

  const read = Command.make(
    "read",
    {
      server,
      uri: Argument.String("uri").pipe(Argument.withDescription("The resource's URI, or a template")),
      words: pairs("Values for the template's variables"),
    },
    running(
      () => import("../command/read.ts"),
      (module, input: { readonly server: string; readonly uri: string; readonly words: ReadonlyArray<string> }, all) =>
        module.read({ ...all, ...input }),
    ),
  ).pipe(
    Command.withDescription("Print a resource, by its URI or by a template and values for it"),
    Command.withExamples([
      { command: "mcp read everything demo://resource/static/document/features.md" },
      { command: "mcp read everything 'demo://resource/dynamic/text/{resourceId}' resourceId=1" },
    ]),
  )

  const prompt = Command.make(
    "prompt",
    {
      server,
      name: Argument.String("name").pipe(Argument.withDescription("The prompt's name")),
      words: pairs("The prompt's arguments"),
    },
    running(
      () => import("../command/prompt.ts"),
      (module, input: { readonly server: string; readonly name: string; readonly words: ReadonlyArray<string> }, all) =>
        module.prompt({ ...all, ...input }),
    ),
  ).pipe(
    Command.withDescription("Print the messages of a prompt"),
    Command.withExamples([{ command: "mcp prompt everything args-prompt city=Paris" }]),
  )

  const complete = Command.make(
    "complete",
    {
      server,
      of: Argument.String("prompt|template").pipe(Argument.withDescription("The prompt's name, or the template")),
      argument: Argument.String("argument").pipe(Argument.withDescription("The argument's, or the variable's, name")),
      value: Argument.String("value").pipe(
        Argument.withDescription("How it begins (default: nothing)"),
        Argument.withDefault(""),
      ),
      words: pairs("What other arguments are already"),
    },
    running(
      () => import("../command/complete.ts"),
      (module, input: Omit<CompleteOptions, keyof Options>, all) => module.complete({ ...all, ...input }),
    ),
  ).pipe(
    Command.withDescription("Complete an argument of a prompt or a template"),
    Command.withExamples([{ command: "mcp complete everything completable-prompt department E" }]),
  )

  const logs = Command.make(
    "logs",
    {
      server: anyServer,
      follow: Flag.Boolean("follow").pipe(
        Flag.withAlias("f"),
        Flag.withDefault(false),
        Flag.withDescription("Go on until Ctrl-C"),
      ),
      level: Flag.Literals("level", Level.levels).pipe(
        Flag.optional,
        Flag.withMetavar("LEVEL"),
        Flag.withDescription("The least level of log messages: asked of the servers, and shown"),
      ),
    },
    running(
      () => import("../command/logs.ts"),
      (
        module,
        input: {
          readonly server: Option.Option<string>
          readonly follow: boolean
          readonly level: Option.Option<LoggingLevel>
        },
        all,
      ) =>
        module.logs({
          ...all,
          server: Option.getOrUndefined(input.server),
          follow: input.follow,
          level: Option.getOrUndefined(input.level),
        }),
    ),
  ).pipe(
    Command.withDescription(
      "Show what the servers write to stderr and log, while they start and stop, or with --follow",
    ),
    Command.withExamples([
      { command: "mcp logs everything" },
      { command: "mcp logs everything --follow --level debug" },
    ]),
  )

  const watch = Command.make(
    "watch",
    {
      server: anyServer,
      resources: Flag.String("resource").pipe(
        Flag.withMetavar("URI"),
        Flag.withDescription("Subscribe to this resource of the server; may be given several times"),
        Flag.atLeast(0),
      ),
    },
    running(
      () => import("../command/watch.ts"),
      (module, input: { readonly server: Option.Option<string>; readonly resources: ReadonlyArray<string> }, all) =>
        module.watch({ ...all, server: Option.getOrUndefined(input.server), resources: input.resources }),
    ),
  ).pipe(
    Command.withDescription("Show everything that happens, as it happens, until Ctrl-C"),
    Command.withExamples([
      { command: "mcp watch" },
      { command: "mcp watch everything --resource demo://resource/dynamic/text/1 --json" },
    ]),
  )

  const shell = Command.make(
    "shell",
    {},
    running(
      () => import("../shell/index.ts"),
      (module, _, all) => module.shell(all),
    ),
  ).pipe(
    Command.withDescription("Keep the servers connected and ask them things: a prompt, or with --json lines of JSON"),
    Command.withExamples([{ command: "mcp shell" }, { command: `echo '{"id": 1, "op": "tools"}' | mcp shell --json` }]),
  )

  const trusting = (name: "trust" | "untrust", description: string) =>
    Command.make(
      name,
      { server },
      running(
        () => import("../command/trust.ts"),
        (module, input: { readonly server: string }, all) => module[name]({ ...all, ...input }),
      ),
    ).pipe(Command.withDescription(description))

  const approve = Command.make(
    "approve",
    {
      server,
      tool: Argument.String("tool").pipe(
        Argument.withDescription("The tool's name, or its key (default: every tool that is held back)"),
        Argument.optional,
      ),
    },
    running(
      () => import("../command/approve.ts"),
      (module, input: { readonly server: string; readonly tool: Option.Option<string> }, all) =>
        module.approve({ ...all, server: input.server, tool: Option.getOrUndefined(input.tool) }),
    ),
  ).pipe(
    Command.withDescription("Show what changed in tools that are held back, and offer them again"),
    Command.withExamples([{ command: "mcp approve everything" }, { command: "mcp approve everything echo" }]),
  )

  const ui = Command.make(
    "ui",
    {
      closed: Flag.Boolean("no-open").pipe(
        Flag.withDefault(false),
        Flag.withDescription("Open no browser: the address alone is printed"),
      ),
      port: Flag.Int("port").pipe(
        Flag.filter(
          (port) => port >= 0 && port <= 65_535,
          () => "Expected a port: a whole number from 0 to 65535, where 0 is any that is free",
        ),
        Flag.optional,
        Flag.withMetavar("PORT"),
        Flag.withDescription("The port on 127.0.0.1 (default: any that is free)"),
      ),
    },
    running(
      () => import("../command/ui.ts"),
      (module, input: { readonly closed: boolean; readonly port: Option.Option<number> }, all) =>
        module.ui({ ...all, open: !input.closed, port: Option.getOrUndefined(input.port) }),
    ),
  ).pipe(
    Command.withDescription("Keep the servers connected and show them on a page, where what they ask is answered"),
    Command.withExamples([{ command: "mcp ui" }, { command: "mcp ui --no-open --json" }]),
  )

  return Command.make("mcp").pipe(
    Command.withDescription("The MCP servers of OpenCode: what they are, what they offer, and calls to them"),
    Command.withSubcommands([
      list,
      tools,
      call,
      listing("resources", "Show the resources that can be read"),
      listing("templates", "Show the templates that resource URIs can be made from"),
      read,
      listing("prompts", "Show the prompts and their arguments"),
      prompt,
      complete,
      logs,
      watch,
      shell,
      ui,
      ...authorizing(outcome),
      ...configuring(outcome),
      trusting("trust", "Approve a server that a project's files define"),
      trusting("untrust", "Take an approval back"),
      approve,
    ]),
    Command.withGlobalFlags(globalFlags),
  )
}
