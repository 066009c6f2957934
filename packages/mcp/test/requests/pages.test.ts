import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import type { Rpc } from "@opencode-ai/testing/peers/raw-answer"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { CallError, Mcp } from "../../src/mcp.ts"
import { observe, service } from "../support/service.ts"

interface List {
  readonly method: string
  readonly member: string
  readonly item: (at: number) => object
  readonly read: (mcp: Mcp["Service"]) => Effect.Effect<ReadonlyArray<unknown>, CallError>
}

const lists: ReadonlyArray<List> = [
  {
    method: "tools/list",
    member: "tools",
    item: (at) => ({ name: `t${at}`, inputSchema: { type: "object" } }),
    read: (mcp) => mcp.tools("a"),
  },
  {
    method: "prompts/list",
    member: "prompts",
    item: (at) => ({ name: `p${at}` }),
    read: (mcp) => mcp.prompts("a"),
  },
  {
    method: "resources/list",
    member: "resources",
    item: (at) => ({ uri: `test://${at}`, name: `r${at}` }),
    read: (mcp) => mcp.resources("a"),
  },
  {
    method: "resources/templates/list",
    member: "resourceTemplates",
    item: (at) => ({ uriTemplate: `test://${at}/{id}`, name: `t${at}` }),
    read: (mcp) => mcp.templates("a"),
  },
]

/** Three pages of each list, with one item each; `broken` answers in place of a page. */
const paged = (broken: (cursor: unknown) => object | undefined) =>
  Object.fromEntries(
    lists.map(({ item, member, method }) => [
      method,
      ({ params }: Rpc) => {
        const at = Number(params?.cursor ?? 0)
        const next = at < 2 ? { nextCursor: String(at + 1) } : {}
        return broken(params?.cursor) ?? { result: { [member]: [item(at)], ...next } }
      },
    ]),
  )

const capabilities = { tools: {}, prompts: {}, resources: {} }

describe("every list", () => {
  it.effect("is read over all of its pages", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      yield* add("a", { capabilities, on: paged(() => undefined) })
      for (const { method, read } of lists) {
        expect(yield* read(mcp)).toHaveLength(3)
        const cursors = wire("a")
          .messages("sent", method)
          .map(({ params }) => params?.cursor)
        expect(cursors).toEqual([undefined, "1", "2"])
      }
    }),
  )
  it.effect("of which a page fails keeps what was read, and says so", () =>
    Effect.gen(function* () {
      const { add, mcp } = yield* service
      const { of } = yield* observe(mcp)
      const broken = (cursor: unknown) =>
        cursor === "2" ? { error: { code: -32602, message: "bad cursor" } } : undefined
      yield* add("a", { capabilities, on: paged(broken) })
      for (const { read } of lists) expect(yield* read(mcp)).toHaveLength(2)
      const warned = of("mcp.warning").map((data) => JSON.stringify(data))
      expect(warned).toHaveLength(4)
      for (const { method } of lists) {
        expect(warned.filter((text) => text.includes(`${method}: bad cursor (code -32602); 2 kept`))).toHaveLength(1)
      }
    }),
  )
  it.effect("ends where a cursor comes again, and says so", () =>
    Effect.gen(function* () {
      const { add, mcp, wire } = yield* service
      const { of } = yield* observe(mcp)
      const on = Object.fromEntries(
        lists.map(({ item, member, method }) => [method, () => ({ result: { [member]: [item(0)], nextCursor: "x" } })]),
      )
      yield* add("a", { capabilities, on })
      for (const { method, read } of lists) {
        expect(yield* read(mcp)).toHaveLength(1)
        expect(wire("a").messages("sent", method)).toHaveLength(2)
        const told = of("mcp.warning").filter((data) => JSON.stringify(data).includes(`${method}: the cursor`))
        expect(told).toHaveLength(1)
      }
    }),
  )
  it.effect("that the end of a session interrupts begins again without its cursor", () =>
    Effect.gen(function* () {
      const { add, client, mcp, wire } = yield* service
      let ends = true
      const broken = (cursor: unknown) => {
        if (cursor !== "1" || !ends) return undefined
        client("a").end()
        return undefined
      }
      yield* add("a", { capabilities, on: paged(broken) })
      ends = false
      yield* mcp.connect("a")
      for (const { method, read } of lists) {
        expect(yield* read(mcp)).toHaveLength(3)
        const cursors = wire("a")
          .messages("sent", method)
          .map(({ params }) => params?.cursor)
        expect(cursors).toEqual([undefined, "1", "2"])
      }
    }),
  )
})
