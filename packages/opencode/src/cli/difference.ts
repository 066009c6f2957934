/** What changed in a tool that is held back, as a person reads it. */
import type { HeldTool } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import { json } from "./happening.ts"
import { Output } from "./output.ts"
import * as Text from "./text.ts"

type Changes = HeldTool["difference"]

/** Every place that differs, what stood there and what stands there now: whole, and harmless to a terminal. */
export const lines = (
  difference: Changes,
  paint: (colour: Text.Colour, text: string) => string,
): ReadonlyArray<string> => {
  const side = (mark: string, colour: Text.Colour, value: unknown) =>
    value === undefined
      ? []
      : Text.harmless(json(value))
          .split("\n")
          .map((line) => paint(colour, `    ${mark} ${line}`))
  return difference.flatMap(({ after, before, path }) => [
    `  ${Text.oneLine(path)}`,
    ...side("-", "red", before),
    ...side("+", "green", after),
  ])
}

/** Says that a tool is held back, and what offers it again. */
export const tellHeld = ({ difference, server, tool }: HeldTool) =>
  Effect.flatMap(Output, (output) => {
    const where = difference.map(({ path }) => path).join(", ")
    return output.warn(
      `${Text.oneLine(tool.name)} of ${Text.oneLine(server)} changed (${Text.oneLine(where)}) and is held back; see mcp approve ${Text.oneLine(server)}`,
    )
  })
