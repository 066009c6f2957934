/**
 * What a server answered, as a person reads it: text as text, pictures and sound as files whose paths are told, links as
 * references. A file's name is made here; nothing that a server says becomes a path.
 */
import type {
  BlobResourceContents,
  CallToolResult,
  ContentBlock,
  TextResourceContents,
} from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import { isDeepStrictEqual } from "node:util"
import { CliFailure } from "./failure.ts"
import { Output } from "./output.ts"
import { indented } from "./present.ts"
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

type Contents = TextResourceContents | BlobResourceContents

/** The contents of a resource. */
export const contents = (resource: Contents) =>
  "text" in resource ? said(resource.text) : saved("file", resource.blob, resource.mimeType)

/** Whom it is for, and how much it matters, where the server says so; on a terminal. */
const annotated = ({ annotations }: ContentBlock) =>
  Effect.map(Output, ({ out }) => {
    const { audience = [], priority } = annotations ?? {}
    const readers = audience.map((each) => (each === "user" ? "you" : each === "assistant" ? "the model" : each))
    const parts = [
      ...(readers.length === 0 ? [] : [`for ${Text.oneLine(readers.join(" and "))}`]),
      ...(priority === undefined ? [] : [`priority ${priority}`]),
    ]
    return out.terminal && parts.length > 0 ? `${out.paint("dim", `(${parts.join(", ")})`)}\n` : ""
  })

/** One block of content, in lines. */
export const block = (content: ContentBlock) =>
  Effect.gen(function* () {
    return `${yield* annotated(content)}${yield* body(content)}`
  })

const body = (content: ContentBlock) =>
  Effect.gen(function* () {
    const { paint } = (yield* Output).out
    switch (content.type) {
      case "text":
        return yield* said(content.text)
      case "image":
      case "audio":
        return yield* saved(content.type, content.data, content.mimeType)
      case "resource_link": {
        const size = content.size === undefined ? undefined : `${content.size} bytes`
        const about = [content.title ?? content.name, content.description, content.mimeType, size].flatMap((each) =>
          each === undefined || each === "" ? [] : [Text.oneLine(each)],
        )
        return `${paint("dim", "resource")} ${paint("cyan", Text.oneLine(content.uri))}  ${paint("dim", about.join(" – "))}`.trimEnd()
      }
      case "resource": {
        const { resource } = content
        const text = yield* contents(resource)
        return `${paint("dim", "resource")} ${paint("cyan", Text.oneLine(resource.uri))}\n${text}`
      }
      default:
        return yield* said(JSON.stringify(content))
    }
  })

/** Whether a text block already says what the structured content holds, as servers do for older clients. */
const repeats = (structured: unknown, content: ReadonlyArray<ContentBlock>): boolean =>
  content.some((each) => {
    if (each.type !== "text" || !/^\s*[[{]/.test(each.text)) return false
    const parsed = Result.try((): unknown => JSON.parse(each.text))
    return Result.isSuccess(parsed) && isDeepStrictEqual(parsed.success, structured)
  })

/** The result of a tool, in lines. */
export const result = ({ content, structuredContent }: CallToolResult) =>
  Effect.gen(function* () {
    const { out } = yield* Output
    const blocks = yield* Effect.forEach(content ?? [], block)
    if (structuredContent === undefined || repeats(structuredContent, content ?? [])) return blocks.join("\n")
    const text = yield* said(indented(structuredContent))
    return [
      ...blocks,
      ...(out.terminal && blocks.length > 0 ? [out.paint("dim", "structured content")] : []),
      text,
    ].join("\n")
  })
