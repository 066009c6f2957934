/** Slash commands that are prompts of servers: `/server:prompt first "second one" the rest`. */
import { nearest } from "@opencode-ai/mcp/config/nearest"
import * as Effect from "effect/Effect"
import * as MCP from "../mcp/index.ts"
import type { Model } from "../provider/provider.ts"
import { CommandFailed, CommandUnknown, SessionError } from "./failure.ts"
import * as Resource from "./resource.ts"

const word = /"([^"]*)"|'([^']*)'|(\S+)/g

/** The words of a line: what stands in quotes is one. */
const words = (line: string) =>
  [...line.matchAll(word)].map((match) => ({
    text: match[1] ?? match[2] ?? match[3] ?? "",
    from: match.index,
    quoted: match[3] === undefined,
  }))

/** The arguments by position. The last takes the rest of the line, as it is written. */
const assign = (line: string, names: ReadonlyArray<string>): Readonly<Record<string, string>> => {
  const found = words(line)
  return Object.fromEntries(
    names.flatMap((name, index) => {
      const here = found[index]
      if (here === undefined) return []
      const isLast = index === names.length - 1 && found.length > names.length
      return [[name, isLast ? line.slice(here.from).trim() : here.text]]
    }),
  )
}

/** The messages that a command becomes. */
export const messages = (command: string, line: string, model: Model) =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const prompts = yield* mcp.prompts()
    const all = Object.keys(prompts)
    const prompt = Object.hasOwn(prompts, command) ? prompts[command] : undefined
    if (prompt === undefined) {
      const reason = new CommandUnknown({ command, nearest: nearest(command, all), all })
      return yield* new SessionError({ reason })
    }
    const fail = (detail: string) => new SessionError({ reason: new CommandFailed({ command, detail }) })
    const takes = prompt.arguments ?? []
    const usage = takes.map(({ name, required }) => (required === true ? `<${name}>` : `[${name}]`)).join(" ")
    if (takes.length === 0 && line.trim() !== "") return yield* fail("it takes no arguments")
    const given = assign(
      line,
      takes.map(({ name }) => name),
    )
    const missing = takes.filter(({ name, required }) => required === true && !Object.hasOwn(given, name))
    if (missing.length > 0) {
      return yield* fail(`it needs ${missing.map(({ name }) => name).join(", ")}: /${command} ${usage}`)
    }
    const result = yield* mcp
      .getPrompt(prompt.client, prompt.name, given)
      .pipe(
        Effect.mapError(
          (cause) => new SessionError({ reason: new CommandFailed({ command, detail: cause.message, cause }) }),
        ),
      )
    const found = yield* Effect.forEach(result.messages, (each) => Resource.message(prompt.client, each, model))
    if (found.every(({ parts }) => parts.length === 0)) return yield* fail(`${prompt.client} gave no messages for it`)
    return found
  })
