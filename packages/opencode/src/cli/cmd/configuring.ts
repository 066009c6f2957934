/** The commands that change the configuration. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { type Outcome, running as runningInto, server } from "./running.ts"

export const configuring = (outcome: Outcome) => {
  const running = runningInto(outcome)

  const several = (name: string, what: string) =>
    Flag.String(name).pipe(Flag.withMetavar("KEY=VALUE"), Flag.withDescription(what), Flag.atLeast(0))

  const add = Command.make(
    "add",
    {
      name: Argument.String("name").pipe(Argument.withDescription("What to call it"), Argument.optional),
      command: Argument.String("command").pipe(
        Argument.withDescription("After --: the command that runs a local server, and its arguments"),
        Argument.variadic(),
      ),
      url: Flag.String("url").pipe(
        Flag.withMetavar("URL"),
        Flag.withDescription("The URL of a remote server"),
        Flag.optional,
      ),
      env: several("env", "A variable of a local server's environment; may be given several times"),
      header: several("header", "A header for a remote server; may be given several times"),
      global: Flag.Boolean("global").pipe(
        Flag.withDefault(false),
        Flag.withDescription("Write it into the configuration of all projects"),
      ),
    },
    running(
      () => import("../command/add.ts"),
      (
        module,
        {
          name,
          url,
          ...input
        }: {
          readonly name: Option.Option<string>
          readonly command: ReadonlyArray<string>
          readonly url: Option.Option<string>
          readonly env: ReadonlyArray<string>
          readonly header: ReadonlyArray<string>
          readonly global: boolean
        },
        all,
      ) => module.add({ ...all, ...input, name: Option.getOrUndefined(name), url: Option.getOrUndefined(url) }),
    ),
  ).pipe(
    Command.withDescription("Write a server into the configuration; without flags it asks"),
    Command.withExamples([
      { command: "mcp add memory -- npx -y @modelcontextprotocol/server-memory" },
      { command: "mcp add docs --url https://example.com/mcp --header 'X-Team={env:TEAM}'" },
    ]),
  )

  const changing = (name: "remove" | "enable" | "disable", description: string) =>
    Command.make(
      name,
      { server },
      running(
        () => import("../command/configure.ts"),
        (module, input: { readonly server: string }, all) => module[name]({ ...all, ...input }),
      ),
    ).pipe(Command.withDescription(description), Command.withExamples([{ command: `mcp ${name} memory` }]))

  return [
    add,
    changing("remove", "Take a server out of the configuration"),
    changing("enable", "Switch a server on, in the configuration"),
    changing("disable", "Switch a server off, in the configuration"),
  ] as const
}
