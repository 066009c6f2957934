/**
 * The result of a server's tool, and the contents of its resources, as a session has them: text for the model, files
 * beside it, and what is for the person alone.
 *
 * Nothing is fetched here: a link stays a reference, which `read_mcp_resource` follows where the model asks for it. What
 * is of no known kind goes to the model as the JSON that it is.
 */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import type { ToolResultPart } from "ai"
import { isRepeated, pretty } from "../mcp/structured.ts"
import type { Model } from "../provider/provider.ts"
import type { Attachment, Result, Shown } from "../tool/tool.ts"
import * as Truncate from "../tool/truncate.ts"
import { attachment, attachmentLimit, described, extensionOf, media, type Media, objection } from "../tool/media.ts"

/** What a description may take of a link's line, in characters. */
const descriptionLimit = 1_024

/** Where content came from, and where it goes. */
export interface Way {
  readonly server: string
  /** Whether the server has resources that the model may read, so that a link to one can be followed. */
  readonly readable: boolean
  /** Why no file can be attached at all. */
  readonly bare?: string | undefined
  readonly model: Pick<Model, "input">
}

/** Some content for one reader. */
export interface Part {
  readonly pieces: ReadonlyArray<Truncate.Piece>
  readonly attachments: ReadonlyArray<Attachment>
}

/** Content, by who it is for. */
export interface Parts {
  readonly model: Part
  readonly person: Part
}

const none: Part = { pieces: [], attachments: [] }
const text = (text: string): Part => ({ pieces: [{ text }], attachments: [] })
const joined = (parts: ReadonlyArray<Part>): Part => ({
  pieces: parts.flatMap(({ pieces }) => pieces),
  attachments: parts.flatMap(({ attachments }) => attachments),
})
const isText = (value: unknown): value is string => typeof value === "string"

/** What a server says, on one line and in quotes: it does not end the line that it stands in. */
const quoted = (value: string) => JSON.stringify(value)

/** A file: attached, or in words. Sound that the model does not take is in a file on this machine. */
const file = (what: string, given: Media | undefined, way: Way) =>
  Effect.gen(function* () {
    if (given === undefined) return { model: text(`[${what} omitted: its data is not base64]`), person: none }
    const why = objection(given, way.model) ?? way.bare
    const attachments = given.size > attachmentLimit ? [] : [attachment(given)]
    if (why === undefined) {
      return { model: { ...text(`[${what} attached: ${described(given)}]`), attachments }, person: none }
    }
    const { keep } = yield* Truncate.Service
    const kept = what === "Audio" ? yield* keep(Buffer.from(given.data, "base64"), extensionOf(given)) : undefined
    const where = kept === undefined ? "" : `; it is in the file ${kept}`
    return {
      model: text(`[${what} omitted: ${described(given)}; ${why}${where}]`),
      person: { pieces: [], attachments },
    }
  })

/** The contents of one resource. */
const resource = (content: unknown, way: Way) => {
  const { blob, mimeType, text: words, uri: place }: Record<string, unknown> = isObject(content) ? content : {}
  const uri = isText(place) ? place : undefined
  const name = uri === undefined ? "Resource" : `Resource ${quoted(uri)}`
  const mime = isText(mimeType) ? ` (${quoted(mimeType).slice(1, -1)})` : ""
  if (isText(words)) return Effect.succeed({ model: text(`${name}${mime}:\n${words}`), person: none })
  if (isText(blob)) return file("Resource", media(blob, mimeType, uri), way)
  return Effect.succeed({ model: text(`${name}${mime} has neither text nor data`), person: none })
}

/** A link in words: never followed by itself (2025-11-25, Tools, Resource Links). */
const link = (content: Readonly<Record<string, unknown>>, uri: string, { readable, server }: Way): string => {
  const { description, mimeType, name, size, title } = content
  const about = [title ?? name, mimeType].flatMap((each) => (isText(each) && each !== "" ? [quoted(each)] : []))
  const bytes = typeof size === "number" ? [`${size} bytes`] : []
  const details = [...about, ...bytes].join(", ")
  const told = isText(description) && description !== "" ? `: ${quoted(description.slice(0, descriptionLimit))}` : ""
  const how = readable ? ` Read it with read_mcp_resource ${JSON.stringify({ server, uri })}.` : ""
  return `[Link to the resource ${quoted(uri)}${details === "" ? "" : ` (${details})`}${told}.${how}]`
}

const block = (content: unknown, way: Way): Effect.Effect<Parts, never, Truncate.Service> => {
  const said = (words: string) => Effect.succeed({ model: text(words), person: none })
  if (!isObject(content)) return said(JSON.stringify(content) ?? "")
  const { data, mimeType, text: words, type, uri } = content
  if (type === "text" && isText(words)) return said(words)
  if (type === "image" && isText(data)) return file("Image", media(data, mimeType), way)
  if (type === "audio" && isText(data)) return file("Audio", media(data, mimeType), way)
  if (type === "resource") return resource(content["resource"], way)
  if (type === "resource_link" && isText(uri)) return said(link(content, uri, way))
  return said(JSON.stringify(content))
}

/** What the annotations say (2025-11-25, Resources, Annotations); nothing where they are none. */
const annotated = (content: unknown) => {
  const outer = isObject(content) ? content : {}
  const inner = isObject(outer["resource"]) ? outer["resource"]["annotations"] : undefined
  const annotations = outer["annotations"] ?? inner
  const { audience, priority }: Record<string, unknown> = isObject(annotations) ? annotations : {}
  const isForPerson = Array.isArray(audience) && audience.includes("user") && !audience.includes("assistant")
  const isNumber = typeof priority === "number" && priority >= 0 && priority <= 1
  return { isForPerson, priority: isNumber ? priority : undefined }
}

const each = (content: unknown, way: Way) => {
  const { isForPerson, priority } = annotated(content)
  return Effect.map(block(content, way), ({ model, person }): Parts => {
    if (isForPerson) return { model: none, person: joined([model, person]) }
    return { model: { ...model, pieces: model.pieces.map((piece) => ({ ...piece, priority })) }, person }
  })
}

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const together = (parts: ReadonlyArray<Parts>): Parts => ({
  model: joined(parts.map(({ model }) => model)),
  person: joined(parts.map(({ person }) => person)),
})

/** From this length on, in characters, a text that the model has read is not repeated. */
const repeatedLength = 200

/** Structured content as JSON. Servers put whole files in both: a long text that stands above is not written twice. */
const structured = (content: unknown, read: ReadonlyArray<unknown>): string => {
  const texts = new Set(read.map((block) => (isObject(block) && block["type"] === "text" ? block["text"] : undefined)))
  const isAbove = (value: unknown) => isText(value) && value.length >= repeatedLength && texts.has(value)
  return pretty(content, (_, value) => (isAbove(value) ? "[the text above]" : value))
}

/**
 * The content of a tool's result, and its structured content where no text for the model is the same JSON. `result` is
 * what a server said and hooks left: any value.
 */
export const ofTool = (result: unknown, way: Way): Effect.Effect<Parts, never, Truncate.Service> =>
  Effect.gen(function* () {
    const { content, structuredContent }: Record<string, unknown> = isObject(result) ? result : {}
    const blocks = listOf(content)
    const parts = yield* Effect.forEach(blocks, (content) => each(content, way))
    const read = blocks.filter((content) => !annotated(content).isForPerson)
    if (structuredContent === undefined || isRepeated(structuredContent, read)) return together(parts)
    return together([...parts, { model: text(structured(structuredContent, read)), person: none }])
  })

/** The contents of a resource that was read. */
export const ofResource = (result: unknown, way: Way): Effect.Effect<Parts, never, Truncate.Service> =>
  Effect.map(
    Effect.forEach(listOf(isObject(result) ? result["contents"] : undefined), (content) => resource(content, way)),
    together,
  )

/** What the model reads of it: never nothing. */
const readable = ({ model, person }: Parts): ReadonlyArray<Truncate.Piece> => {
  if (model.pieces.some(({ text }) => text.trim() !== "")) return model.pieces
  const isShown = person.pieces.length + person.attachments.length > 0
  return [{ text: isShown ? "(The result was shown to the user; there is nothing in it for you.)" : "(no output)" }]
}

/** What the person alone is shown, cut as an output is; `undefined` where that is nothing. */
export const shownOf = ({
  person: { attachments, pieces },
}: Parts): Effect.Effect<Shown | undefined, never, Truncate.Service> =>
  Effect.gen(function* () {
    if (pieces.length + attachments.length === 0) return undefined
    const { output } = yield* Truncate.Service
    return { text: (yield* output(pieces)).content, attachments }
  })

/** A result as a session keeps it: bounded, the whole text in a file. */
export const finish = (
  parts: Parts,
  title: string,
  metadata: Readonly<Record<string, unknown>>,
): Effect.Effect<Result, never, Truncate.Service> =>
  Effect.gen(function* () {
    const { output } = yield* Truncate.Service
    const cut = yield* output(readable(parts))
    const shown = yield* shownOf(parts)
    const path = cut.truncated && cut.outputPath !== undefined ? { outputPath: cut.outputPath } : {}
    return {
      title,
      metadata: { ...metadata, truncated: cut.truncated, ...path, ...(shown === undefined ? {} : { shown }) },
      output: cut.content,
      ...(parts.model.attachments.length === 0 ? {} : { attachments: parts.model.attachments }),
    }
  })

const base64 = (url: string) => url.slice(url.indexOf(",") + 1)

/** A result of the host's own, without the files that the model does not take. */
export const fitting = (result: Result, model: Pick<Model, "input">): Result => {
  const judged = (result.attachments ?? []).map((attached) => {
    const given = media(base64(attached.url), attached.mime, attached.filename)
    return { attached, given, why: given === undefined ? "its data is not base64" : objection(given, model) }
  })
  const left = judged.filter(({ why }) => why !== undefined)
  if (left.length === 0) return result
  const lines = left.map(
    ({ attached, given, why }) => `[${given === undefined ? attached.mime : described(given)}: ${why}]`,
  )
  const shown: Shown = { text: "", attachments: left.map(({ attached }) => attached) }
  const { attachments: _, ...rest } = result
  const attachments = judged.flatMap(({ attached, why }) => (why === undefined ? [attached] : []))
  return {
    ...rest,
    metadata: { ...result.metadata, shown },
    output: [result.output, ...lines].join("\n"),
    ...(attachments.length === 0 ? {} : { attachments }),
  }
}

/** The words of an error of the tool's. */
export const failure = (parts: Parts, tool: string): Effect.Effect<string, never, Truncate.Service> =>
  Effect.gen(function* () {
    const { output } = yield* Truncate.Service
    const isSaid = parts.model.pieces.some(({ text }) => text.trim() !== "")
    if (isSaid) return (yield* output(parts.model.pieces)).content
    return `${tool} failed, and ${parts.person.pieces.length === 0 ? "did not say why" : "told the user alone why"}`
  })

// Other providers of the AI SDK write files of a result into its text, as base64.
const takeFiles = /^@ai-sdk\/(anthropic|openai|amazon-bedrock|google-vertex\/anthropic)$/

/** Whether a model gets files with the result of a tool; otherwise a message after it carries them (`carried`). */
const takesFiles = ({ npm }: Pick<Model, "npm">): boolean => takeFiles.test(npm)

/** A result as the model is sent it. */
export const toModelOutput = (
  model: Pick<Model, "npm">,
  { attachments = [], output }: Result,
): ToolResultPart["output"] => {
  if (attachments.length === 0 || !takesFiles(model)) return { type: "text", value: output }
  const files = attachments.map(({ filename, mime, url }) =>
    mime.startsWith("image/")
      ? { type: "image-data" as const, data: base64(url), mediaType: mime }
      : {
          type: "file-data" as const,
          data: base64(url),
          mediaType: mime,
          ...(filename === undefined ? {} : { filename }),
        },
  )
  return { type: "content", value: [{ type: "text", text: output }, ...files] }
}

/** The parts of a message of the user's that brings what results could not; empty where they could. */
export const carried = (
  model: Pick<Model, "npm">,
  results: ReadonlyArray<{ readonly tool: string; readonly result: Result }>,
) =>
  takesFiles(model)
    ? []
    : results.flatMap(({ result: { attachments = [] }, tool }) =>
        attachments.length === 0
          ? []
          : [
              { type: "text" as const, text: `Files that the tool ${tool} gave:` },
              ...attachments.map(({ filename, mime, url }) => ({
                type: "file" as const,
                mediaType: mime,
                data: base64(url),
                ...(filename === undefined ? {} : { filename }),
              })),
            ],
      )
