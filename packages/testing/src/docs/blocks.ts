/** The code blocks of a document, or of the docstrings of a source file, each with its place. */

/** A code block. */
export interface Block {
  /** The file that it stands in, as it is to be shown. */
  readonly file: string
  /** The line of its first line of code, from 1. */
  readonly line: number
  /** `ts`, `sh`, …; empty where the fence names none. */
  readonly language: string
  readonly code: string
}

const fence = /^(\s*(?:\* ?)?\s*)(```+)(\S*)/

/** The blocks between fences; `strip` takes off what stands before each line of the document. */
const fenced = (file: string, lines: ReadonlyArray<string>, first: number, strip: (line: string) => string) => {
  const blocks: Array<Block> = []
  let open:
    { readonly ticks: string; readonly language: string; readonly indent: number; readonly line: number } | undefined
  let code: Array<string> = []
  lines.forEach((raw, index) => {
    const line = strip(raw)
    const [, before = "", ticks, language = ""] = fence.exec(line) ?? []
    if (open === undefined) {
      if (ticks === undefined) return
      open = { ticks, language, indent: before.length, line: first + index + 1 }
      code = []
    } else if (ticks !== undefined && ticks.startsWith(open.ticks) && language === "") {
      blocks.push({ file, line: open.line, language: open.language, code: code.join("\n") })
      open = undefined
    } else code.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)))
  })
  return blocks
}

/** The code blocks of a Markdown document. */
export const ofMarkdown = (file: string, text: string): ReadonlyArray<Block> =>
  fenced(file, text.split("\n"), 1, (line) => line)

/** A Markdown document's lines with its code blocks left empty: what a person reads as text. */
export const prose = (text: string): ReadonlyArray<string> => {
  let ticks: string | undefined
  return text.split("\n").map((line) => {
    const found = fence.exec(line)?.[2]
    if (found === undefined) return ticks === undefined ? line : ""
    if (ticks === undefined) ticks = found
    else if (found.startsWith(ticks)) ticks = undefined
    return ""
  })
}

/** The `@example` blocks of the docstrings of a source file. One without a fence is a block without a language. */
export const ofDocstrings = (file: string, text: string): ReadonlyArray<Block> =>
  [...text.matchAll(/\/\*\*(?:(?!\*\/)[\s\S])*\*\//g)].flatMap(({ 0: comment, index }) => {
    const lines = comment.split("\n")
    const from = lines.findIndex((line) => /^\s*\* @example\b/.test(line))
    if (from < 0) return []
    const first = text.slice(0, index).split("\n").length + from
    const blocks = fenced(file, lines.slice(from), first, (line) => line.replace(/^\s*\* ?/, ""))
    return blocks.length > 0 ? blocks : [{ file, line: first, language: "", code: "" }]
  })
