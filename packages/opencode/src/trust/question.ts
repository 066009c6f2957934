/** The question that comes before a project's server is started, with all of the entry in sight. */
import type { Server } from "../config/merge.ts"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import { risks } from "./risk.ts"
import { quoted, visible } from "@opencode-ai/mcp/protocol/visible"

/**
 * The text of the question, lines joined by `\n`, nothing left out and nothing cut.
 *
 * It shows the entry before substitution: variables by their names, never by their values. `directory` is where the
 * server would run.
 */
export const question = (server: Server, directory: string): string => {
  const entry = isObject(server.written) ? server.written : {}
  const environment = isObject(entry["environment"]) ? entry["environment"] : {}
  const headers = isObject(entry["headers"]) ? entry["headers"] : {}
  const known = new Set(["type", "command", "cwd", "environment", "url", "headers", "enabled"])
  const lines = [
    `The project defines the MCP server ${quoted(server.name)}:`,
    ...new Set(server.origins.map((origin) => `  in          ${visible(origin.file)}`)),
  ]
  const show = (label: string, value: unknown) => lines.push(`  ${label.padEnd(11)} ${text(value)}`)
  if (entry["command"] !== undefined) {
    const words = Array.isArray(entry["command"]) ? entry["command"] : [entry["command"]]
    words.forEach((word, index) => show(index === 0 ? "command" : "argument", word))
    show("directory", directory)
  }
  if (entry["cwd"] !== undefined) show("cwd", entry["cwd"])
  if (entry["url"] !== undefined) show("url", entry["url"])
  for (const [name, value] of Object.entries(environment)) lines.push(`  environment ${visible(name)} = ${text(value)}`)
  for (const [name, value] of Object.entries(headers)) lines.push(`  header      ${visible(name)} = ${text(value)}`)
  for (const [name, value] of Object.entries(entry)) if (!known.has(name)) show(visible(name), value)

  lines.push(
    entry["type"] === "remote"
      ? "Approved, it is connected to, and what you and the model give its tools is sent there."
      : "Approved, it runs on this machine with your rights: it can read and change what you can.",
    ...risks(server.written, server.variables).map((risk) => `  ! ${risk}`),
  )
  return lines.join("\n")
}

const text = (value: unknown) =>
  typeof value === "string" ? quoted(value) : visible(JSON.stringify(value) ?? "nothing")

const heldPrefix = "not approved: "

/** Whether a server is held, by the error of its status. */
export const isHeldError = (error: string): boolean => error.startsWith(heldPrefix)

/** Why a server is held, for its status: one line that names the command which approves it, or the `page`. */
export const heldError = (server: Server, page?: string): string => {
  const files = new Set(server.origins.filter((origin) => origin.project).map((origin) => visible(origin.file)))
  return `${heldPrefix}a project file (${[...files].join(", ")}) defines it. See what it runs and approve it ${page === undefined ? `with: mcp trust ${argument(server.name)}` : `on ${page}`}`
}

/** A name as one argument of a POSIX shell, where it can be typed as it is. */
export const argument = (name: string): string => {
  if (/^[\w.@%+,:/][\w.@%+,:/-]*$/.test(name)) return name
  const end = name.startsWith("-") ? "-- " : ""
  return `${end}'${visible(name).replaceAll("'", `'\\''`)}'`
}
