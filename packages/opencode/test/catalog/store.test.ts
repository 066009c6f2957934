/** X2: the last catalogues on the disk: what is kept, how, and that nothing is lost where it cannot be. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { CatalogStore, type Kept } from "@opencode-ai/mcp/catalog/kept"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { config, testMcp } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { everything, filesystem, memory } from "@opencode-ai/testing/peers/published"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { expect } from "@opencode-ai/testing/runner"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { layer } from "../../src/catalog/store.ts"
import { startShell } from "../shell/client.ts"

const catalogs = (cache: string) =>
  layer.pipe(
    Layer.provide(NodeServices.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { XDG_CACHE_HOME: cache } }))),
  )
const folder = (cache: string) => join(cache, "opencode", "mcp-catalog")

/** A store in a directory of its own. */
const stored = Effect.gen(function* () {
  const cache = yield* temporaryDirectory
  const store = yield* Effect.provide(CatalogStore, catalogs(cache))
  if (store === undefined) return yield* Effect.die(new Error("there is no store"))
  const { load, remove, save } = store
  return { load, remove, save, cache, folder: folder(cache), file: (key: string) => join(folder(cache), `${key}.json`) }
})

const kept = (name: string, description = ""): Kept => ({
  agreement: {
    revision: "2025-11-25",
    serverInfo: { name: "s", version: "1" },
    capabilities: { tools: {} },
    instructions: undefined,
  },
  tools: [{ name, description, inputSchema: { type: "object" } }],
  prompts: [],
  resources: undefined,
  templates: undefined,
})
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

it.live("gives back what was saved, from a file that is for this person alone", () =>
  Effect.gen(function* () {
    const { cache, file, folder, load, remove, save } = yield* stored
    expect(yield* load("k")).toBe(undefined)
    yield* save("k", kept("one"))
    expect(yield* load("k")).toEqual(plain(kept("one")))
    expect(statSync(file("k")).mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    chmodSync(file("k"), 0o644)
    yield* save("k", kept("two"))
    expect(yield* load("k")).toEqual(plain(kept("two")))
    expect(statSync(file("k")).mode & 0o777).toBe(0o600)
    // Nothing half written stays.
    expect(readdirSync(folder)).toEqual(["k.json"])
    yield* remove("k")
    yield* remove("k")
    expect(yield* load("k")).toBe(undefined)
    expect(existsSync(cache)).toBe(true)
  }),
)

it.live("takes what makes no sense, is too large or cannot be read for nothing, and writes over it", () =>
  Effect.gen(function* () {
    const { file, folder, load, save } = yield* stored
    mkdirSync(folder, { recursive: true })
    for (const text of ["", "{", "\u0000\u0001", "[".repeat(100_000), " ".repeat(9 * 1024 * 1024)]) {
      writeFileSync(file("k"), text)
      expect(yield* load("k")).toBe(undefined)
      yield* save("k", kept("one"))
      expect(yield* load("k")).toEqual(plain(kept("one")))
    }
    mkdirSync(file("directory"))
    expect(yield* load("directory")).toBe(undefined)
    yield* save("directory", kept("one"))
    // One that is too large is not kept, nor what was before.
    yield* save("k", kept("huge", "é".repeat(5 * 1024 * 1024)))
    expect(yield* load("k")).toBe(undefined)
  }),
)

it.live("says nothing where nothing can be kept", () =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    writeFileSync(join(directory, "file"), "")
    const store = yield* Effect.provide(CatalogStore, catalogs(join(directory, "file")))
    yield* store?.save("k", kept("one")) ?? Effect.void
    expect(yield* store?.load("k") ?? Effect.void).toBe(undefined)
    yield* store?.remove("k") ?? Effect.void
  }),
)

it.live("keeps no more than two hundred, and lets those go that were not saved for the longest time", () =>
  Effect.gen(function* () {
    const { file, folder, load, save } = yield* stored
    mkdirSync(folder, { recursive: true })
    for (let age = 1; age <= 230; age++) {
      writeFileSync(file(`old${age}`), "{}")
      utimesSync(file(`old${age}`), 1_700_000_000 - age, 1_700_000_000 - age)
    }
    yield* save("new", kept("one"))
    expect(readdirSync(folder).length).toBe(200)
    expect(yield* load("new")).toEqual(plain(kept("one")))
    expect([existsSync(file("old199")), existsSync(file("old200"))]).toEqual([true, false])
  }),
)

it.live(
  "real servers are offered at the next start before they run, and a call waits for its server",
  () =>
    Effect.gen(function* () {
      const cache = yield* temporaryDirectory
      const directory = yield* temporaryDirectory
      const servers = [
        config("everything", everything),
        config("files", filesystem(directory)),
        config("memory", memory(join(directory, "graph.json"))),
      ]
      const run = <A, E>(body: Effect.Effect<A, E, Mcp>) =>
        Effect.provide(body, Layer.provide(testMcp(), catalogs(cache)), { local: true })
      const names = (tools: ReadonlyArray<{ readonly key: string }>) => tools.map(({ key }) => key).toSorted()

      const listed = yield* run(
        Effect.gen(function* () {
          const mcp = yield* Mcp
          yield* Effect.forEach(servers, mcp.add, { concurrency: "unbounded" })
          return names(yield* mcp.tools())
        }),
      )
      expect(readdirSync(folder(cache)).length).toBe(3)
      yield* run(
        Effect.gen(function* () {
          const mcp = yield* Mcp
          const changes: Array<string> = []
          mcp.listen(({ data, type }) => {
            // server-everything says by itself, after each handshake, that its tools changed.
            if (type === "mcp.tools.changed" && data.server !== "everything") changes.push(data.server)
          })
          const added = yield* Effect.forkChild(Effect.forEach(servers, mcp.add, { concurrency: "unbounded" }), {
            startImmediately: true,
          })
          expect(names(yield* mcp.offered.tools)).toEqual(listed)
          expect((yield* mcp.offered.prompts).length).toBeGreaterThan(0)
          expect((yield* mcp.servers).map(({ status }) => status.status)).toEqual(["pending", "pending", "pending"])
          const echo = yield* mcp.callTool("everything", "echo", { message: "hi" }, { timeout: 30_000 })
          expect(echo).toMatchObject({ content: [{ text: "Echo: hi" }] })
          yield* Fiber.join(added)
          expect(names(yield* mcp.tools())).toEqual(listed)
          expect(changes).toEqual([])
        }),
      )
    }),
  60_000,
)

it.live(
  "the shell keeps catalogues, without environment, arguments or headers, and its commands wait for servers as ever",
  () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const graph = memory(join(directory, "graph.json"))
      const entry = {
        ...graph,
        command: [...graph.command, "--token=hunter2"],
        environment: { ...graph.environment, KEY: "hunter3" },
      }
      const cache = join(directory, "cache")
      for (const isCorrupt of [false, false, true]) {
        for (const name of isCorrupt ? readdirSync(folder(cache)) : []) writeFileSync(join(folder(cache), name), "{")
        const shell = yield* startShell({ directory, servers: { memory: entry }, env: { XDG_CACHE_HOME: cache } })
        shell.send({ id: "servers", op: "servers" }, { id: "tools", op: "tools" })
        expect((yield* shell.reply("servers")).result[0]).toMatchObject({ status: "pending", tools: 0 })
        expect((yield* shell.reply("tools")).result.length).toBeGreaterThan(5)
        expect((yield* shell.ask({ id: "end", op: "exit" })).result).toBe(true)
        expect(yield* shell.exit).toBe(0)
        expect(shell.said.filter(({ event }) => event === "mcp.tools.changed")).toEqual([])
        const files = readdirSync(folder(cache))
        expect(files.length).toBe(1)
        const text = readFileSync(join(folder(cache), files[0] ?? ""), "utf8")
        expect(text).toContain("create_entities")
        for (const secret of ["hunter2", "hunter3", directory]) expect(text + files.join()).not.toContain(secret)
      }
    }),
  60_000,
)
