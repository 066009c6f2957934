/** X2: what a server offered last is offered at once while it is being connected, and corrected by events. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { config } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { decode, keyOf } from "../../src/catalog/kept.ts"
import { CatalogStore } from "../../src/index.ts"
import { type Script, start } from "../support/scripted.ts"
import { observe, service } from "../support/service.ts"

const tool = (name: string) => ({ name, inputSchema: { type: "object" } })
const everything = { tools: { listChanged: true }, prompts: {}, resources: {} }

/** Catalogues on a disk that outlives the service. */
const disk = () => {
  const files = new Map<string, string>()
  let saves = 0
  const store: CatalogStore = {
    load: (key) => Effect.sync(() => (files.has(key) ? JSON.parse(files.get(key) ?? "") : undefined)),
    save: (key, kept) =>
      Effect.sync(() => {
        saves += 1
        files.set(key, JSON.stringify(kept))
      }),
    remove: (key) => Effect.sync(() => files.delete(key)),
  }
  return { files, store, saves: () => saves }
}
type Disk = ReturnType<typeof disk>

/** A run of the program with one server `a`, whose handshake waits for what `open` does where it is `held`. */
const run = <A, E>(
  { store }: Disk,
  script: Script,
  body: (made: {
    readonly mcp: Effect.Success<typeof service>["mcp"]
    readonly add: Effect.Effect<void>
    readonly register: Effect.Effect<void>
    readonly open: Effect.Effect<unknown>
    readonly requests: () => ReadonlyArray<unknown>
    readonly events: () => ReadonlyArray<string>
  }) => Effect.Effect<A, E, never>,
  entry: object = {},
) =>
  Effect.gen(function* () {
    const made = yield* service
    const gate = yield* Deferred.make<void>()
    const { events } = yield* observe(made.mcp)
    const initialize: NonNullable<Script["on"]>[string] = ({ id, params }, to) => {
      const { capabilities = everything, instructions = "be kind" } = script
      const result = {
        protocolVersion: params?.protocolVersion,
        capabilities,
        instructions,
        serverInfo: { name: "raw", version: "1" },
      }
      Effect.runFork(Effect.map(Deferred.await(gate), () => to.send({ jsonrpc: "2.0", id, result })))
      return "silence"
    }
    const empty = {
      "prompts/list": () => ({ result: { prompts: [{ name: "p" }] } }),
      "resources/list": () => ({ result: { resources: [{ name: "r", uri: "x:r" }] } }),
      "resources/templates/list": () => ({ result: { resourceTemplates: [] } }),
    }
    const full = { ...script, on: { ...empty, initialize, ...script.on } }
    return yield* body({
      mcp: made.mcp,
      add: made.add("a", full, entry),
      register: made.register("a", full, entry),
      open: Deferred.succeed(gate, undefined),
      requests: () =>
        made
          .wire("a")
          .messages("sent")
          .flatMap(({ id, method }) => (id === undefined ? [] : [method])),
      events: () =>
        events.flatMap(({ type }) => (type.endsWith(".changed") && type !== "mcp.status.changed" ? [type] : [])),
    })
  }).pipe(Effect.scoped, Effect.provideService(CatalogStore, store))

/** The first run: everything is listed and kept. */
const first = (on: Disk, script: Script, entry?: object) =>
  run(
    on,
    script,
    ({ add, mcp, open }) =>
      Effect.gen(function* () {
        const added = yield* start(add)
        expect(yield* mcp.offered.tools).toEqual([])
        yield* open
        yield* Fiber.join(added)
      }).pipe(Effect.scoped),
    entry,
  )

const one: Script = { tools: [tool("one")] }

describe("the last catalogue of a server", () => {
  it.effect("is offered while the server starts, costs no request, and is the same when it has started the same", () =>
    Effect.gen(function* () {
      const kept = disk()
      yield* first(kept, one)
      expect(kept.files.size).toBe(1)
      const saves = kept.saves()
      yield* run(kept, one, ({ add, events, mcp, open, requests }) =>
        Effect.gen(function* () {
          const added = yield* start(add)
          const offered = yield* mcp.offered.tools
          expect(offered.map(({ key, server }) => [key, server])).toEqual([["a_one", "a"]])
          expect(yield* mcp.offered.prompts).toEqual([{ server: "a", item: { name: "p" } }])
          expect((yield* mcp.offered.resources).map(({ item }) => item.uri)).toEqual(["x:r"])
          expect(yield* mcp.offered.templates).toEqual([])
          expect(yield* mcp.offered.instructions).toEqual([{ server: "a", instructions: "be kind" }])
          expect(yield* mcp.offered.tools).toBe(offered)
          expect((yield* mcp.servers)[0]).toMatchObject({ status: { status: "pending" }, tools: 0 })

          const listed = yield* start(mcp.tools())
          const call = yield* start(mcp.callTool("a", "one", { n: 1 }))
          yield* TestClock.adjust(100)
          expect(requests()).toEqual(["initialize"])
          expect(listed.pollUnsafe()).toBe(undefined)
          expect(call.pollUnsafe()).toBe(undefined)
          yield* open
          yield* Fiber.join(added)
          expect(yield* Fiber.join(call)).toMatchObject({ content: [{ text: '{"n":1}' }] })
          expect(yield* Fiber.join(listed)).toBe(offered)
          expect(yield* mcp.offered.tools).toBe(offered)
          expect(yield* mcp.tools()).toBe(offered)
          expect(events()).toEqual([])
          expect(requests().filter((method) => method === "tools/list").length).toBe(1)
        }).pipe(Effect.scoped),
      )
      expect(kept.saves()).toBe(saves)
    }),
  )

  it.effect("is offered of a server that is registered alone, which is connected once it is called or waited for", () =>
    Effect.gen(function* () {
      const kept = disk()
      yield* first(kept, one)
      for (const need of ["call", "wait"] as const) {
        yield* run(kept, one, ({ mcp, open, register }) =>
          Effect.gen(function* () {
            yield* register
            expect((yield* mcp.offered.tools).map(({ key }) => key)).toEqual(["a_one"])
            yield* TestClock.adjust("1 hour")
            expect((yield* mcp.servers)[0]).toMatchObject({ status: { status: "pending" }, tools: 0 })
            expect((yield* mcp.connection("a")).live()).toBe(undefined)
            yield* open
            if (need === "call") {
              expect(yield* mcp.callTool("a", "one", { n: 1 })).toMatchObject({ content: [{ text: '{"n":1}' }] })
            } else {
              yield* mcp.settled
            }
            expect((yield* mcp.servers)[0]).toMatchObject({ status: { status: "connected" } })
          }),
        )
      }
    }),
  )

  it.effect("is corrected by one event of each kind where the server offers another", () =>
    Effect.gen(function* () {
      const kept = disk()
      yield* first(kept, one)
      const other: Script = {
        tools: [tool("two")],
        on: {
          "resources/list": () => ({ result: { resources: [] } }),
          "resources/templates/list": () => ({ result: { resourceTemplates: [{ name: "t", uriTemplate: "x:{t}" }] } }),
        },
      }
      for (const changed of [["mcp.tools.changed", "mcp.resources.changed"], []]) {
        yield* run(kept, other, ({ add, events, mcp, open }) =>
          Effect.gen(function* () {
            const added = yield* start(add)
            expect((yield* mcp.offered.tools).map(({ key }) => key)).toEqual([changed.length > 0 ? "a_one" : "a_two"])
            yield* open
            // What waits for servers never sees what was offered before.
            expect((yield* mcp.tools()).map(({ key }) => key)).toEqual(["a_two"])
            yield* Fiber.join(added)
            yield* TestClock.adjust(0)
            expect(events().toSorted()).toEqual(changed.toSorted())
            expect((yield* mcp.offered.tools).map(({ key }) => key)).toEqual(["a_two"])
            const missing = yield* Effect.flip(mcp.callTool("a", "one"))
            expect(missing.reason._tag).toBe("ToolNotFound")
          }).pipe(Effect.scoped),
        )
      }
    }),
  )

  it.effect("is withdrawn where a server that declared a kind no longer does", () =>
    Effect.gen(function* () {
      const kept = disk()
      yield* first(kept, one)
      yield* run(kept, { capabilities: { tools: {} }, ...one }, ({ add, events, mcp, open }) =>
        Effect.gen(function* () {
          const added = yield* start(add)
          expect((yield* mcp.offered.prompts).length).toBe(1)
          yield* open
          yield* Fiber.join(added)
          yield* TestClock.adjust(0)
          expect(yield* mcp.offered.prompts).toEqual([])
          expect(events().toSorted()).toEqual(["mcp.prompts.changed", "mcp.resources.changed"])
        }).pipe(Effect.scoped),
      )
    }),
  )

  it.effect("is offered of no server that is switched off, that failed, or whose entry is another", () =>
    Effect.gen(function* () {
      const kept = disk()
      yield* first(kept, one)
      yield* run(
        kept,
        one,
        ({ add, mcp }) =>
          Effect.andThen(
            add,
            Effect.map(mcp.offered.tools, (tools) => expect(tools).toEqual([])),
          ),
        { enabled: false },
      )
      yield* run(
        kept,
        one,
        ({ add, mcp }) =>
          Effect.gen(function* () {
            yield* start(add)
            expect(yield* mcp.offered.tools).toEqual([])
          }).pipe(Effect.scoped),
        { command: ["in-memory", "--other"] },
      )
      const broken: Script = { on: { initialize: () => ({ error: { code: -32603, message: "no" } }) } }
      yield* run(kept, broken, ({ add, mcp }) =>
        Effect.andThen(
          add,
          Effect.map(mcp.offered.tools, (tools) => expect(tools).toEqual([])),
        ),
      )
    }),
  )

  it.effect("is offered while a server is connected anew, too, and none where it was disconnected", () =>
    Effect.gen(function* () {
      const kept = disk()
      const made = yield* Effect.provideService(service, CatalogStore, kept.store)
      let isBroken = false
      const initialize = () => (isBroken ? { error: { code: -32603, message: "no" } } : undefined)
      yield* made.add("a", { ...one, on: { initialize } })
      const offered = yield* made.mcp.offered.tools
      expect(offered.length).toBe(1)
      isBroken = true
      made.client("a").end("gone")
      yield* TestClock.adjust(100)
      expect((yield* made.mcp.servers)[0]?.status.status).toBe("pending")
      expect(yield* made.mcp.offered.tools).toBe(offered)
      yield* made.mcp.disconnect("a")
      expect(yield* made.mcp.offered.tools).toEqual([])
    }),
  )

  it.effect(
    "is read again at a session's beginning of those that would not tell, and costs nothing of the others",
    () =>
      Effect.gen(function* () {
        const made = yield* service
        let prompts = [{ name: "p" }]
        const { of } = yield* observe(made.mcp)
        yield* made.add("a", {
          capabilities: { tools: { listChanged: true }, prompts: {} },
          on: { "prompts/list": () => ({ result: { prompts } }) },
        })
        const lists = (method: string) => made.wire("a").messages("sent", method).length
        const before = yield* made.mcp.offered.prompts
        yield* made.mcp.recheck
        yield* TestClock.adjust(0)
        expect([lists("tools/list"), lists("prompts/list")]).toEqual([1, 2])
        expect(yield* made.mcp.offered.prompts).toBe(before)
        expect(of("mcp.prompts.changed")).toEqual([])
        prompts = [{ name: "q" }]
        yield* made.mcp.recheck
        yield* TestClock.adjust(0)
        expect(of("mcp.prompts.changed")).toEqual([{ server: "a" }])
        expect((yield* made.mcp.prompts()).map(({ item }) => item.name)).toEqual(["q"])
      }),
  )
})

describe("what is kept", () => {
  const key = (entry: object, name = "a", directory = "/p") => keyOf(config(name, entry), directory)
  const local = { type: "local", command: ["server", "--token", "hunter2"] }
  const remote = { type: "remote", url: "https://example.com/mcp?key=hunter2" }

  test("is found by the name, and by what is run or reached and as whom", () => {
    const all = [
      key(local),
      key(local, "b"),
      key(local, "a", "/q"),
      key({ ...local, cwd: "/q/r" }),
      key({ ...local, command: ["server"] }),
      key({ ...local, environment: { A: "1" } }),
      key(remote),
      key({ ...remote, url: "https://example.com/mcp" }),
      key({ ...remote, headers: { "x-user": "ada" } }),
      key({ ...remote, headers: { "x-user": "eve" } }),
      key({ ...remote, oauth: { clientId: "c" } }),
    ]
    expect(new Set(all).size).toBe(all.length)
    expect(key({ ...local, environment: { A: "1" } })).toBe(key({ ...local, environment: { A: "hunter2" } }))
    expect(key({ ...local, tools: { deny: ["x"] }, timeout: 1, sleep: 5 })).toBe(key(local))
    expect(key(remote)).toMatch(/^[0-9a-f]{40}$/)
    // Whom a program's headers stand for is not known before it is run.
    expect(key({ ...remote, headersHelper: ["whoami"] })).toBe(undefined)
  })

  const agreement = {
    revision: "2025-11-25",
    serverInfo: { name: "raw", version: "1" },
    capabilities: {},
    instructions: undefined,
  }
  test("is nothing where it makes no sense", () => {
    const senseless: ReadonlyArray<unknown> = [
      undefined,
      null,
      [],
      "x",
      {},
      { agreement: {} },
      { agreement: { ...agreement, revision: "3000-01-01" } },
      { agreement: { ...agreement, serverInfo: { name: 1 } } },
      { agreement: { ...agreement, capabilities: null } },
    ]
    for (const value of senseless) expect(decode(value)).toBe(undefined)
  })
  test("loses the items that make no sense, and keeps the rest", () => {
    const kept = decode({ agreement, tools: [tool("one"), { name: "two" }, null, 7, tool("three")], prompts: "none" })
    expect(kept?.tools?.map(({ name }) => name)).toEqual(["one", "three"])
    expect(kept?.prompts).toBe(undefined)
  })
})
