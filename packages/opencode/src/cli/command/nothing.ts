/** `list` where no server is configured: it answers before anything of the client, or of the parser, is loaded. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Config } from "../../config/config.ts"
import { configured, layer } from "../configuration.ts"
import { Output, type Writer } from "../output.ts"

/** The flags of a `list` that has no others. */
export interface Plain {
  readonly json: boolean
  readonly config: string | undefined
}

/** What the words say, where they are `list` and the flags that a script gives it; the parser judges all others. */
export const plain = (words: ReadonlyArray<string>): Plain | undefined => {
  let listed = false
  let json = false
  let config: string | undefined
  for (let index = 0; index < words.length; index++) {
    const word = words[index]
    const value = words[index + 1]
    if ((word === "list" || word === "ls") && !listed) listed = true
    else if (word === "--json" && !json) json = true
    else if (word === "--config" && config === undefined && value !== undefined && !value.startsWith("-")) {
      config = value
      index += 1
    } else return undefined
  }
  return listed ? { json, config } : undefined
}

/** Answers where no server is configured; `false`, and nothing is said, where there is more to do. */
export const answered = (flags: Plain, output: Writer): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const { servers } = yield* (yield* Config).get
    if (servers.length > 0) return false
    output.configure({ json: flags.json, level: "warn" })
    yield* configured
    yield* flags.json ? output.printJson([]) : output.print(nothing(output))
    return true
  }).pipe(
    Effect.provide(Layer.provide(layer({ config: flags.config }), Layer.merge(NodeFileSystem.layer, NodePath.layer))),
    Effect.provideService(Output, output),
    Effect.orElseSucceed(() => false),
  )

const example = `  { "mcp": { "memory": { "type": "local", "command": ["npx", "-y", "@modelcontextprotocol/server-memory"] } } }`

/** What is said where there is no server. */
export const nothing = ({ out }: Writer): string =>
  out.terminal
    ? [
        "No MCP servers are configured.",
        ...["Add one with mcp add, or to opencode.json:", example].map((line) => out.paint("dim", line)),
      ].join("\n")
    : "No MCP servers are configured."
