/** The commands of the prompt: those of the command line, on the servers of this shell, and the shell's own. */
import { nearest } from "@opencode-ai/mcp/config/nearest"
import * as Effect from "effect/Effect"
import { badRequest, type ExitCode, Exit } from "../failure.ts"
import { parseJson } from "../json.ts"
import type { Options } from "../configuration.ts"
import { Output, type Writer } from "../output.ts"
import * as Runtime from "../runtime.ts"
import { tell } from "../tell.ts"
import * as Text from "../text.ts"
import { operations } from "./operations.ts"
import type { State } from "./state.ts"

/** Commands of the command line that make sense here. */
export const shared: ReadonlyMap<string, readonly [usage: string, about: string]> = new Map([
  ["tools", ["tools [server]", "the tools that can be called"]],
  ["call", ["call <server> <tool> [key=value … | {json}]", "call a tool"]],
  ["resources", ["resources [server]", "the resources that can be read"]],
  ["templates", ["templates [server]", "what resource URIs can be made from"]],
  ["read", ["read <server> <uri | template> [name=value …]", "print a resource"]],
  ["prompts", ["prompts [server]", "the prompts, and their arguments"]],
  ["prompt", ["prompt <server> <name> [key=value …]", "print the messages of a prompt"]],
  ["complete", ["complete <server> <prompt | template> <argument> [value]", "what a value may be"]],
  ["logs", ["logs [server]", "what servers wrote to stderr and logged"]],
  ["auth", ["auth <server> | auth list", "sign in; who is signed in to what"]],
  ["logout", ["logout <server>", "forget a sign-in"]],
  ["debug", ["debug <server>", "each step of connecting to it"]],
  ["doctor", ["doctor [server]", "why a server does not work, and what to change"]],
  ["approve", ["approve <server> [tool]", "offer tools again that changed"]],
])

/** Commands of the shell's own, each an operation. */
export const own: ReadonlyMap<string, readonly [usage: string, about: string]> = new Map([
  ["status", ["status", "what became of each server"]],
  ["connect", ["connect <server>", "connect it"]],
  ["disconnect", ["disconnect <server>", "close it, until it is connected again"]],
  ["add", ["add <name> {json}", "add a server by its entry, for this shell"]],
  ["remove", ["remove <server>", "close it and forget it"]],
  ["ping", ["ping <server>", "how long it takes to answer"]],
  ["subscribe", ["subscribe <server> <uri>", "be told when a resource changes"]],
  ["unsubscribe", ["unsubscribe <server> <uri>", "be told no longer"]],
  ["setLevel", ["setLevel <server> <level>", "the least level of its log messages"]],
  ["tasks", ["tasks <server>", "the tasks that it keeps for this shell"]],
  ["task.get", ["task.get <server> <id>", "how a task is"]],
  ["task.result", ["task.result <server> <id>", "what came of it, once it has ended"]],
  ["task.cancel", ["task.cancel <server> <id>", "end it"]],
  ["roots", ["roots [json]", "replace the roots"]],
  ["instructions", ["instructions", "what the servers say of their use"]],
  ["reload", ["reload", "read the configuration again"]],
  ["trust", ["trust <server>", "approve a server that a project's files define"]],
  ["ui", ["ui", "show the servers of this shell on a page: its address"]],
])

const leaving = ["exit", "quit"]
/** Commands of the command line that are none here: the shell changes no file, and tells what happens by itself. */
const outside: ReadonlySet<string> = new Set(["watch", "enable", "disable", "untrust"])
const authorizing: ReadonlySet<string> = new Set(["auth", "logout", "debug", "doctor"])

/** Every word that a line may begin with. */
export const names: ReadonlyArray<string> = ["help", "servers", "list", ...shared.keys(), ...own.keys(), ...leaving]

const jsonFields: ReadonlySet<string> = new Set(["config", "roots"])

/** The words of an operation as its fields, in their order. */
const fieldsOf = (name: string, words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fields = Object.keys(operations.get(name)?.fields ?? {})
    if (words.length > fields.length) return yield* badRequest(`usage: ${own.get(name)?.[0] ?? name}`)
    const pairs: Array<readonly [string, unknown]> = []
    for (const [index, word] of words.entries()) {
      const field = fields[index] ?? ""
      pairs.push([field, jsonFields.has(field) ? yield* parseJson(word, field) : word])
    }
    return Object.fromEntries(pairs)
  })

const help = Effect.gen(function* () {
  const output = yield* Output
  const lines = [
    ["servers", "every server and what it offers"] as const,
    ...shared.values(),
    ...own.values(),
    ["help [command]", "this, or how a command is used"] as const,
    ["exit", "close every server and leave; Ctrl-D does too"] as const,
  ]
  const wide = Math.max(...lines.map(([usage]) => Text.width(usage)))
  const { columns, paint } = output.out
  // A usage that leaves no room has what it is about on a line of its own.
  const room = Math.min(wide, Math.max(28, columns() - 52))
  const shown = ([usage, about]: readonly [string, string]) =>
    Text.width(usage) <= room
      ? `  ${usage}${" ".repeat(room - Text.width(usage))}  ${paint("dim", about)}`
      : `  ${usage}\n  ${" ".repeat(room)}  ${paint("dim", about)}`
  yield* output.print(lines.map(shown).join("\n"))
  return Exit.done
})

const runOwn = (name: string, words: ReadonlyArray<string>, state: State) =>
  Effect.gen(function* () {
    const output = yield* Output
    const given = yield* fieldsOf(name, words)
    const operation = operations.get(name)
    if (name === "ui") {
      yield* output.reveal((yield* state.page.serve(state)).url, "out")
      return Exit.done
    }
    const result = operation === undefined ? undefined : yield* operation.run(given, { id: null, state })
    yield* result === true ? output.print("done") : output.printJson(result)
    return Exit.done
  })

/** The flags of this shell, for commands that read the configuration themselves; those that are typed come first. */
const flagsOf = (
  { config, interactionTimeout, trust }: Options,
  typed: ReadonlyArray<string>,
): ReadonlyArray<string> => {
  const isTyped = (flag: string) => typed.some((word) => word === flag || word.startsWith(`${flag}=`))
  const flags: ReadonlyArray<readonly [flag: string, words: ReadonlyArray<string> | undefined]> = [
    ["--config", config === undefined ? undefined : [config]],
    ["--trust", trust === true ? [] : undefined],
    ["--interaction-timeout", interactionTimeout === undefined ? undefined : [String(interactionTimeout)]],
  ]
  return flags.flatMap(([flag, words]) => (words === undefined || isTyped(flag) ? [] : [flag, ...words]))
}

/** The commands of authorization. `words` begin with one of them. */
const runAuthorizing = (words: ReadonlyArray<string>, options: Options, state: State, here: Writer) =>
  Effect.gen(function* () {
    const { run: runCommand } = yield* Effect.promise(() => import("../run.ts"))
    const output = yield* Output
    const [name = "", ...rest] = words
    const server = rest.find((word) => !word.startsWith("-"))
    const line = [name, ...flagsOf(options, rest), ...rest]
    // Each step is looked at from its beginning, by a connection of its own.
    if (name === "debug" || name === "doctor") {
      return yield* Effect.provideService(runCommand(line, here), Runtime.Running, undefined)
    }
    // Pasting takes the terminal from the line; a choice would not.
    if (name === "auth") return yield* runCommand(line, server === undefined ? here : output)
    const code = yield* runCommand(line, here)
    const remove = operations.get("auth.remove")
    if (code === Exit.done && server !== undefined && remove !== undefined) {
      yield* Effect.ignore(remove.run({ server }, { id: null, state }))
    }
    return code
  })

/** What the command line says by itself of its own commands. */
const told = <A, E, R>(command: Effect.Effect<A, E, R>) =>
  Effect.onInterrupt(command, () =>
    Effect.flatMap(Output, (output) => tell(output, { tag: "Cancelled", message: "interrupted" })),
  )

/** Runs the words as one of the commands; `undefined` where it is the one that leaves. */
export const run = (words: ReadonlyArray<string>, options: Options, state: State) =>
  Effect.gen(function* () {
    const [name = "", ...rest] = words
    if (leaving.includes(name)) return undefined
    const { run: runCommand } = yield* Effect.promise(() => import("../run.ts"))
    const output = yield* Output
    // Questions would take the terminal away from the line: what is missing is an error here.
    const here = { ...output, interactive: () => false }
    if (name === "help" && rest[0] !== undefined && shared.has(rest[0]))
      return yield* runCommand([rest[0], "--help"], here)
    if (name === "help") return yield* help
    if (name === "servers" || name === "list") {
      const { list } = yield* Effect.promise(() => import("../command/list.ts"))
      return yield* told(list(options))
    }
    if (authorizing.has(name)) return yield* runAuthorizing(words, options, state, here)
    // Changed tools are approved by whoever has seen the difference: that is asked here too.
    if (name === "approve") return yield* runCommand(words, output)
    if (shared.has(name)) return yield* runCommand(words, here)
    if (own.has(name)) return yield* told(runOwn(name, rest, state))
    const near = nearest(name, names).map((each) => JSON.stringify(each))
    if (outside.has(name)) return yield* badRequest(`${name} is no command of the shell; run mcp ${name} beside it`)
    const meant = near.length > 0 ? `did you mean ${near.join(" or ")}?` : "help shows the commands"
    return yield* badRequest(`unknown command ${JSON.stringify(Text.oneLine(name))}; ${meant}`)
  })

export type Ran = ExitCode | undefined
