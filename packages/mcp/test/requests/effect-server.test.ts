import * as Effect from "effect/Effect"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { testEffect } from "@opencode-ai/testing/effect"
import { effectMcp, effectMcpHttp } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp, Template } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"

const live = testEffect(testMcp())

const peers = [
  ["stdio", Effect.succeed(effectMcp())],
  ["stdio, 2024-11-05", Effect.succeed({ ...effectMcp("2024-11-05"), protocol: "2024-11-05" })],
  ["Streamable HTTP", effectMcpHttp()],
] as const

describe("Effect's server, a third implementation", () => {
  for (const [name, peer] of peers) {
    live.live(`completes, is read by its template, and names what a prompt needs: ${name}`, () =>
      Effect.gen(function* () {
        const mcp = yield* Mcp
        yield* mcp.add(config("a", yield* peer))
        const [listed] = yield* mcp.templates("a")
        const template = yield* Effect.fromResult(Template.parse(listed?.item.uriTemplate ?? ""))
        expect(template.variables).toEqual([{ name: "id", required: true, list: false }])
        const { values } = yield* mcp.complete("a", {
          ref: { type: "ref/resource", uri: template.source },
          argument: { name: "id", value: "t" },
        })
        expect(values).toEqual(["two"])
        const uri = yield* Effect.fromResult(template.expand({ id: values[0] ?? "" }))
        const { contents } = yield* mcp.readResource("a", uri)
        expect(contents).toEqual([expect.objectContaining({ uri, text: `${uri} is two` })] as never)
        expect((yield* failure(mcp.getPrompt("a", "greet"))).message).toContain('the argument "name"')
        expect((yield* mcp.getPrompt("a", "greet", { name: "Ada" })).messages).toHaveLength(1)
        expect((yield* Recordings).wire("a").messages("sent", "prompts/get")).toHaveLength(1)
      }),
    )
  }
})
