/** What may be typed next: commands, servers, tools and their arguments, prompts, resources. Only what is known already. */
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "../schema.ts"
import type { Complete } from "./terminal.ts"
import * as Typed from "./typed.ts"

// A name that has to be quoted when it is typed.
const quoted = (name: string) => (/^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`)

/** Completion over these servers. */
export const make: Effect.Effect<Complete, never, Mcp> = Effect.map(Mcp, (mcp) => {
  /** The value where it is known at once; nothing is waited for. */
  const known = <A, E>(effect: Effect.Effect<ReadonlyArray<A>, E>): ReadonlyArray<A> => {
    const exit = Effect.runSyncExit(effect)
    return Exit.isSuccess(exit) ? exit.value : []
  }
  const servers = () => known(mcp.servers)
  const connected = (name: string) =>
    servers().some((server) => server.name === name && server.status.status === "connected")

  const candidates = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
    const [command = "", server = "", name = ""] = words
    if (words.length === 0) return Typed.names
    const takesServer = Typed.shared.has(command) || /<server>/.test(Typed.own.get(command)?.[0] ?? "")
    if (command === "help") return words.length === 1 ? Typed.names : []
    if (words.length === 1) return takesServer ? servers().map((each) => each.name) : []
    if (!connected(server)) return []
    if (command === "call" && words.length === 2) return known(mcp.tools(server)).map(({ tool }) => tool.name)
    if (command === "call") {
      const found = known(mcp.tools(server)).find(({ tool }) => tool.name === name)
      const given = words.slice(3).map((word) => word.split("=")[0])
      return Schema.properties(found?.tool.inputSchema)
        .filter((property) => !given.includes(property.name))
        .map((property) => `${property.name}=`)
    }
    if (command === "prompt" && words.length === 2) return known(mcp.prompts(server)).map(({ item }) => item.name)
    if (command === "read" && words.length === 2) return known(mcp.resources(server)).map(({ item }) => item.uri)
    return []
  }

  return (line) => {
    const part = /\S*$/.exec(line)?.[0] ?? ""
    const words = line
      .slice(0, line.length - part.length)
      .split(/\s+/)
      .filter((word) => word !== "")
    const fitting = candidates(words)
      .map((each) => (each.endsWith("=") ? each : `${quoted(each)} `))
      .filter((each) => each.startsWith(part))
    return [fitting, part]
  }
})
