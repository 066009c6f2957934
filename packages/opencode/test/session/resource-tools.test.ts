import { Recordings } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { everything } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { png } from "@opencode-ai/testing/peers/features/media"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Permission from "../../src/permission/index.ts"
import { first } from "../mcp/serving.ts"
import { call, failure, tools, world } from "./world.ts"

const names = ["list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource"]
const none = rawStdio({ capabilities: { tools: {} } })

describe("the tools for resources", () => {
  testEffect(world({ none })).live("are not there where no server has resources", () =>
    Effect.gen(function* () {
      expect(Object.keys(yield* tools()).filter((key) => names.includes(key))).toEqual([])
    }),
  )

  const served = testEffect(world({ peer: sdkV2(), everything, none }))

  served.live("are there where one has", () =>
    Effect.gen(function* () {
      expect(Object.keys(yield* tools()).filter((key) => names.includes(key))).toEqual(names)
    }),
  )

  served.live("list what servers have, of one or of all", () =>
    Effect.gen(function* () {
      const all = yield* call("list_mcp_resources", {})
      const { resources } = JSON.parse(all.output)
      expect(resources).toContainEqual({
        server: "peer",
        uri: "test://text",
        name: "text",
        mimeType: "text/plain",
        description: "Words",
      })
      expect(all.metadata["servers"]).toEqual(["everything", "peer"])
      const one = JSON.parse((yield* call("list_mcp_resources", { server: "peer" })).output)
      expect(one.resources).toHaveLength(2)
      const { templates } = JSON.parse((yield* call("list_mcp_resource_templates", { server: "peer" })).output)
      expect(templates.map(({ uriTemplate }: { uriTemplate: string }) => uriTemplate)).toEqual([
        "test://item/{id}",
        "test://trip/{country}/{city}{?day,tags*}",
      ])
      expect(JSON.stringify(templates)).not.toContain("icons")
      expect((yield* failure("list_mcp_resources", { server: "none" })).message).toContain(
        'expected a connected server that has resources (everything, peer), not "none"',
      )
    }),
  )

  served.live("read a resource by its URI: words as words, pictures as files", () =>
    Effect.gen(function* () {
      const text = yield* call("read_mcp_resource", { server: "peer", uri: "test://text" })
      expect(text.output).toBe('Resource "test://text" (text/plain):\nthe content of test://text')
      expect(text.title).toBe("MCP resource: test://text")
      const picture = yield* call("read_mcp_resource", { server: "peer", uri: "test://blob" })
      expect(picture.output).toBe('[Resource attached: image/png, 70 bytes, "test://blob"]')
      expect(picture.attachments?.[0]?.url).toBe(`data:image/png;base64,${png}`)
    }),
  )

  served.live("read one by a template and the values of its variables", () =>
    Effect.gen(function* () {
      const { wire } = yield* Recordings
      const args = { country: "de", city: "köln", tags: ["a b", "c"] }
      yield* call("read_mcp_resource", {
        server: "peer",
        uriTemplate: "test://trip/{country}/{city}{?day,tags*}",
        arguments: args,
      })
      expect(wire("peer").messages("sent", "resources/read")[0]).toMatchObject({
        params: { uri: "test://trip/de/k%C3%B6ln?tags=a%20b&tags=c" },
      })
      const { message } = yield* failure("read_mcp_resource", {
        server: "peer",
        uriTemplate: "test://item/{id}",
        arguments: {},
      })
      expect(message).toContain("read_mcp_resource: these arguments cannot be used")
      expect(message).toContain('"id"')
      expect((yield* failure("read_mcp_resource", { server: "peer" })).message).toContain('"uri", or "uriTemplate"')
      expect(wire("peer").messages("sent", "resources/read")).toHaveLength(1)
    }),
  )

  served.live("read what looks like a file of this machine through its server alone", () =>
    Effect.gen(function* () {
      const { wire } = yield* Recordings
      const passwd = yield* failure("read_mcp_resource", { server: "peer", uri: "file:///etc/passwd" })
      expect(passwd.message).toContain("not found")
      expect(wire("peer").messages("sent", "resources/read")).toHaveLength(1)
      for (const uri of ["../../etc/passwd", "/etc/passwd", "\\\\host\\share", "file:///a\0b", "test://a b"]) {
        const { message } = yield* failure("read_mcp_resource", { server: "peer", uri })
        expect(message).toContain("expected a URI as list_mcp_resources tells it")
      }
      expect(wire("peer").messages("sent", "resources/read")).toHaveLength(1)
    }),
  )
})

describe("the permission to read", () => {
  const ruled = testEffect(
    world(
      { peer: sdkV2(), vault: sdkV2() },
      { permission: { read: { "mcp:*": "ask", "mcp:peer:test://text": "allow", "mcp:vault:*": "deny" } } },
    ),
  )

  ruled.live("is by server and URI, and asked before anything is read", () =>
    Effect.gen(function* () {
      const permission = yield* Permission.Service
      const { wire } = yield* Recordings
      expect((yield* call("read_mcp_resource", { server: "peer", uri: "test://text" })).output).toContain("content")
      const denied = yield* failure("read_mcp_resource", { server: "vault", uri: "test://text" })
      expect(denied.message).toContain("read of mcp:vault:test://text is denied by the rule")
      const reading = yield* Effect.forkChild(call("read_mcp_resource", { server: "peer", uri: "test://item/7" }))
      const asked = (yield* first(Permission.Asked)).properties
      expect(asked).toMatchObject({
        permission: "read",
        patterns: ["mcp:peer:test://item/7"],
        always: ["mcp:peer:*"],
        metadata: { server: "peer", uri: "test://item/7" },
      })
      yield* permission.reply({ requestID: asked.id, reply: "always" })
      expect((yield* Fiber.join(reading)).output).toContain("test://item/7")
      expect(wire("vault").messages("sent", "resources/read")).toEqual([])
      const { resources } = JSON.parse((yield* call("list_mcp_resources", {})).output)
      expect(new Set(resources.map(({ server }: { server: string }) => server))).toEqual(new Set(["peer"]))
    }),
  )

  testEffect(world({ peer: sdkV2() }, { permission: { read: "deny" } })).live("denied altogether hides them all", () =>
    Effect.gen(function* () {
      const keys = Object.keys(yield* tools())
      expect(keys.filter((key) => key === "read" || names.includes(key))).toEqual([])
      expect((yield* call("peer_content", {})).output).not.toContain("read_mcp_resource")
    }),
  )
})
