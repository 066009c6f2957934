/** What a server gives a session besides the results of tools: resources that were attached, messages of prompts. */
import type { PromptMessage } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as MCP from "../mcp/index.ts"
import type { Model } from "../provider/provider.ts"
import type * as Truncate from "../tool/truncate.ts"
import { ResourceUnreadable, SessionError } from "./failure.ts"
import type { InputPart } from "./part.ts"
import * as Content from "./result.ts"

/** Where content of a server goes; whether the links in it can be followed is asked of what the server declares. */
const wayOf = (server: string, model: Model) =>
  Effect.gen(function* () {
    const clients = yield* (yield* MCP.Service).clients()
    const client = Object.hasOwn(clients, server) ? clients[server] : undefined
    return { server, readable: client?.getServerCapabilities()?.resources !== undefined, model }
  })

const partsOf = (text: string, attachments: Content.Part["attachments"] = []): ReadonlyArray<InputPart> => [
  ...(text === "" ? [] : [{ type: "text" as const, text, synthetic: true }]),
  ...attachments,
]

/** A message of a prompt. */
export const message = (server: string, { content, role }: PromptMessage, model: Model) =>
  Effect.gen(function* () {
    const { model: read } = yield* Content.ofTool({ content: [content] }, yield* wayOf(server, model))
    return { role, parts: partsOf(read.pieces.map(({ text }) => text).join("\n\n"), read.attachments) }
  })

type Needs = MCP.Service | Truncate.Service

const one = (part: InputPart, model: Model): Effect.Effect<ReadonlyArray<InputPart>, SessionError, Needs> => {
  if (part.type !== "file" || part.source === undefined) return Effect.succeed([part])
  const { clientName: server, uri } = part.source
  return Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const result = yield* Effect.mapError(
      mcp.readResource(server, uri),
      (cause) => new SessionError({ reason: new ResourceUnreadable({ server, uri, cause }) }),
    )
    const parts = yield* Content.ofResource(result, yield* wayOf(server, model))
    const { attachments, output } = yield* Content.finish(parts, uri, {})
    return partsOf(output, attachments)
  })
}

/** What the person wrote, with the resources in it read. One that cannot be read fails: nothing is asked without it. */
export const resolve = (
  parts: ReadonlyArray<InputPart>,
  model: Model,
): Effect.Effect<ReadonlyArray<InputPart>, SessionError, Needs> =>
  Effect.map(
    Effect.forEach(parts, (part) => one(part, model), { concurrency: "unbounded" }),
    (all) => all.flat(),
  )
