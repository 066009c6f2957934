/**
 * The commands: their names, arguments, flags and help. What each does is loaded when it runs, because most of the time to
 * the first line of output is the loading of modules.
 */
import * as Level from "@opencode-ai/mcp/notification/level"
import type { LoggingLevel } from "@opencode-ai/mcp/protocol/model"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type ExitCode, notImplemented } from "../failure.ts"
import { levelOf, Output } from "../output.ts"
import type { CompleteOptions } from "../command/complete.ts"
import type { Options } from "../configuration.ts"

const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Print JSON and nothing else on standard output"),
  ),
})
const ConfigFile = GlobalFlag.Setting("config")({
  flag: Flag.String("config").pipe(
    Flag.optional,
    Flag.withMetavar("FILE"),
    Flag.withDescription("Read this file in place of every other configuration"),
  ),
})
const Trust = GlobalFlag.Setting("trust")({
  flag: Flag.Boolean("trust").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Approve the servers of project files, for this run"),
  ),
})
const InteractionTimeout = GlobalFlag.Setting("interaction-timeout")({
  flag: Flag.Finite("interaction-timeout").pipe(
    Flag.filter(
      (seconds) => seconds > 0,
      () => "Expected a number of seconds above 0",
    ),
    Flag.withDefault(300),
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("How long a person is waited for (default 300)"),
  ),
})

/** Flags that every command has. */
const globalFlags = [Json, ConfigFile, Trust, InteractionTimeout] as const

type AsTask = true | { readonly ttl: number }

/** What `--task` says. */
const taskOf = (text: string): Option.Option<AsTask> => {
  if (text === "true") return Option.some(true)
  return /^\d{1,15}$/.test(text) ? Option.some({ ttl: Number(text) }) : Option.none()
}

/** Commands of features that do not exist yet. */
export const later: ReadonlyArray<readonly [name: string, description: string]> = [
  ["add", "Add a server to the configuration"],
  ["remove", "Remove a server from the configuration"],
  ["enable", "Switch a server on"],
  ["disable", "Switch a server off"],
  ["doctor", "Explain why a server does not work"],
  ["ui", "Open the page for questions"],
]

/** Keeps how a command ended. */
export interface Outcome {
  code: ExitCode
}

const options = Effect.gen(function* () {
  const file = yield* ConfigFile
  return {
    config: Option.getOrUndefined(file),
    trust: yield* Trust,
    interactionTimeout: yield* InteractionTimeout,
  } satisfies Options
})

const server = Argument.String("server").pipe(Argument.withDescription("The server's name in the configuration"))
const anyServer = server.pipe(Argument.withDescription("One server; without it, all"), Argument.optional)
const pairs = (what: string) => Argument.String("key=value").pipe(Argument.withDescription(what), Argument.variadic())

/** Every command; how one ended is written into `outcome`. */
export const make = (outcome: Outcome) => {
  /** Loads what the command does, and does it. */
  const running =
    <Input, Module, E, R>(
      load: () => Promise<Module>,
      use: (module: Module, input: Input, options: Options) => Effect.Effect<ExitCode, E, R>,
    ) =>
    (input: Input) =>
      Effect.gen(function* () {
        const output = yield* Output
        const level = Option.map(yield* GlobalFlag.LogLevel, levelOf)
        output.configure({ json: yield* Json, level: Option.getOrElse(level, () => "warn" as const) })
        const module = yield* Effect.promise(load)
        outcome.code = yield* use(module, input, yield* options)
      })

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

  const named = Argument.optional(server.pipe(Argument.withDescription("The server; without it, a choice")))

  const authList = Command.make(
    "list",
    {},
    running(
      () => import("../command/auth-list.ts"),
      (module, _, all) => module.list(all),
    ),
  ).pipe(
    Command.withAlias("ls"),
    Command.withDescription("Show who is signed in to what; nothing is asked of a server"),
    Command.withExamples([{ command: "mcp auth list" }, { command: "mcp auth list --json" }]),
  )

  const auth = Command.make(
    "auth",
    { server: named },
    running(
      () => import("../command/auth.ts"),
      (module, input: { readonly server: Option.Option<string> }, all) =>
        module.auth({ ...all, server: Option.getOrUndefined(input.server) }),
    ),
  ).pipe(
    Command.withDescription(
      "Sign in to a server: prints the URL, opens a browser, and waits for it, or for what you paste",
    ),
    Command.withExamples([
      { command: "mcp auth" },
      { command: "mcp auth docs" },
      { command: "mcp auth docs --interaction-timeout 60 --json" },
      { command: "mcp auth list" },
    ]),
    Command.withSubcommands([authList]),
  )

  const logout = Command.make(
    "logout",
    { server: named },
    running(
      () => import("../command/logout.ts"),
      (module, input: { readonly server: Option.Option<string> }, all) =>
        module.logout({ ...all, server: Option.getOrUndefined(input.server) }),
    ),
  ).pipe(
    Command.withDescription("Forget a sign-in: its tokens, and the client that was registered for it"),
    Command.withExamples([{ command: "mcp logout docs" }]),
  )

  const debug = Command.make(
    "debug",
    { server },
    running(
      () => import("../command/debug.ts"),
      (module, input: { readonly server: string }, all) => module.debug({ ...all, ...input }),
    ),
  ).pipe(
    Command.withDescription("Show step by step how connecting to a server goes, and what to do where it fails"),
    Command.withExamples([{ command: "mcp debug docs" }, { command: "mcp debug docs --json" }]),
  )

  /** A command of a feature that does not exist yet: it takes whatever is typed and says so. */
  const unbuilt = (name: string, description: string) =>
    Command.make(
      name,
      { words: Argument.String("arguments").pipe(Argument.variadic()) },
      running(
        () => Promise.resolve(undefined),
        () => notImplemented(`mcp ${name}`),
      ),
    ).pipe(Command.withDescription(`${description} (not implemented yet)`))

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
      auth,
      logout,
      debug,
      trusting("trust", "Approve a server that a project's files define"),
      trusting("untrust", "Take an approval back"),
      ...later.map(([name, description]) => unbuilt(name, description)),
    ]),
    Command.withGlobalFlags(globalFlags),
  )
}
