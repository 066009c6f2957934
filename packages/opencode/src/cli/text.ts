/** Text for a terminal: made harmless, measured, cut, coloured, and set in columns. Nothing is printed here. */

// Controls; format characters, which hide, reorder or carry text (bidi, zero-width, tags); what is drawn as nothing; line
// separators, lone surrogates, private use.
const harmful = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu
// Layout, and what only says in which style an emoji is drawn.
const kept = new Set(["\n", "\t", "\ufe0e", "\ufe0f"])

const escaped = (character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** The text with every character that moves, hides or reorders as `\u{…}`. Tabs and line feeds stay. */
export const harmless = (text: string): string =>
  text.replaceAll("\r\n", "\n").replace(harmful, (character) => (kept.has(character) ? character : escaped(character)))

/** JSON in which every such character is spelled as JSON spells it: the same value. */
export const harmlessJson = (json: string): string =>
  json.replace(harmful, (character) =>
    kept.has(character)
      ? character
      : character.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  )

/** The same on one line: space of any kind is one space. U+FEFF counts as space to a pattern, and is none. */
export const oneLine = (text: string): string => harmless(text.replace(/[^\S\ufeff]+/g, " ").trim())

/** Whether the text is on one line as it is, with nothing in it that has to be shown otherwise. */
export const isPlain = (text: string): boolean => !/[\n\t]/.test(text) && harmless(text) === text

/** What a server says where the protocol has a text: on one line; nothing where it is none. */
export const spoken = (value: unknown): string => (typeof value === "string" ? oneLine(value) : "")

/** The text with every line but the first set in: none of them can be taken for one that this program wrote. */
export const inset = (text: string): string => harmless(text).replaceAll("\n", "\n    ")

/** How many columns the text takes on a terminal; colours count nothing. */
export const width = (text: string): number => Bun.stringWidth(text)

/** The text in at most `columns` columns, its end shown by `…` where something was left out. It may hold no colours. */
export const cut = (text: string, columns: number): string => {
  if (width(text) <= columns) return text
  let kept = ""
  let used = 0
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    const more = width(segment)
    if (used + more > columns - 1) break
    kept += segment
    used += more
  }
  return columns < 1 ? "" : `${kept}…`
}

/** The text in pieces of at most `columns` columns, wherever that breaks it. */
export const pieces = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  let used = 0
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    const more = width(segment)
    if (line !== "" && used + more > columns) {
      lines.push(line)
      line = ""
      used = 0
    }
    line += segment
    used += more
  }
  return [...lines, line]
}

/** The words of a text in lines of at most `columns` columns. */
export const wrap = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const paragraph of text.split("\n")) {
    let line = ""
    for (const word of paragraph.split(" ")) {
      if (line !== "" && width(line) + 1 + width(word) > columns) {
        lines.push(line)
        line = word
      } else line = line === "" ? word : `${line} ${word}`
    }
    lines.push(line)
  }
  return lines
}

export type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan"

const codes: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
}

/** Colours a text. */
export type Paint = (colour: Colour, text: string) => string

/** With colours, or without any. */
export const paint = (colours: boolean): Paint =>
  colours
    ? (colour, text) => (text === "" ? "" : `\u001b[${codes[colour][0]}m${text}\u001b[${codes[colour][1]}m`)
    : (_, text) => text

/** A cell: its text, harmless and on one line, and how it looks. */
export interface Cell {
  readonly text: string
  readonly colour?: Colour
}

export interface Column {
  readonly title: string
  readonly align?: "right"
  /** The last column that shrinks where the table is too wide, and by its title to how little. Default: it stays. */
  readonly shrinks?: number
  /** Left out, the highest first, where shrinking is not enough. Default: it stays. */
  readonly expendable?: number
}

const gap = 2

/** A table with a heading, in lines of at most `columns` columns. */
export const table = (
  shape: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  columns: number,
  colour: Paint,
): ReadonlyArray<string> => {
  const widths = shape.map(({ title }, index) =>
    Math.max(width(title), ...rows.map((row) => width(row[index]?.text ?? ""))),
  )
  const shown = shape.map(() => true)
  const total = () => widths.reduce((sum, each, index) => (shown[index] === true ? sum + each + gap : sum), -gap)
  const shrink = () => {
    for (const [index, { shrinks, title }] of shape.entries()) {
      const over = total() - columns
      const now = widths[index] ?? 0
      if (shrinks !== undefined && over > 0)
        widths[index] = Math.max(Math.min(now, Math.max(shrinks, width(title))), now - over)
    }
  }
  shrink()
  const order = shape
    .flatMap(({ expendable }, index) => (expendable === undefined ? [] : [{ expendable, index }]))
    .toSorted((a, b) => b.expendable - a.expendable)
  for (const { index } of order) if (total() > columns) shown[index] = false
  const line = (cells: ReadonlyArray<Cell>) =>
    shape
      .flatMap(({ align }, index) => {
        if (shown[index] !== true) return []
        const { colour: own, text = "" } = cells[index] ?? {}
        const fitted = cut(text, widths[index] ?? 0)
        const space = " ".repeat(Math.max(0, (widths[index] ?? 0) - width(fitted)))
        const drawn = own === undefined ? fitted : colour(own, fitted)
        return [align === "right" ? space + drawn : drawn + space]
      })
      .join(" ".repeat(gap))
      .trimEnd()
  return [line(shape.map(({ title }) => ({ text: title, colour: "dim" }))), ...rows.map(line)]
}
