/** What a server says to the person, set so that it can be nothing but what it is: its words, beside its name. */
import * as Text from "../text.ts"
import type { Writer } from "../output.ts"

const indent = "  "

/** A text of a server, in lines that fit. */
export const lines = (text: string, { err }: Writer): ReadonlyArray<string> =>
  Text.harmless(text)
    .split("\n")
    .flatMap((line) => Text.wrap(line.replaceAll("\t", " "), err.columns() - indent.length))
    .map((line) => `${indent}${line}`.trimEnd())

/** Who asks, and what for. */
export const heading = (server: string, what: string, { err }: Writer): string =>
  `\n${err.paint("bold", Text.oneLine(server))} ${what}`

/** Two columns: names, and what belongs to them. */
export const pairs = (rows: ReadonlyArray<readonly [name: string, text: string]>, { err }: Writer): string => {
  const longest = Math.min(24, Math.max(0, ...rows.map(([name]) => Text.width(name))))
  return rows
    .map(([name, text]) => {
      const shown = Text.cut(name, longest)
      const space = " ".repeat(longest - Text.width(shown))
      const room = Math.max(8, err.columns() - longest - 2 * indent.length)
      const [first = "", ...rest] = Text.wrap(text, room)
      const below = rest.map((line) => `\n${" ".repeat(longest + 2 * indent.length)}${line}`).join("")
      return `${indent}${err.paint("cyan", shown)}${space}${indent}${first}${below}`.trimEnd()
    })
    .join("\n")
}
