/**
 * What may be typed next: commands, servers, tools and their arguments, prompts, resources, and the values of arguments.
 * Only values are asked of a server; everything else is what is known already. What a server calls something is offered
 * where it can be shown as it is: what is typed has to be what is seen.
 */
import * as Template from "@opencode-ai/mcp/catalog/template"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { levels } from "@opencode-ai/mcp/notification/level"
import type { CompleteRequestParams } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "../schema.ts"
import * as Text from "../text.ts"
import type { Complete } from "./terminal.ts"
import * as Typed from "./typed.ts"

/** How long a person waits for a server's completions, in milliseconds. */
const patience = 3_000

// A name that has to be quoted when it is typed.
const quoted = (name: string) => (/^[\w@%+=:,./{}?&*#;-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`)

/** What a word as it was typed says, as far as that can be told at once. */
const unquoted = (word: string) => word.replace(/['"]/g, "")

/** The variables of a template; none where it is none. */
const variablesOf = (template: string): ReadonlyArray<string> =>
  Result.match(Template.parse(template), {
    onFailure: () => [],
    onSuccess: ({ variables }) => variables.map(({ name }) => name),
  })

/** Completion over these servers. */
export const make: Effect.Effect<Complete, never, Mcp> = Effect.gen(function* () {
  const mcp = yield* Mcp
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  /** The value where it is known at once; nothing is waited for. */
  const known = <A, E>(effect: Effect.Effect<ReadonlyArray<A>, E>): ReadonlyArray<A> => {
    const exit = Effect.runSyncExit(effect)
    return Exit.isSuccess(exit) ? exit.value : []
  }
  const servers = () => known(mcp.servers)
  const connected = (name: string) =>
    servers().some((server) => server.name === name && server.status.status === "connected")
  const prompts = (server: string) => known(mcp.prompts(server)).map(({ item }) => item)
  const templates = (server: string) => known(mcp.templates(server)).map(({ item }) => item.uriTemplate)

  /** What has arguments that a server completes: its reference, and their names. */
  const subject = (command: string, server: string, name: string) => {
    const prompt = command === "read" ? undefined : prompts(server).find((each) => each.name === name)
    if (prompt !== undefined) {
      const ref: CompleteRequestParams["ref"] = { type: "ref/prompt", name }
      return { ref, names: Schema.argumentsOf(prompt).map((each) => each.name) }
    }
    if (command === "prompt" || !name.includes("{")) return undefined
    const ref: CompleteRequestParams["ref"] = { type: "ref/resource", uri: name }
    return { ref, names: variablesOf(name) }
  }

  const names = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
    const [command = "", server = "", name = ""] = words
    if (words.length === 0) return Typed.names
    const takesServer = Typed.shared.has(command) || /<server>/.test(Typed.own.get(command)?.[0] ?? "")
    if (command === "help") return words.length === 1 ? Typed.names : []
    if (command === "auth" && words.length === 1) return [...servers().map((each) => each.name), "list"]
    if (words.length === 1) return takesServer ? servers().map((each) => each.name) : []
    if (command === "setLevel" && words.length === 2) return levels
    if (!connected(server)) return []
    if (command === "approve" && words.length === 2) {
      return known(mcp.held)
        .filter((held) => held.server === server)
        .map(({ tool }) => tool.name)
    }
    if ((command === "subscribe" || command === "unsubscribe") && words.length === 2) {
      return known(mcp.resources(server)).map(({ item }) => item.uri)
    }
    if (command === "call" && words.length === 2) return known(mcp.tools(server)).map(({ tool }) => tool.name)
    if (command === "call") {
      const found = known(mcp.tools(server)).find(({ tool }) => tool.name === name)
      const given = words.slice(3).map((word) => word.split("=")[0])
      return Schema.properties(found?.tool.inputSchema)
        .filter((property) => !given.includes(property.name))
        .map((property) => `${property.name}=`)
    }
    if (command === "prompt" && words.length === 2) return prompts(server).map((each) => each.name)
    if (command === "read" && words.length === 2) {
      return [...known(mcp.resources(server)).map(({ item }) => item.uri), ...templates(server)]
    }
    if (command === "complete" && words.length === 2) {
      return [...prompts(server).map((each) => each.name), ...templates(server)]
    }
    if (command === "complete" && words.length === 3) return subject(command, server, name)?.names ?? []
    if (command !== "prompt" && command !== "read") return []
    const given = words.slice(3).map((word) => word.split("=")[0])
    const all = subject(command, server, name)?.names ?? []
    return all.filter((each) => !given.includes(each)).map((each) => `${each}=`)
  }

  /** What the schema of a tool says that an argument may be. */
  const listed = ([, server = "", name = ""]: ReadonlyArray<string>, argument: string): ReadonlyArray<string> => {
    const found = connected(server) ? known(mcp.tools(server)).find(({ tool }) => tool.name === name) : undefined
    const property = Schema.properties(found?.tool.inputSchema).find((each) => each.name === argument)
    return property === undefined ? [] : Schema.choices(property.schema, found?.tool.inputSchema)
  }

  /** What a server says that a value may be. */
  const values = (words: ReadonlyArray<string>, argument: string, value: string) =>
    Effect.gen(function* () {
      const [command = "", server = "", name = ""] = words
      const about = subject(command, server, name)
      if (about === undefined || !connected(server)) return []
      const given = words.slice(3).flatMap((word) => {
        const at = word.indexOf("=")
        return at < 1 ? [] : [[word.slice(0, at), word.slice(at + 1)] as const]
      })
      const context = given.length === 0 ? {} : { context: { arguments: Object.fromEntries(given) } }
      const found = yield* mcp.complete(server, { ref: about.ref, argument: { name: argument, value }, ...context })
      return found.values
    }).pipe(
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed([]) }),
      Effect.catchCause(() => Effect.succeed([])),
    )

  let asking: Fiber.Fiber<void> | undefined
  return (line, found) => {
    asking?.interruptUnsafe()
    asking = undefined
    const part = /\S*$/.exec(line)?.[0] ?? ""
    const words = line
      .slice(0, line.length - part.length)
      .split(/\s+/)
      .filter((word) => word !== "")
      .map(unquoted)
    const [, argument, value] = /^([^=]+)=(.*)$/.exec(part) ?? []
    const takesPairs = (words[0] === "prompt" || words[0] === "read") && words.length >= 3
    if (takesPairs && argument !== undefined && value !== undefined) {
      asking = fork(
        Effect.map(values(words, argument, unquoted(value)), (all) => {
          asking = undefined
          found(
            all.filter(Text.isPlain).map((each) => `${argument}=${quoted(each)} `),
            part,
          )
        }),
      )
      return
    }
    if (words[0] === "call" && words.length >= 3 && argument !== undefined && value !== undefined) {
      const offered = listed(words, unquoted(argument))
      const whole = offered.filter(Text.isPlain).map((each) => `${argument}=${quoted(each)} `)
      return found(
        whole.filter((each) => each.startsWith(part)),
        part,
      )
    }
    const fitting = names(words)
      .filter(Text.isPlain)
      .map((each) => (each.endsWith("=") ? each : `${quoted(each)} `))
      .filter((each) => each.startsWith(part))
    found(fitting, part)
  }
})
