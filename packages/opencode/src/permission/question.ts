/**
 * A question of permission as a person reads it: all that the call would do, nothing cut, and each character that is not
 * seen made visible. So the person sees what the model sees.
 */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import { pretty } from "../mcp/structured.ts"
import { quoted, visible } from "@opencode-ai/mcp/protocol/visible"
import type { Request } from "./index.ts"

const isText = (value: unknown): value is string => typeof value === "string"

/** What the server says of the tool, and what that is worth. */
const hints = (annotations: unknown, isTrusted: boolean): ReadonlyArray<string> => {
  if (!isObject(annotations)) return []
  const said = [
    ...(annotations["destructiveHint"] === true ? ["it may destroy what is there"] : []),
    ...(annotations["readOnlyHint"] === true ? ["it only reads"] : []),
    ...(annotations["idempotentHint"] === true ? ["done twice it does no more"] : []),
    ...(annotations["openWorldHint"] === true ? ["it reaches beyond this machine"] : []),
  ]
  return said.length === 0 ? [] : [`The server${isTrusted ? "" : ", which is not trusted,"} says: ${said.join("; ")}.`]
}

/** What is not our word, behind a bar: none of its lines can be taken for one of ours. */
const inset = (text: string) => text.split("\n").map((line) => `  | ${visible(line)}`)

/** The lines of a question. */
export const lines = ({ always, metadata, patterns, permission }: Request): ReadonlyArray<string> => {
  const { annotations, arguments: args, description, server, title, tool, trusted, ...others } = metadata
  const places = patterns.filter((pattern) => pattern !== "*").map(quoted)
  const wide = always.every((pattern) => pattern === "*")
  const isNamed = isText(title) && title !== tool
  return [
    ...(isText(server) && isText(tool)
      ? [`Call ${quoted(tool)} of the server ${quoted(server)}?${isNamed ? ` It is called ${quoted(title)}.` : ""}`]
      : [`Allow ${quoted(permission)}${places.length === 0 ? "" : ` of ${places.join(", ")}`}?`]),
    ...(isText(description) ? ["  Its server describes it so:", ...inset(description)] : []),
    ...hints(annotations, trusted === true).map((hint) => `  ${hint}`),
    ...(args === undefined ? [] : ["  With these arguments:", ...inset(pretty(args))]),
    ...Object.entries(others).map(
      ([name, value]) => `  ${visible(name)}: ${visible(JSON.stringify(value) ?? "nothing")}`,
    ),
    `  "Always" would allow ${wide ? "every " : ""}${quoted(permission)}${wide ? "" : ` of ${always.map(quoted).join(", ")}`} until this ends.`,
  ]
}
