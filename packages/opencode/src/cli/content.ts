/**
 * What a server answered, as a person reads it: text as text, pictures and sound as files whose paths are told, links as
 * references. A file's name is made here; nothing that a server says becomes a path. What is not of the shape that the
 * protocol gives it is shown as the JSON that it is.
 */
import type { CallToolResult } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { isRepeated } from "../mcp/structured.ts"
import { CliFailure } from "./failure.ts"
import { Output } from "./output.ts"
import { indented } from "./present.ts"
import { own } from "./schema.ts"
import * as Text from "./text.ts"

const extensions: ReadonlyMap<string, string> = new Map([
  ["image/png", "png"],
  ["image/jpeg", "jpg"],
  ["image/gif", "gif"],
  ["image/webp", "webp"],
  ["image/svg+xml", "svg"],
  ["audio/wav", "wav"],
  ["audio/x-wav", "wav"],
  ["audio/mpeg", "mp3"],
  ["audio/mp3", "mp3"],
  ["audio/ogg", "ogg"],
  ["audio/flac", "flac"],
  ["application/pdf", "pdf"],
  ["application/json", "json"],
  ["application/gzip", "gz"],
  ["application/zip", "zip"],
])

/** Files of one answer lie in one new directory, which stays: the person is told where. */
const save = (data: string, mimeType: string | undefined) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const directory = yield* fs.makeTempDirectory({ prefix: "opencode-mcp-" })
    const kind = mimeType?.toLowerCase().split(";")[0]?.trim() ?? ""
    const file = paths.join(directory, `result.${extensions.get(kind) ?? "bin"}`)
    const bytes = Buffer.from(data, "base64")
    yield* fs.writeFile(file, bytes, { mode: 0o600 })
    return { file, size: bytes.length }
  }).pipe(
    Effect.mapError(
      (error) => new CliFailure({ tag: "Internal", text: `the result cannot be written to a file: ${error.message}` }),
    ),
  )

const saved = (what: string, data: string, mimeType: string | undefined) =>
  Effect.gen(function* () {
    const { paint } = (yield* Output).out
    const { file, size } = yield* save(data, mimeType)
    const kind = mimeType === undefined ? "" : ` ${Text.oneLine(mimeType)}`
    return `${paint("dim", `${what}${kind}, ${size} bytes:`)} ${file}`
  })

/** Text that a server wrote. Elsewhere than on a terminal it is data, and stays as it is. */
const said = (text: string) => Effect.map(Output, ({ out }) => (out.terminal ? Text.harmless(text) : text))

const isText = (value: unknown): value is string => typeof value === "string"

/** What is of no known kind, or is not what its kind is. */
const odd = (value: unknown) => said(JSON.stringify(value) ?? "")

/** The contents of a resource. */
export const contents = (resource: unknown) => {
  const [text, blob, mimeType] = [own(resource, "text"), own(resource, "blob"), own(resource, "mimeType")]
  if (isText(text)) return said(text)
  return isText(blob) ? saved("file", blob, isText(mimeType) ? mimeType : undefined) : odd(resource)
}

/** Who reads it, in the person's words. */
const reader = (audience: unknown): ReadonlyArray<string> => {
  if (audience === "user") return ["you"]
  if (audience === "assistant") return ["the model"]
  return isText(audience) ? [Text.oneLine(audience)] : []
}

/** Whom it is for, and how much it matters, where the server says so; on a terminal. */
const annotated = (content: unknown) =>
  Effect.map(Output, ({ out }) => {
    const annotations = own(content, "annotations")
    const [audience, priority] = [own(annotations, "audience"), own(annotations, "priority")]
    const readers = Array.isArray(audience) ? audience.flatMap(reader) : []
    const parts = [
      ...(readers.length === 0 ? [] : [`for ${readers.join(" and ")}`]),
      ...(typeof priority === "number" ? [`priority ${priority}`] : []),
    ]
    return out.terminal && parts.length > 0 ? `${out.paint("dim", `(${parts.join(", ")})`)}\n` : ""
  })

/** One block of content, in lines. */
export const block = (content: unknown) =>
  Effect.gen(function* () {
    return `${yield* annotated(content)}${yield* body(content)}`
  })

const body = (content: unknown) =>
  Effect.gen(function* () {
    const { paint } = (yield* Output).out
    const of = (key: string) => own(content, key)
    const type = of("type")
    switch (type) {
      case "text": {
        const text = of("text")
        return isText(text) ? yield* said(text) : yield* odd(content)
      }
      case "image":
      case "audio": {
        const [data, mimeType] = [of("data"), of("mimeType")]
        if (!isText(data)) return yield* odd(content)
        return yield* saved(type, data, isText(mimeType) ? mimeType : undefined)
      }
      case "resource_link": {
        const [uri, size] = [of("uri"), of("size")]
        if (!isText(uri)) return yield* odd(content)
        const bytes = typeof size === "number" ? `${size} bytes` : undefined
        const about = [of("title") ?? of("name"), of("description"), of("mimeType"), bytes].flatMap((each) =>
          isText(each) && each !== "" ? [Text.oneLine(each)] : [],
        )
        return `${paint("dim", "resource")} ${paint("cyan", Text.oneLine(uri))}  ${paint("dim", about.join(" – "))}`.trimEnd()
      }
      case "resource": {
        const resource = of("resource")
        const uri = own(resource, "uri")
        if (!isText(uri)) return yield* odd(content)
        return `${paint("dim", "resource")} ${paint("cyan", Text.oneLine(uri))}\n${yield* contents(resource)}`
      }
      default:
        return yield* odd(content)
    }
  })

/** The result of a tool, in lines. */
export const result = ({ content, structuredContent }: CallToolResult) =>
  Effect.gen(function* () {
    const { out } = yield* Output
    const all: ReadonlyArray<unknown> = Array.isArray(content) ? content : []
    const blocks = yield* Effect.forEach(all, block)
    if (structuredContent === undefined || isRepeated(structuredContent, all)) return blocks.join("\n")
    const text = yield* said(indented(structuredContent))
    return [
      ...blocks,
      ...(out.terminal && blocks.length > 0 ? [out.paint("dim", "structured content")] : []),
      text,
    ].join("\n")
  })
