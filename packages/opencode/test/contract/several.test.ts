import { it } from "@opencode-ai/testing/effect"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { type Keys, world } from "../cli/program.ts"

const enter = "\r"
const down = "\u001b[B"
const up = "\u001b[A"
const interrupt = "\u0003"

const requestedSchema = {
  type: "object",
  properties: {
    tags: {
      type: "array",
      title: "Tags",
      items: { type: "string", enum: ["one", "two", "three"] },
      minItems: 1,
      maxItems: 2,
    },
  },
  required: ["tags"],
}

/** What a terminal shows of a form with one field that takes several of three values. */
const pick = (keys: Keys, env: Readonly<Record<string, string>> = {}, columns = 100) =>
  Effect.gen(function* () {
    const { terminal, write } = yield* world
    const config = write("servers.json", { mcp: { s: sdkV1() } })
    const form = JSON.stringify({ params: { message: "Pick", requestedSchema } })
    return yield* terminal(["call", "s", "elicit", form, "--config", config], {
      env,
      columns,
      keys: [["Cancel", enter], ...keys],
    })
  })

describe("a field that takes several values", () => {
  it.live("says how many, and shows without colours what it points at", () =>
    Effect.gen(function* () {
      const { code, raw, text } = yield* pick(
        [
          ["❯ ☐ one", down],
          ["❯ ☐ two", " "],
          ["❯ ☒ two", enter],
          ["Send it?", enter],
        ],
        { NO_COLOR: "1" },
      )
      expect(text).toContain("Tags  any of several, 1 or more, up to 2")
      expect(text).toContain("… two\n")
      expect(text).toContain(`"tags":["two"]`)
      expect(raw).not.toMatch(/\u001b\[[0-9;]*m/)
      expect(code).toBe(0)
    }),
  )

  it.live("says in its place what does not fit, and leaves nothing of it behind", () =>
    Effect.gen(function* () {
      const { raw, text } = yield* pick([
        ["❯ ☐ one", enter],
        ["expected at least 1 item", " "],
        ["❯ ☒ one", up],
        ["❯ ☐ three", " "],
        ["❯ ☒ three", up],
        ["❯ ☐ two", " "],
        ["❯ ☒ two", enter],
        ["expected at most 2 items", interrupt],
      ])
      expect(raw).toMatch(/expected at most 2 items[^\n]*\u001b\[J/)
      expect(text).toContain(`"action":"cancel"`)
    }),
  )

  it.live("is drawn anew over itself where its lines are longer than the terminal is wide", () =>
    Effect.gen(function* () {
      const { raw } = yield* pick(
        [
          ["❯ ☐ one", down],
          ["❯ ☐ two", interrupt],
        ],
        {},
        30,
      )
      const rows = 3 + 3
      expect(raw).toContain(`\u001b[2K${"\u001b[1A\u001b[2K".repeat(rows - 1)}\r`)
    }),
  )
})
