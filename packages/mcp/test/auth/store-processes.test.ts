/** What is kept while several processes write it, and what is left when one of them is killed. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { make } from "../../src/auth/store/file.ts"

const place = { server: "issues", url: "https://example.com/mcp" }
const program = fileURLToPath(new URL("store-process.ts", import.meta.url))

const files = Effect.map(temporaryDirectory, (directory) => {
  const path = join(directory, "opencode", "mcp-auth.json")
  mkdirSync(dirname(path))
  return { directory, path, store: make({ path }) }
})

const ended = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

const end = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (ended(child)) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

interface Program {
  readonly child: ChildProcess
  /** Waits for a line of its output. */
  readonly said: (line: string) => Effect.Effect<void>
  /** Waits for its end: what it said in anger. */
  readonly done: Effect.Effect<string>
  readonly kill: Effect.Effect<void>
}

const run = (...args: ReadonlyArray<string | number>): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, [program, ...args.map(String)], { stdio: ["ignore", "pipe", "pipe"] })),
      end,
    ),
    (child) => {
      let output = ""
      let anger = ""
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
      child.stderr.on("data", (chunk: Buffer) => (anger += chunk.toString()))
      return {
        child,
        said: (line) =>
          Effect.callback((resume) => {
            const look = () => {
              if (output.includes(`${line}\n`)) resume(Effect.void)
              else child.stdout.once("data", look)
            }
            look()
          }),
        done: Effect.callback((resume) => {
          const finish = () => resume(Effect.succeed(child.exitCode === 0 ? "" : anger || `exit ${child.exitCode}`))
          if (ended(child)) finish()
          else child.once("close", finish)
        }),
        kill: end(child),
      }
    },
  )

const marks = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index}`)

const kept = (store: ReturnType<typeof make>) =>
  Effect.map(store.read(place), (credentials) =>
    credentials?.tokens === undefined ? [] : Redacted.value(credentials.tokens.access).split(" "),
  )

describe("credentials of several processes", () => {
  it.live(
    "are all kept, however they write at the same moment",
    () =>
      Effect.gen(function* () {
        const { path, store } = yield* files
        const programs = yield* Effect.all([run("updates", path, "a", 40), run("updates", path, "b", 40)])
        expect(yield* Effect.forEach(programs, ({ done }) => done, { concurrency: 2 })).toEqual(["", ""])
        const all = yield* kept(store)
        expect(all.toSorted()).toEqual([...marks("a", 40), ...marks("b", 40)].toSorted())
        // Each process in its own order.
        expect(all.filter((mark) => mark.startsWith("a-"))).toEqual(marks("a", 40))
        expect(readdirSync(dirname(path)).toSorted()).toEqual(["mcp-auth-bindings.json", "mcp-auth.json"])
      }),
    60_000,
  )

  it.live(
    "and what OpenCode writes without a lock meanwhile are both kept",
    () =>
      Effect.gen(function* () {
        const { path, store } = yield* files
        const programs = yield* Effect.all([
          run("updates", path, "a", 40),
          run("opencode", path, "other", 40),
          run("updates", path, "b", 40),
        ])
        expect(yield* Effect.forEach(programs, ({ done }) => done, { concurrency: 3 })).toEqual(["", "", ""])
        expect((yield* kept(store)).toSorted()).toEqual([...marks("a", 40), ...marks("b", 40)].toSorted())
        const read = yield* store.read(place)
        expect([read?.issuer, read?.tokens?.type]).toEqual(["https://login.example.com", "DPoP"])
        const file = JSON.parse(readFileSync(path, "utf8"))
        const others = Object.keys(file).filter((name) => name.startsWith("other-"))
        expect(others.toSorted()).toEqual(marks("other", 40).toSorted())
        for (const name of others) expect(`other-${file[name].tokens.accessToken}`).toBe(name)
      }),
    60_000,
  )

  it.live(
    "are renewed by one process at a time",
    () =>
      Effect.gen(function* () {
        const { directory, path } = yield* files
        const counter = join(directory, "counter")
        writeFileSync(counter, "0")
        const programs = yield* Effect.all([1, 2].map(() => run("exclusively", path, counter, 25)))
        expect(yield* Effect.forEach(programs, ({ done }) => done, { concurrency: 2 })).toEqual(["", ""])
        expect(readFileSync(counter, "utf8")).toBe("50")
      }),
    60_000,
  )
})

describe("a process that is killed", () => {
  it.live(
    "in the middle of a renewal does not keep the others waiting",
    () =>
      Effect.gen(function* () {
        const { path, store } = yield* files
        const holder = yield* run("hold", path)
        yield* holder.said("holding")
        const others = yield* Effect.forkChild(store.exclusively(place, Effect.succeed("mine")))
        // What the holder does not hold goes on.
        yield* store.update(place, () => ({ wantedScope: "x" }))
        expect(others.pollUnsafe()).toBe(undefined)
        yield* holder.kill
        expect(yield* Effect.timeout(Fiber.join(others), "5 seconds")).toBe("mine")
        expect(readdirSync(dirname(path)).filter((name) => name.includes("lock"))).toEqual([])
      }),
    30_000,
  )

  it.live(
    "in the middle of a write leaves what was there, or what it wrote",
    () =>
      Effect.gen(function* () {
        const { path, store } = yield* files
        let last = 0
        for (let round = 0; round < 6; round++) {
          const writer = yield* run("flood", path)
          yield* writer.said("writing")
          // At another point of its work each time.
          const from = last
          yield* Effect.repeat(
            Effect.sync(() => (existsSync(path) ? readdirSync(dirname(path)).length : 0)),
            { schedule: Schedule.spaced(1), times: 30 + round * 7 },
          )
          yield* writer.kill
          const read = yield* store.read(place)
          const number = Number(read?.tokens?.scope ?? 0)
          expect(number >= from).toBe(true)
          last = number
          if (read?.tokens !== undefined) {
            expect(Redacted.value(read.tokens.access)).toBe(String(number).padEnd(200_000, "x"))
          }
        }
        expect(last > 0).toBe(true)
        yield* store.update(place, (current) => ({ ...current, wantedScope: "x" }))
        // One that is empty yet was begun by a process that cannot be told from another: it goes in half a minute.
        const left = readdirSync(dirname(path)).filter((name) => readFileSync(join(dirname(path), name), "utf8") !== "")
        expect(left.toSorted()).toEqual(["mcp-auth-bindings.json", "mcp-auth.json"])
      }),
    60_000,
  )
})
