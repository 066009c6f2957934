/** Text of a stranger, taken apart so that it can be shown as it is and nothing in it hides. */
import { visible, visibleLines } from "@opencode-ai/mcp/protocol/visible"

/** A piece of a text; `unseen`: it stands for a character that would not be seen, or would hide others. */
export interface Piece {
  readonly text: string
  readonly unseen: boolean
}

/** The text with line feeds and tabs as they are, and everything else that is not seen as `\u{…}`. */
export const shown = (text: string): string => visibleLines(text.replace(/\r\n?/g, "\n"))

/** The text on one line. */
export const line = (text: string): string => visible(text.replace(/[\r\n\t ]+/g, " ").trim())

/** The pieces of a text, in which what stands for an unseen character is told apart. */
export const pieces = (text: string): ReadonlyArray<Piece> =>
  shown(text)
    .split(/(\\u\{[0-9a-f]{1,6}\})/)
    .map((part, index) => ({ text: part, unseen: index % 2 === 1 }))
    .filter((piece) => piece.text !== "")

/** At most so many characters and lines; undefined where all of it fits. */
export const cut = (text: string, characters: number, lines: number): string | undefined => {
  let end = text.length > characters ? characters : -1
  let at = -1
  for (let count = 0; count < lines; count++) {
    at = text.indexOf("\n", at + 1)
    if (at === -1) break
  }
  if (at !== -1 && at < text.length - 1 && (end === -1 || at < end)) end = at
  if (end === -1) return undefined
  // Not between the halves of one character.
  return text.slice(0, /[\ud800-\udbff]/.test(text[end - 1] ?? "") ? end - 1 : end)
}

/** An address that a person may be sent to: `https:`, or `http:` (loopback's, the client has seen to that). */
export const address = (text: string): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === "https:" || url?.protocol === "http:" ? url.href : undefined
}

/** An address around its host. */
export const parted = (text: string): { readonly before: string; readonly host: string; readonly after: string } => {
  const [, before = "", host = "", after = ""] = /^([a-z]+:\/\/(?:[^/?#@]*@)?)([^/?#]*)(.*)$/is.exec(text) ?? []
  return host === "" ? { before: text, host: "", after: "" } : { before, host, after }
}

const pictures = /^image\/(png|jpeg|gif|webp)$/
const sounds = /^audio\/(mpeg|mp3|wav|x-wav|ogg|webm|aac|flac|mp4)$/
const base64 = /^[A-Za-z0-9+/\s_-]*={0,2}\s*$/

/** What a picture or a sound can be shown from; undefined where it can be shown as text alone. */
export const media = (kind: "image" | "audio", mimeType: unknown, data: unknown): string | undefined => {
  if (typeof mimeType !== "string" || typeof data !== "string") return undefined
  const type = mimeType.toLowerCase()
  return (kind === "image" ? pictures : sounds).test(type) && base64.test(data)
    ? `data:${type};base64,${data}`
    : undefined
}

/** `4:09`, or `1:02:03`: a time that is left or has gone by, from milliseconds. */
export const clock = (milliseconds: number): string => {
  const all = Math.max(0, Math.floor(milliseconds / 1000))
  const pad = (value: number) => String(value).padStart(2, "0")
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60]
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds)}` : `${minutes}:${pad(seconds)}`
}

/** `1 tool`, `2 tools`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`

/** Bytes of base64, as a person says it. */
export const size = (data: string): string => {
  const bytes = Math.floor((data.length * 3) / 4)
  return bytes < 1024
    ? `${bytes} B`
    : bytes < 1_048_576
      ? `${Math.round(bytes / 1024)} KiB`
      : `${(bytes / 1_048_576).toFixed(1)} MiB`
}
