/**
 * The plugin: OpenCode 1 loads this file once, and calls `server` for each of its instances.
 *
 * The servers of `mcp` are taken over before OpenCode starts any of them: in their place it is given the gateway, under
 * the same names, so that keys, permissions, commands and statuses are what they were. Where this client cannot start,
 * OpenCode's own keeps its servers.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Beginning from "./beginning.ts"
import * as Callers from "./callers.ts"
import * as Ending from "./ending.ts"
import { type HostConfig, type Hooks, type Input, startedBy } from "./host.ts"
import { type Options, start, type Started, type Taken } from "./instance.ts"
import * as Page from "./page.ts"
import * as Sampling from "./sampling.ts"
import * as Tell from "./tell.ts"

/** This client has deadlines of its own; OpenCode's are not in their way. In milliseconds: a day. */
const timeout = 86_400_000

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

class BadOption extends Data.TaggedError("BadOption")<{ readonly message: string }> {}

const isPort = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535

/** The options, or what is wrong with them. */
const optionsOf = (value: unknown): Options | string => {
  const { open, port, servers }: Readonly<Record<string, unknown>> = isObject(value) ? value : {}
  const isName = (name: unknown): name is string => typeof name === "string"
  if (open !== undefined && typeof open !== "boolean") return "its option `open` has to be true or false"
  if (port !== undefined && !isPort(port)) return "its option `port` has to be a number from 1 to 65535"
  if (servers === undefined) return { open, port }
  if (Array.isArray(servers) && servers.every(isName)) return { open, port, servers }
  return "its option `servers` has to be a list of names"
}

/** `opencode mcp …` works on the configuration as it is written: signing in, for one, needs the server's own address. */
const isCommand = (): boolean => startedBy(process.argv) === "mcp"

const take = (config: HostConfig, taken: ReadonlyArray<Taken>): void => {
  const before = config.mcp ?? {}
  const servers = taken
    // What another plugin took away stays away.
    .filter(({ name }) => Object.hasOwn(before, name))
    .map(({ enabled, headers, name, url }) => {
      const entry = { type: "remote", url, headers, enabled, oauth: false, timeout }
      return [name, entry] as const
    })
  // A server may be called `__proto__`.
  config.mcp = Object.fromEntries([...Object.entries(before), ...servers])
}

/** The command that opens the page, where the person has none of this name. Its template is never a prompt. */
const offer = (config: HostConfig): void => {
  const commands = (config.command ??= {})
  commands[Page.command] ??= {
    description: "Open the page of the MCP servers: what they ask, tools, calls, log",
    template: marker,
  }
}

/** By which the command is known to be ours. */
const marker = "The page of the MCP servers could not be opened."

const server = async ({ client, directory }: Input, given?: unknown): Promise<Hooks> => {
  if (isCommand()) return {}
  const told = Tell.make(client)
  const scope = Scope.makeUnsafe()
  const options = optionsOf(given)
  const beginning = Beginning.make()
  const callers = Callers.make()
  const samples = Sampling.make(client, callers)
  const starting: Effect.Effect<Started, unknown> =
    typeof options === "string"
      ? Effect.fail(new BadOption({ message: options }))
      : Scope.provide(start({ directory, options, client, beginning, callers, samples }), scope)
  const started = Effect.runPromiseExit(starting)
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const detach = Ending.attach(close)
  const dispose = () => close().finally(detach)
  return {
    ...callers.hooks,
    ...samples.hooks,
    "command.execute.before": async ({ command }, { parts }) => {
      const exit = await started
      if (command !== Page.command || Exit.isFailure(exit) || !parts.some(({ text }) => text === marker)) return
      await Effect.runPromise(exit.value.page.show)
      // Otherwise it would be a prompt.
      throw new Error("The MCP page was opened: there is nothing for the model to do")
    },
    config: async (config) => {
      const exit = await started
      if (Exit.isSuccess(exit)) {
        take(config, exit.value.taken)
        return offer(config)
      }
      const error = Cause.squash(exit.cause)
      const message = `The MCP plugin could not start: ${error instanceof Error ? error.message : String(error)}`
      told.log("error", message)
      told.toast({
        title: "MCP Plugin",
        message: `${message}. OpenCode's own client is used.`,
        variant: "error",
        duration: 10_000,
      })
      await dispose()
    },
    "chat.params": async (input, output) => {
      beginning.asked()
      await samples.hooks["chat.params"]?.(input, output)
    },
    dispose,
  }
}

export default { id: "opencode-mcp", server }
