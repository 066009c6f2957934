/** Files that a server gives as base64: which of them a model takes, and what is said of the others. */
import type { Model } from "../provider/provider.ts"
import type { Attachment } from "./tool.ts"

/** The largest file that is attached, in bytes: 10 MB. */
export const attachmentLimit = 10 * 1024 * 1024

const images = ["image/png", "image/jpeg", "image/gif", "image/webp"]

/** What a model has to take, for each type that can be attached, and how such a file ends. */
const types = new Map<string, { readonly input: keyof Model["input"]; readonly extension: string }>([
  ...images.map((mime): [string, { input: "image"; extension: string }] => [
    mime,
    { input: "image", extension: mime.slice(6) },
  ]),
  ["application/pdf", { input: "pdf", extension: "pdf" }],
  ["audio/wav", { input: "audio", extension: "wav" }],
  ["audio/mpeg", { input: "audio", extension: "mp3" }],
])

const synonyms: ReadonlyMap<string, string> = new Map([
  ["image/jpg", "image/jpeg"],
  ["audio/x-wav", "audio/wav"],
  ["audio/wave", "audio/wav"],
  ["audio/mp3", "audio/mpeg"],
])

/** A file of a server. */
export interface Media {
  /** Without parameters, in lower case. */
  readonly mime: string
  /** Base64, without white space. */
  readonly data: string
  /** In bytes. */
  readonly size: number
  readonly uri?: string | undefined
}

const mimeOf = (value: unknown): string => {
  const mime = typeof value === "string" ? (value.split(";")[0] ?? "").trim().toLowerCase() : ""
  if (!/^[\w.+-]{1,100}\/[\w.+-]{1,100}$/.test(mime)) return "application/octet-stream"
  return synonyms.get(mime) ?? mime
}

const beginnings: ReadonlyArray<readonly [RegExp, string]> = [
  [/^\x89PNG/, "image/png"],
  [/^\xff\xd8\xff/, "image/jpeg"],
  [/^GIF8/, "image/gif"],
  [/^RIFF[^]{4}WEBP/, "image/webp"],
  [/^RIFF[^]{4}WAVE/, "audio/wav"],
  [/^ID3/, "audio/mpeg"],
  [/^%PDF-/, "application/pdf"],
]

/** The type that data has by its first bytes: providers refuse a whole request for a picture that is of another. */
const seen = (data: string): string | undefined => {
  const start = Buffer.from(data.slice(0, 24), "base64").toString("latin1")
  return beginnings.find(([beginning]) => beginning.test(start))?.[1]
}

/** A file; `undefined` where the data is no base64. Of a type that can be attached, its first bytes say which. */
export const media = (data: string, mimeType: unknown, uri?: string): Media | undefined => {
  const trimmed = data.replace(/\s+/g, "")
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(trimmed)) return undefined
  const size = Math.floor((trimmed.replace(/=+$/, "").length * 3) / 4)
  const mime = mimeOf(mimeType)
  return { mime: types.has(mime) ? (seen(trimmed) ?? mime) : mime, data: trimmed, size, uri }
}

/** A size as a person says it. */
export const sized = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} bytes`
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KB` : `${Math.ceil(bytes / 1024 / 1024)} MB`
}

/** The file in words. What a server says stands in quotes, on one line. */
export const described = ({ mime, size, uri }: Media): string =>
  [mime, sized(size), ...(uri === undefined ? [] : [JSON.stringify(uri)])].join(", ")

export const extensionOf = ({ mime }: Media): string => types.get(mime)?.extension ?? "bin"

/** A name for it: the end of its URI, of plain characters. It is shown, and never a path. */
const nameOf = (file: Media): string => {
  const last =
    /[\w.-]+$/
      .exec(file.uri ?? "")?.[0]
      .replace(/^\.+/, "")
      .slice(-100) ?? ""
  return last === "" ? `file.${extensionOf(file)}` : last
}

export const attachment = (file: Media): Attachment => ({
  type: "file",
  mime: file.mime,
  filename: nameOf(file),
  url: `data:${file.mime};base64,${file.data}`,
})

/** Why it is not attached; `undefined` where it is. */
export const objection = (file: Media, { input }: Pick<Model, "input">): string | undefined => {
  const type = types.get(file.mime)
  if (file.size === 0) return "it is empty"
  if (file.size > attachmentLimit) return `it is larger than ${sized(attachmentLimit)}`
  if (type === undefined) return "no model takes files of this type"
  return input[type.input] ? undefined : `this model takes no ${type.input === "image" ? "images" : type.input}`
}
