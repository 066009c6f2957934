/** What the lists of the command line keep of what servers say of their own, and what no server can say in its place. */
import { it } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json, world } from "../cli/program.ts"

it.live("titles, icons, annotations, _meta and unknown members are kept, and nothing that they name is fetched", () =>
  Effect.gen(function* () {
    const { mcp } = yield* world
    const elsewhere = yield* rawHttp()
    const said = {
      title: "The title",
      description: "What it is for",
      icons: [{ src: "https://icons.invalid/icon.svg", mimeType: "image/svg+xml", sizes: ["any"] }],
      _meta: { "example.com/a": { b: [1] } },
      later: { member: true },
    }
    const forged = { ...said, server: "another", key: "another_tool" }
    // Only `https:` and `data:` may be drawn (Icons, Security Considerations).
    const icons = [{ src: `${elsewhere.url}/icon.png` }, ...said.icons, { src: "file:///etc/passwd" }]
    const sent = { ...forged, icons }
    const hints = {
      title: "Hint",
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    }
    const annotations = { audience: ["user"], priority: 0.25, lastModified: "2026-01-01T00:00:00Z" }
    const inputSchema = { type: "object" }
    const link = { type: "resource_link", uri: `${elsewhere.url}/page`, name: "page", annotations, icons }
    const { url } = yield* rawHttp({
      capabilities: { tools: {}, resources: {}, prompts: {} },
      tools: [{ name: "tool", inputSchema, annotations: hints, ...sent }],
      on: {
        "resources/list": ({ rpc }) => ({
          json: {
            jsonrpc: "2.0",
            id: rpc?.id,
            result: { resources: [{ uri: "a:b", name: "r", size: 3, annotations, ...sent }] },
          },
        }),
        "resources/templates/list": ({ rpc }) => ({
          json: {
            jsonrpc: "2.0",
            id: rpc?.id,
            result: { resourceTemplates: [{ uriTemplate: "a:{b}", name: "t", annotations, ...sent }] },
          },
        }),
        "prompts/list": ({ rpc }) => ({
          json: {
            jsonrpc: "2.0",
            id: rpc?.id,
            result: { prompts: [{ name: "p", arguments: [{ name: "x", title: "X" }], ...sent }] },
          },
        }),
        "tools/call": ({ rpc }) => ({
          json: {
            jsonrpc: "2.0",
            id: rpc?.id,
            result: { content: [link], structuredContent: { a: 1 }, isError: true, _meta: said._meta },
          },
        }),
      },
    })
    const servers = { a: { type: "remote", url } }
    const list = (words: ReadonlyArray<string>) => Effect.map(mcp(servers, [...words, "--json"]), json)
    expect(yield* list(["tools"])).toEqual([
      { ...forged, key: "a_tool", server: "a", name: "tool", inputSchema, annotations: hints },
    ])
    expect(yield* list(["resources"])).toEqual([
      { ...forged, server: "a", uri: "a:b", name: "r", size: 3, annotations },
    ])
    expect(yield* list(["templates"])).toEqual([
      { ...forged, server: "a", uriTemplate: "a:{b}", name: "t", annotations },
    ])
    expect(yield* list(["prompts"])).toEqual([
      { ...forged, server: "a", name: "p", arguments: [{ name: "x", title: "X" }] },
    ])
    expect(yield* list(["call", "a", "tool"])).toEqual({
      content: [link],
      structuredContent: { a: 1 },
      isError: true,
      _meta: said._meta,
    })
    expect((yield* mcp(servers, ["call", "a", "tool"])).stdout).toContain(`resource ${elsewhere.url}/page`)
    expect(elsewhere.requests).toEqual([])
  }),
)
