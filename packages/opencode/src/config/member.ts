/**
 * Members of a JSON text with comments, put in and taken out as a person would: everything else stays where it is. (What
 * `jsonc-parser` edits it formats anew around the place, or leaves a comma where none may be.)
 */
import { findNodeAtLocation, parseTree, type Node } from "jsonc-parser"

/** How deep a file is indented, and how its lines end. */
interface Style {
  readonly indent: string
  readonly newline: string
}

const styleOf = (text: string): Style => ({
  indent: /^[^\S\n]*\{[^\S\n]*(?:\/\/[^\n]*)?\r?\n(?:\s*\n)*([ \t]+)/.exec(text)?.[1] ?? "  ",
  newline: text.includes("\r\n") ? "\r\n" : "\n",
})

/** A value over several lines; a list of plain values on one. */
const print = (value: unknown, margin: string, style: Style): string => {
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const inner = margin + style.indent
  const isPlain = Array.isArray(value) && value.every((each) => typeof each !== "object" || each === null)
  if (isPlain) return `[${value.map((each) => JSON.stringify(each)).join(", ")}]`
  const members = Array.isArray(value)
    ? value.map((each) => print(each, inner, style))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${print(each, inner, style)}`)
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"]
  if (members.length === 0) return `${open}${close}`
  const lines = members.map((member) => `${style.newline}${inner}${member}`)
  return `${open}${lines.join(",")}${style.newline}${margin}${close}`
}

/** White space, comments and at most one comma from `at` on: where they end, and where the comma stands. */
const trivia = (text: string, at: number): { readonly end: number; readonly comma: number | undefined } => {
  let comma: number | undefined
  let end = at
  for (;;) {
    const found = /^(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)/.exec(text.slice(end))?.[0]
    if (found !== undefined) end += found.length
    else if (text[end] === "," && comma === undefined) comma = end++
    else return { end, comma }
  }
}

/** The white space before the first character of the line that `at` is in. */
const marginAt = (text: string, at: number): string =>
  /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", at - 1) + 1))?.[0] ?? ""

/** Puts `member` behind the last of an object's. */
const append = (text: string, object: Node, key: string, value: unknown, style: Style): string => {
  const last = object.children?.at(-1)
  const margin = marginAt(text, object.offset)
  const name = JSON.stringify(key)
  if (last === undefined) {
    const inner = margin + style.indent
    const member = `${style.newline}${inner}${name}: ${print(value, inner, style)}`
    const open = object.offset + 1
    const close = object.offset + object.length - 1
    // What stands between the braces is white space and comments.
    const comments = text.slice(open, close).trimEnd()
    return `${text.slice(0, open)}${member}${comments}${style.newline}${margin}${text.slice(close)}`
  }
  const end = last.offset + last.length
  const { comma, end: after } = trivia(text, end)
  const isOnItsLine = text.slice(end, after).includes("\n")
  if (!isOnItsLine) {
    const member = `${name}: ${JSON.stringify(value)}`
    return `${text.slice(0, end)}, ${member}${text.slice(end)}`
  }
  // Behind a comment that speaks of the last one, on its line.
  const line = text.indexOf("\n", Math.max(end, comma ?? 0))
  const at = text[line - 1] === "\r" ? line - 1 : line
  const inner = marginAt(text, last.offset)
  const member = `${style.newline}${inner}${name}: ${print(value, inner, style)}${comma === undefined ? "" : ","}`
  const before = comma === undefined ? `${text.slice(0, end)},${text.slice(end, at)}` : text.slice(0, at)
  return before + member + text.slice(at)
}

/**
 * The text with `value` at a path at which nothing is; `undefined` where it has no place. `readable` is the text with
 * everything where it is, for the parser.
 */
export const insert = (
  text: string,
  readable: string,
  path: ReadonlyArray<string>,
  value: unknown,
): string | undefined => {
  const root = parseTree(readable, [], { allowTrailingComma: true })
  if (root === undefined) return undefined
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const object = depth === 0 ? root : findNodeAtLocation(root, path.slice(0, depth))
    if (object === undefined) continue
    const key = path[depth]
    if (object.type !== "object" || key === undefined) return undefined
    const nested = path.slice(depth + 1).reduceRight((inner: unknown, name) => ({ [name]: inner }), value)
    return append(text, object, key, nested, styleOf(text))
  }
  return undefined
}

/** The text without the member at a path; `undefined` where there is none. */
export const remove = (text: string, readable: string, path: ReadonlyArray<string>): string | undefined => {
  const root = parseTree(readable, [], { allowTrailingComma: true })
  const member = root === undefined ? undefined : findNodeAtLocation(root, [...path])?.parent
  const siblings = member?.parent?.children ?? []
  const before = member === undefined ? undefined : siblings[siblings.indexOf(member) - 1]
  if (member === undefined) return undefined
  const own = member.offset + member.length
  const { comma } = trivia(text, own)
  const space = /(?:\r?\n)?[ \t]*$/.exec(text.slice(0, member.offset))?.[0] ?? ""
  // What is said of it on its line goes with it.
  const rest = /^[ \t]*(?:\/\/[^\n]*|\/\*[^\n]*\*\/[ \t]*)?(?=\r?\n)/.exec(text.slice((comma ?? own - 1) + 1))?.[0]
  const start = space.includes("\n") ? member.offset - space.length : member.offset
  const blank = rest ?? (comma === undefined ? "" : (/^[ \t]*/.exec(text.slice(comma + 1))?.[0] ?? ""))
  const stop = (comma ?? own - 1) + 1 + blank.length
  if (comma !== undefined || before === undefined) return text.slice(0, start) + text.slice(stop)
  // It was the last: the comma before it would be one too many.
  const end = before.offset + before.length
  const lost = trivia(text, end).comma
  const kept =
    lost === undefined ? text.slice(0, start) : text.slice(0, lost) + text.slice(lost + 1, member.offset - space.length)
  return kept + text.slice(own + (rest?.length ?? 0))
}
