/** What a server says once it is spoken to: the handshake, its lists, its tools, and what it wrote while it did. */
import type { ServerConfig } from "@opencode-ai/mcp/config"
import { fullKey } from "@opencode-ai/mcp/catalog/keys"
import type { Status } from "@opencode-ai/mcp/events"
import { Mcp, type ServerState } from "@opencode-ai/mcp/mcp"
import { latest } from "@opencode-ai/mcp/protocol/revision"
import * as Effect from "effect/Effect"
import { argument } from "../../trust/question.ts"
import { type Check, failed, ok, warning } from "./check.ts"
import * as Words from "./words.ts"

/** How much of what a server wrote is shown, in lines. */
const shownLines = 5

const typed = ({ command }: Extract<ServerConfig, { type: "local" }>) =>
  command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ")

/** What to do about a server that could not be connected, by why that is. */
const advise = (config: ServerConfig, error: string, brief: string): string => {
  const isLocal = config.type === "local"
  const byHand = isLocal ? `Run it by hand to see what it says: ${typed(config)}` : `Look at the server's own log.`
  if (/"oauth": false/.test(error)) return `Take "oauth": false out of its entry, or put a token into its "headers".`
  if (/did not answer \S+ within/.test(error)) {
    return isLocal
      ? `Is it an MCP server over stdio? Correct "command" if not. If it is slow to start, raise "timeout" in its entry (${config.timeout.startup} ms now). ${byHand}`
      : `Is that the URL of an MCP server? If it is slow, raise "timeout" in its entry (${config.timeout.startup} ms now).`
  }
  if (/speaks revision/.test(error))
    return `Update the server: no revision from 2024-11-05 to ${latest} is spoken by it.`
  if (/answered with HTTP (?:404|405)/.test(error)) {
    return `Correct the path in "url": most servers are at /mcp, older ones at /sse.`
  }
  if (/answered with HTTP 5\d\d/.test(error)) return "The server itself fails: look at its log, or ask its operator."
  if (/answered with HTTP 403/.test(error)) return `It refuses what is sent: correct "headers" in its entry.`
  if (/answered with HTTP 4\d\d/.test(error)) return `Is that the URL of an MCP server? Correct "url" if not.`
  if (/\(code -?\d+\)$/.test(brief)) {
    return `It refuses the handshake: is it an MCP server? Correct ${isLocal ? `"command"` : `"url"`} if not, else update it.`
  }
  if (/redirect/.test(error)) return `Write the URL that it leads to into "url".`
  return byHand
}

/** The last lines that it wrote, and what they mean. */
const stderr = (lines: ReadonlyArray<string>): ReadonlyArray<Check> => {
  if (lines.length === 0) return []
  return [ok("stderr", lines.slice(-shownLines).join("\n"))]
}

/** What a status says that is none of success. */
export const failure = (config: ServerConfig, status: Status, lines: ReadonlyArray<string>): ReadonlyArray<Check> => {
  const error = "error" in status && status.error !== undefined ? status.error : status.status
  const unset = Words.missingVariables(lines)
  const own = config.type === "local" && unset.length > 0
  const [brief = error] = error.split(/\n(?:its last words on stderr:)|; its last words:\n/)
  const meant = Words.meaning(lines)
  if (!own) return [failed("handshake", brief, meant ?? advise(config, error, brief)), ...stderr(lines)]
  // The one thing to do stands with what is missing.
  const handshake: Check = { check: "handshake", result: "failed", found: brief }
  const [name = ""] = unset
  const isHere = unset.every((each) => (process.env[each] ?? "") !== "")
  const given =
    isHere && !config.inheritEnvironment
      ? `It is set here, and the server sees nothing of that ("inheritEnvironment": false): add "environment": { "${name}": "{env:${name}}" } to its entry.`
      : `Add "environment": { "${name}": "…" } to its entry, or {env:${name}} as the value and export it before OpenCode starts.`
  return [handshake, ...stderr(lines), failed("environment", `it says that ${unset.join(", ")} is missing`, given)]
}

const listFailure = /^((?:tools|prompts|resources|resources\/templates)\/list): (.*); (\d+) kept$/s

/** What is said of a server that is connected. `warnings` are its own, as they were told. */
export const connected = (config: ServerConfig, state: ServerState, warnings: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const { capabilities = {}, connectMs, name, protocolVersion = "", serverInfo, transport = "" } = state
    const who = serverInfo === undefined ? "the server" : `${serverInfo.name} ${serverInfo.version}`
    const offered = Object.keys(capabilities)
    const all: Array<Check> = [
      ok("handshake", `${who}, in ${connectMs ?? 0} ms, over ${transport}`),
      protocolVersion === latest
        ? ok("revision", protocolVersion)
        : ok("revision", `${protocolVersion}; what came with later ones, up to ${latest}, it does not have`),
      offered.length === 0
        ? warning(
            "capabilities",
            "it declares none: it offers nothing",
            "Ask its author, or take it out of the configuration.",
          )
        : ok("capabilities", offered.join(", ")),
    ]
    const lists = warnings.flatMap((each) => {
      const [, method = "", why = "", kept = "0"] = listFailure.exec(each) ?? []
      return method === "" ? [] : [{ method, why, kept }]
    })
    for (const { kept, method, why } of lists) {
      const advice = "That is the server's mistake: look at what it wrote, update it, or tell its author."
      all.push(failed("lists", `${method} failed: ${why}${kept === "0" ? "" : ` (${kept} were read before)`}`, advice))
    }
    const { prompts, resources, templates, tools } = state
    const offers = `${tools} tools, ${prompts} prompts, ${resources} resources, ${templates} templates`
    if (lists.length === 0) all.push(ok("lists", offers))
    const held = (yield* mcp.held).filter((each) => each.server === name)
    if (held.length > 0) {
      const names = held.map(({ tool }) => tool.name).join(", ")
      const advice = `See what changed, and offer them again: mcp approve ${argument(name)}`
      all.push(warning("held tools", `changed since they were reviewed, and held back: ${names}`, advice))
    }
    const known = (yield* mcp.offered.tools).filter((each) => each.server === name)
    const short = known.filter(({ key, tool }) => key !== fullKey(name, tool.name))
    if (short.length > 0) {
      const found = `the keys of ${short.length} tools are shortened or told apart by a hash, such as ${short[0]?.key}`
      all.push(warning("keys", found, "A shorter or another name of the server gives them plain keys."))
    }
    const isOut = ({ allow, deny }: ServerConfig["tools"]) => deny.length > 0 || !allow.includes("*")
    if (isOut(config.tools) && known.length < tools) {
      all.push(ok("filter", `${known.length} of ${tools} tools are let through by "tools" in its entry`))
    }
    for (const each of warnings) if (!listFailure.test(each)) all.push(warning("warning", each))
    return all
  })
