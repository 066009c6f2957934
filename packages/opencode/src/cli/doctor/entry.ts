/** What can be said of a server before anything of it runs: its entry, its approval, what it takes from the environment. */
import { pathText } from "@opencode-ai/mcp/config/shape"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import type { Server, Snapshot } from "../../config/config.ts"
import { environment } from "../../config/substitute.ts"
import { argument } from "../../trust/question.ts"
import { Trust } from "../../trust/trust.ts"
import { type Check, failed, ok, skipped } from "./check.ts"

/** Whether the entry can be used, and where it stands. */
export const valid = ({ config, error, origins }: Server): Check => {
  const places = origins.map(({ file, path }) => `${file}: ${pathText(path)}`).join(", then ")
  return config === undefined
    ? failed("entry", error ?? "it cannot be used", `Correct it there (${places}).`)
    : ok("entry", places)
}

/** Whether it may be started. */
export const approved = (server: Server, { directory }: Snapshot): Effect.Effect<Check, never, Trust> =>
  Effect.gen(function* () {
    if (!server.project) return ok("approval", "no file of the project defines it: it is trusted")
    if (yield* (yield* Trust).isApproved(server, directory)) return ok("approval", "approved in this form")
    return failed(
      "approval",
      "a project's file defines it, and nobody has approved it in this form; nothing of it was run",
      `See what it runs, and approve it: mcp trust ${argument(server.name)}`,
    )
  })

/** Whether it is switched on. */
export const enabled = ({ config, name }: Server): Check =>
  config?.enabled === false
    ? failed("enabled", "it is switched off in its entry", `Run: mcp enable ${argument(name)}`)
    : ok("enabled", "it is switched on")

/** Where in the entry a token stands. */
const placesOf = (value: unknown, token: string, path: ReadonlyArray<string> = []): ReadonlyArray<string> => {
  if (typeof value === "string") return value.includes(token) ? [pathText(path)] : []
  if (Array.isArray(value)) return value.flatMap((each, index) => placesOf(each, token, [...path, String(index)]))
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, field]) => placesOf(field, token, [...path, key]))
}

/** Whether the variables that the entry names are set. */
export const variables = ({ variables: all, written }: Server): Effect.Effect<Check> =>
  Effect.gen(function* () {
    const names = all.flatMap((each) => (each.startsWith("env:") ? [each.slice("env:".length)] : []))
    if (names.length === 0) return skipped("variables", "its entry takes none from the environment")
    const unset: Array<string> = []
    for (const name of names) if ((yield* environment(name)) === undefined) unset.push(name)
    if (unset.length === 0) return ok("variables", `${names.join(", ")}: set`)
    const [one = ""] = unset
    const found = unset.map((name) => {
      const places = placesOf(written, `{env:${name}}`)
      return `${name} is not set${places.length === 0 ? "" : ` (${places.join(", ")})`}`
    })
    const what = `before OpenCode starts, or write its value in place of {env:${one}}`
    return failed("variables", found.join("; "), `Set ${unset.join(", ")}: export ${one}=… ${what}.`)
  })
