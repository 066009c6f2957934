/** What a server says to the person, set so that it can be nothing but what it is: its words, beside its name. */
import * as Text from "../text.ts"
import type { Writer } from "../output.ts"

const indent = "  "

/** A text of a server, in lines that fit: the terminal breaks none, so that each is set in. */
export const lines = (text: string, { err }: Writer): ReadonlyArray<string> => {
  const columns = err.columns() - indent.length
  return Text.harmless(text)
    .split("\n")
    .flatMap((line) => Text.wrap(line.replaceAll("\t", " "), columns))
    .flatMap((line) => (Text.width(line) > columns ? Text.pieces(line, columns) : [line]))
    .map((line) => `${indent}${line}`.trimEnd())
}

/** Who asks, and what for. */
export const heading = (server: string, what: string, { err }: Writer): string =>
  `\n${err.paint("bold", Text.oneLine(server))} ${what}`

/** How much room a text needs beside its name, in columns; with less it stands below. */
const narrowest = 30

/** Two columns: names, and what belongs to them. */
export const pairs = (rows: ReadonlyArray<readonly [name: string, text: string]>, { err }: Writer): string => {
  const columns = err.columns() - indent.length
  const longest = Math.min(Math.floor(columns / 3), Math.max(0, ...rows.map(([name]) => Text.width(name))))
  const room = columns - longest - indent.length
  return rows
    .map(([name, text]) => {
      if (room < narrowest) {
        const below = Text.wrap(text, columns - indent.length).map((line) => `${indent}${indent}${line}`)
        return [`${indent}${err.paint("cyan", Text.cut(name, columns))}`, ...below].join("\n")
      }
      const shown = Text.cut(name, longest)
      const space = " ".repeat(longest - Text.width(shown))
      const [first = "", ...rest] = Text.wrap(text, room)
      const below = rest.map((line) => `\n${" ".repeat(longest + 2 * indent.length)}${line}`).join("")
      return `${indent}${err.paint("cyan", shown)}${space}${indent}${first}${below}`.trimEnd()
    })
    .join("\n")
}
