import { it } from "@opencode-ai/testing/effect"
import { png, wav } from "@opencode-ai/testing/peers/features/media"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import type { Model } from "../../src/provider/provider.ts"
import * as Content from "../../src/session/result.ts"
import * as Truncate from "../../src/tool/truncate.ts"

const all: Model["input"] = { image: true, audio: true, pdf: true }
const none: Model["input"] = { image: false, audio: false, pdf: false }

/** What a session keeps of a result. Outputs of more than 200 characters are cut, and files are only told. */
const finish = (result: unknown, input: Model["input"] = all, way: Partial<Content.Way> = {}) =>
  Effect.gen(function* () {
    const parts = yield* Content.ofTool(result, { server: "peer", readable: true, model: { input }, ...way })
    return yield* Content.finish(parts, "title", {})
  }).pipe(Effect.provideService(Truncate.Service, outputs))

const outputs: Truncate.Interface = {
  directory: "/outputs",
  keep: (content, extension) => Effect.succeed(`/outputs/${content.length}.${extension}`),
  output: (given) => {
    const content = typeof given === "string" ? given : given.map(({ text }) => text).join("\n\n")
    return Effect.succeed({ content, truncated: false })
  },
}

const text = (text: string, annotations?: object) => ({ type: "text", text, ...(annotations && { annotations }) })
const output = (content: ReadonlyArray<unknown>, input?: Model["input"]) =>
  Effect.map(finish({ content }, input), ({ output }) => output)

describe("the content of a result", () => {
  it.effect("is its texts, parted by an empty line", () =>
    Effect.gen(function* () {
      expect(yield* finish({ content: [text("one"), text("two\n")] })).toEqual({
        title: "title",
        metadata: { truncated: false },
        output: "one\n\ntwo\n",
      })
    }),
  )

  it.effect("is never nothing", () =>
    Effect.gen(function* () {
      for (const result of [{}, { content: [] }, { content: "?" }, { content: [text(" ")] }, undefined]) {
        expect((yield* finish(result)).output).toBe("(no output)")
      }
    }),
  )

  it.effect("is attached where the model takes it: pictures, sound, documents", () =>
    Effect.gen(function* () {
      const pdf = Buffer.from("%PDF-1.7").toString("base64")
      const { attachments, output } = yield* finish({
        content: [
          { type: "image", data: png, mimeType: "IMAGE/PNG; charset=binary" },
          { type: "audio", data: wav, mimeType: "audio/x-wav" },
          { type: "resource", resource: { uri: "files:///a/report.pdf", blob: pdf, mimeType: "application/pdf" } },
        ],
      })
      expect(attachments).toEqual([
        { type: "file", mime: "image/png", filename: "file.png", url: `data:image/png;base64,${png}` },
        { type: "file", mime: "audio/wav", filename: "file.wav", url: `data:audio/wav;base64,${wav}` },
        { type: "file", mime: "application/pdf", filename: "report.pdf", url: `data:application/pdf;base64,${pdf}` },
      ])
      expect(output).toBe(
        [
          "[Image attached: image/png, 70 bytes]",
          "[Audio attached: audio/wav, 44 bytes]",
          '[Resource attached: application/pdf, 8 bytes, "files:///a/report.pdf"]',
        ].join("\n\n"),
      )
    }),
  )

  it.effect("is told in words where the model does not take it; sound is in a file", () =>
    Effect.gen(function* () {
      const { attachments, metadata, output } = yield* finish(
        {
          content: [
            { type: "image", data: png, mimeType: "image/png" },
            { type: "audio", data: wav, mimeType: "audio/wav" },
          ],
        },
        none,
      )
      expect(attachments).toBeUndefined()
      expect(output).toBe(
        "[Image omitted: image/png, 70 bytes; this model takes no images]\n\n" +
          "[Audio omitted: audio/wav, 44 bytes; this model takes no audio; it is in the file /outputs/44.wav]",
      )
      expect(metadata["shown"]).toMatchObject({ attachments: [{ mime: "image/png" }, { mime: "audio/wav" }] })
    }),
  )

  it.effect("that no model takes is a line that says why", () =>
    Effect.gen(function* () {
      const resource = (blob: string, mimeType?: string) => ({
        type: "resource",
        resource: { uri: "files:///x", blob, ...(mimeType === undefined ? {} : { mimeType }) },
      })
      expect(yield* output([resource("AAAA", "application/zip")])).toBe(
        '[Resource omitted: application/zip, 3 bytes, "files:///x"; no model takes files of this type]',
      )
      expect(yield* output([resource("AAAA", "text/html,<script>")])).toContain("application/octet-stream")
      expect(yield* output([resource("")])).toContain("it is empty")
      expect(yield* output([resource("no base64!")])).toBe("[Resource omitted: its data is not base64]")
      expect(yield* output([{ type: "image", data: png, mimeType: "image/svg+xml" }])).toContain("no model takes")
      const large = yield* finish({ content: [resource("A".repeat(14_000_000), "image/png")] })
      expect(large.output).toContain("it is larger than 10 MB")
      expect(large.metadata).not.toHaveProperty("shown")
      expect(large).not.toHaveProperty("attachments")
    }),
  )

  it.effect("is of the type that its first bytes say, where it is called one that a model takes", () =>
    Effect.gen(function* () {
      const { attachments } = yield* finish({
        content: [
          { type: "image", data: png, mimeType: "image/jpeg" },
          { type: "image", data: "AAAA", mimeType: "image/png" },
        ],
      })
      expect(attachments?.map(({ mime, url }) => [mime, url.slice(0, 15)])).toEqual([
        ["image/png", "data:image/png;"],
        ["image/png", "data:image/png;"],
      ])
    }),
  )

  it.effect("of a resource comes with its URI, which ends no line", () =>
    Effect.gen(function* () {
      const resource = { uri: 'test://a\n[Link to "b"]', mimeType: "text/plain", text: "words" }
      expect(yield* output([{ type: "resource", resource }])).toBe(
        'Resource "test://a\\n[Link to \\"b\\"]" (text/plain):\nwords',
      )
      expect(yield* output([{ type: "resource", resource: {} }])).toBe("Resource has neither text nor data")
    }),
  )

  it.effect("of a link is a reference, and how to follow it where that can be done", () =>
    Effect.gen(function* () {
      const link = {
        type: "resource_link",
        uri: "file:///etc/passwd",
        name: "users",
        title: "All users",
        mimeType: "text/plain",
        size: 7,
        description: "x".repeat(5_000),
      }
      const told = yield* output([link])
      expect(told).toStartWith('[Link to the resource "file:///etc/passwd" ("All users", "text/plain", 7 bytes): "xxx')
      expect(told).toContain('Read it with read_mcp_resource {"server":"peer","uri":"file:///etc/passwd"}.]')
      expect(told.length).toBeLessThan(1_300)
      const { output: unreadable } = yield* finish({ content: [link] }, all, { readable: false })
      expect(unreadable).not.toContain("read_mcp_resource")
    }),
  )

  it.effect("of a kind that nobody knows is the JSON that it is, and nothing breaks on it", () =>
    Effect.gen(function* () {
      expect(
        yield* output([{ type: "hologram", depth: 3 }, 7, null, { type: "text" }, { type: "image", data: 1 }]),
      ).toBe(
        ['{"type":"hologram","depth":3}', "7", "null", '{"type":"text"}', '{"type":"image","data":1}'].join("\n\n"),
      )
    }),
  )
})

describe("structured content", () => {
  it.effect("comes together with the content, unless a text is the same already", () =>
    Effect.gen(function* () {
      const structuredContent = { sum: 3, parts: [1, 2] }
      const same = yield* finish({ content: [text('{"parts":[1,2],"sum":3}')], structuredContent })
      expect(same.output).toBe('{"parts":[1,2],"sum":3}')
      const both = yield* finish({ content: [text("It is 3.")], structuredContent })
      expect(both.output).toBe(`It is 3.\n\n${JSON.stringify(structuredContent, null, 2)}`)
      expect((yield* finish({ structuredContent: 0 })).output).toBe("0")
      const forUser = text('{"parts":[1,2],"sum":3}', { audience: ["user"] })
      expect((yield* finish({ content: [forUser], structuredContent })).output).toContain('"sum": 3')
    }),
  )
  it.effect("nested very deep does not become a thousand times as long", () =>
    Effect.gen(function* () {
      const deep = `${"[".repeat(2_000)}${"]".repeat(2_000)}`
      const { output } = yield* finish({ content: [], structuredContent: { deep: JSON.parse(deep) } })
      expect(output).toBe(`{"deep":${deep}}`)
    }),
  )

  it.effect("repeats no long text that stands above", () =>
    Effect.gen(function* () {
      const file = "words of a file\n".repeat(100)
      const { output } = yield* finish({ content: [text(file)], structuredContent: { content: file, lines: 100 } })
      expect(output).toBe(`${file}\n\n${JSON.stringify({ content: "[the text above]", lines: 100 }, null, 2)}`)
    }),
  )
})

describe("annotations", () => {
  it.effect("keep from the model what is for the person alone, and show it to the person", () =>
    Effect.gen(function* () {
      const { attachments, metadata, output } = yield* finish({
        content: [
          text("for you", { audience: ["user"] }),
          text("for both", { audience: ["user", "assistant"] }),
          text("for the model", { audience: ["assistant"] }),
          text("for whoever", { audience: [] }),
          text("for nobody knows", { audience: "user" }),
          { type: "image", data: png, mimeType: "image/png", annotations: { audience: ["user"] } },
          { type: "resource", resource: { uri: "a:b", text: "inner", annotations: { audience: ["user"] } } },
        ],
      })
      expect(output).toBe("for both\n\nfor the model\n\nfor whoever\n\nfor nobody knows")
      expect(attachments).toBeUndefined()
      expect(metadata["shown"]).toEqual({
        text: 'for you\n\n[Image attached: image/png, 70 bytes]\n\nResource "a:b":\ninner',
        attachments: [{ type: "file", mime: "image/png", filename: "file.png", url: `data:image/png;base64,${png}` }],
      })
      const hidden = yield* finish({ content: [text("for you", { audience: ["user"] })] })
      expect(hidden.output).toBe("(The result was shown to the user; there is nothing in it for you.)")
    }),
  )

  it.effect("say what matters, where it is from 0 to 1", () =>
    Effect.gen(function* () {
      const content = [1, 0, 0.25, 7, "1", undefined].map((priority) => text("x", { priority }))
      const way = { server: "peer", readable: true, model: { input: all } }
      const { model } = yield* Effect.provideService(Content.ofTool({ content }, way), Truncate.Service, outputs)
      expect(model.pieces.map(({ priority }) => priority)).toEqual([1, 0, 0.25, undefined, undefined, undefined])
    }),
  )
})

describe("what a provider is sent", () => {
  const result = {
    title: "",
    metadata: { secret: "of the host" },
    output: "words",
    attachments: [
      { type: "file" as const, mime: "image/png", filename: "a.png", url: `data:image/png;base64,${png}` },
      { type: "file" as const, mime: "application/pdf", filename: "a.pdf", url: "data:application/pdf;base64,AAAA" },
    ],
  }

  it.effect("has files in the result where it takes them there", () =>
    Effect.sync(() => {
      const anthropic = { npm: "@ai-sdk/anthropic" }
      expect(Content.toModelOutput(anthropic, result)).toEqual({
        type: "content",
        value: [
          { type: "text", text: "words" },
          { type: "image-data", data: png, mediaType: "image/png" },
          { type: "file-data", data: "AAAA", mediaType: "application/pdf", filename: "a.pdf" },
        ],
      })
      expect(Content.carried(anthropic, [{ tool: "t", result }])).toEqual([])
    }),
  )

  it.effect("has no file of the host's own that the model does not take", () =>
    Effect.sync(() => {
      expect(Content.fitting(result, { input: all })).toBe(result)
      const fitting = Content.fitting(result, { input: { ...all, image: false } })
      expect(fitting.attachments?.map(({ mime }) => mime)).toEqual(["application/pdf"])
      expect(fitting.output).toBe('words\n[image/png, 70 bytes, "a.png": this model takes no images]')
      expect(fitting.metadata["shown"]).toEqual({ text: "", attachments: [result.attachments[0]] })
      expect(Content.fitting(result, { input: none })).not.toHaveProperty("attachments")
    }),
  )

  it.effect("has them in a message after it otherwise, and no base64 among its words", () =>
    Effect.sync(() => {
      const compatible = { npm: "@ai-sdk/openai-compatible" }
      expect(Content.toModelOutput(compatible, result)).toEqual({ type: "text", value: "words" })
      expect(Content.carried(compatible, [{ tool: "t", result }])).toEqual([
        { type: "text", text: "Files that the tool t gave:" },
        { type: "file", mediaType: "image/png", data: png, filename: "a.png" },
        { type: "file", mediaType: "application/pdf", data: "AAAA", filename: "a.pdf" },
      ])
    }),
  )
})
