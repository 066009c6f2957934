import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { it } from "@opencode-ai/testing/effect"
import { poll } from "@opencode-ai/testing/polling"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
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
import * as Truncate from "../../src/tool/truncate.ts"

const over = <A, E>(data: string, body: Effect.Effect<A, E, Truncate.Service>) =>
  Effect.provide(
    body,
    Truncate.layer.pipe(
      Layer.provide(NodeFileSystem.layer),
      Layer.provide(NodePath.layer),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { XDG_DATA_HOME: data } }))),
    ),
  )

const cut = (given: string | ReadonlyArray<Truncate.Piece>) =>
  Effect.flatMap(temporaryDirectory, (data) =>
    over(
      data,
      Effect.flatMap(Truncate.Service, ({ output }) => output(given)),
    ),
  )

describe("an output", () => {
  it.live("that fits is left as it is", () =>
    Effect.gen(function* () {
      expect(yield* cut("two\nlines")).toEqual({ content: "two\nlines", truncated: false })
      expect(yield* cut([{ text: "one" }, { text: "two", priority: 0 }])).toEqual({
        content: "one\n\ntwo",
        truncated: false,
      })
      expect((yield* cut("x\n".repeat(1_999)))["truncated"]).toBe(false)
      expect((yield* cut("é".repeat(25_600)))["truncated"]).toBe(false)
    }),
  )

  it.live("of too many lines begins as it did, and is whole in a file of this user's alone", () =>
    Effect.gen(function* () {
      const data = yield* temporaryDirectory
      const text = Array.from({ length: 3_000 }, (_, index) => `line ${index}`).join("\n")
      const output = yield* over(
        data,
        Effect.flatMap(Truncate.Service, ({ output }) => output(text)),
      )
      if (!output.truncated || output.outputPath === undefined) throw new Error("it was not cut")
      expect(output.content.startsWith("line 0\nline 1\n")).toBe(true)
      expect(output.content).toContain("line 1999\n")
      expect(output.content).not.toContain("line 2000")
      expect(output.content).toContain(`The whole of it is in the file ${output.outputPath}`)
      expect(readFileSync(output.outputPath, "utf8")).toBe(text)
      expect(statSync(output.outputPath).mode & 0o777).toBe(0o600)
      expect(statSync(join(data, "opencode", "tool-output")).mode & 0o777).toBe(0o700)
    }),
  )

  it.live.each([0, 1, 2, 3])("is never cut within a character (%d)", (shift) =>
    Effect.gen(function* () {
      const { content } = yield* cut(`${"x".repeat(shift)}${"😀".repeat(20_000)}`)
      const [first = ""] = content.split("\n")
      expect(first.replace(/^x*/, "")).toMatch(/^(?:😀)+$/u)
      expect(Buffer.byteLength(first)).toBeLessThanOrEqual(Truncate.maxBytes)
      expect(Buffer.byteLength(first)).toBeGreaterThan(Truncate.maxBytes - 4)
    }),
  )

  it.live("loses what matters least first, and says in its place that it is missing", () =>
    Effect.gen(function* () {
      const { content } = yield* cut([
        { text: `start ${"a".repeat(30_000)}`, priority: 0.1 },
        { text: "no word of importance" },
        { text: `end ${"b".repeat(30_000)}`, priority: 0.9 },
      ])
      expect(content).toContain(`end ${"b".repeat(30_000)}`)
      expect(content).toContain("no word of importance")
      expect(content).toMatch(/^start a+\n\n\[… \d+ bytes in 1 lines were cut here\]/)
    }),
  )

  it.live("of endless pieces stays small", () =>
    Effect.gen(function* () {
      const { content } = yield* cut(Array.from({ length: 100_000 }, () => ({ text: "x" })))
      expect(Buffer.byteLength(content)).toBeLessThan(2 * Truncate.maxBytes)
    }),
  )

  it.live("whose file cannot be written is cut and says so", () =>
    Effect.gen(function* () {
      const data = yield* temporaryDirectory
      writeFileSync(join(data, "opencode"), "in the way")
      const output = yield* over(
        data,
        Effect.flatMap(Truncate.Service, ({ output }) => output("x".repeat(60_000))),
      )
      expect(output.truncated).toBe(true)
      expect(output).not.toHaveProperty("outputPath")
      expect(output.content).toContain("could not be written to a file")
    }),
  )
})

describe("the files", () => {
  it.live("that are older than seven days are removed, and nothing else", () =>
    Effect.gen(function* () {
      const data = yield* temporaryDirectory
      const directory = join(data, "opencode", "tool-output")
      mkdirSync(directory, { recursive: true })
      chmodSync(directory, 0o700)
      const file = (name: string, days: number) => {
        writeFileSync(join(directory, name), "x")
        const then = new Date(new Date().getTime() - days * 86_400_000)
        utimesSync(join(directory, name), then, then)
      }
      file("tool_old.txt", 8)
      file("tool_young.txt", 6)
      file("mine.txt", 100)
      yield* over(
        data,
        poll(() => (existsSync(join(directory, "tool_old.txt")) ? undefined : true)),
      )
      expect(readdirSync(directory).toSorted()).toEqual(["mine.txt", "tool_young.txt"])
    }),
  )
})
