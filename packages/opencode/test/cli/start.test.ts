import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { readdirSync } from "node:fs"
import { world } from "./program.ts"

describe("start", () => {
  it.live(
    "shows three real servers, a long call with its progress and a resource, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const { directory, processes, run } = yield* world
        const { code, stderr, stdout } = yield* run([], { program: "start.ts" })
        expect([code, stderr]).toEqual([0, ""])
        for (const name of ["everything", "filesystem", "memory"]) {
          expect(stdout).toMatch(new RegExp(`^  ${name} +.*server-${name}`, "m"))
          expect(stdout).toMatch(new RegExp(`^${name}\\tconnected\\tstdio\\t\\d+ tools`, "m"))
        }
        expect(stdout).toMatch(/━─+ {2}1\/8[\s\S]*8\/8 {2}100%\n +Long running operation completed/)
        expect(stdout).toContain("mcp read everything demo://resource/static/document/features.md")
        expect(stdout).toContain("# Everything Server")
        expect(stdout).toContain("What to try next")
        expect(readdirSync(directory)).toEqual(["home"])
        expect(processes()).toEqual([])
      }),
    60_000,
  )

  it.live("uses the configuration of the directory where there is one, without asking", () =>
    Effect.gen(function* () {
      const { run, write } = yield* world
      write("opencode.json", { mcp: { mine: sdkV2() } })
      const { code, stderr, stdout } = yield* run([], { program: "start.ts" })
      expect([code, stderr]).toEqual([0, ""])
      expect(stdout).toMatch(/^ {2}mine +.*sdk-v2-main\.ts stdio/m)
      expect(stdout).toMatch(/^mine\tconnected/m)
      expect(stdout).not.toContain("everything")
      expect((yield* run(["list"])).stdout).toStartWith("mine\tfailed")
    }),
  )

  it.live(
    "interrupted, leaves nothing behind either",
    () =>
      Effect.gen(function* () {
        const { directory, processes, start, terminal } = yield* world
        const { code, text } = yield* terminal([], { program: "start.ts", keys: [["Calling a tool", "\u0003"]] })
        expect(code).toBe(130)
        expect(text).toContain("interrupted")
        const running = yield* start([], { program: "start.ts" })
        running.kill("SIGTERM")
        expect((yield* running.result).code).toBe(143)
        expect(readdirSync(directory)).toEqual(["home"])
        expect(processes()).toEqual([])
      }),
    30_000,
  )
})
