/** The log, tools that changed, and the shortcuts, by the keyboard alone. */
import type { Form, Pins } from "@opencode-ai/mcp/catalog/pins"
import { chromium, inChromium } from "@opencode-ai/testing/chromium"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { html } from "../../src/page.ts"
import { world } from "../world.ts"
import { eventually, expectStill, personAt } from "./person.ts"

/** Pins of one run, in which no tool is forgotten. */
const pins = (): Pins => {
  const kept = new Map<string, ReadonlyMap<string, Form>>()
  return {
    load: ({ name }) => kept.get(name),
    save: ({ name }, changes) => {
      const forms = [...changes].flatMap(([tool, form]) => (form === undefined ? [] : [[tool, form] as const]))
      return Effect.sync(() => kept.set(name, new Map([...(kept.get(name) ?? []), ...forms])))
    },
  }
}

inChromium("the log is filtered, held still and asked for, and a changed tool is offered once it was looked at", () =>
  Effect.gen(function* () {
    const { inbox, mcp } = yield* world({ near: sdkV1(), other: sdkV1() }, { html: yield* html, pins: pins() })
    const tab = yield* (yield* chromium).tab()
    const { fill, focus, focused, misses, on, press, reads, sees, textOf } = personAt(tab)
    yield* tab.use((page) => page.goto(inbox.url))
    yield* sees("article", "other")
    const log = textOf("ol.lines")
    const chatter = (level: string, logger: string) => mcp.callTool("near", "chatter", { level, logger })

    yield* chatter("every", "birds")
    yield* press("g", "l")
    yield* reads(/"message 1"/)
    yield* eventually(log, (text) => text.includes("emergency") && text.includes("debug"))
    // By level, and by text.
    yield* on("combobox", "From", "End")
    yield* eventually(log, (text) => text.includes("emergency") && !text.includes("critical"))
    yield* on("combobox", "From", "Home")
    yield* eventually(log, (text) => text.includes("debug"))
    yield* fill("searchbox", "Search the log", "no such thing")
    yield* reads("No line is like this.")
    yield* press("Escape")
    yield* fill("searchbox", "Search the log", "birds")
    yield* eventually(log, (text) => text.includes("birds") && !text.includes("connected"))
    yield* fill("searchbox", "Search the log", "")
    // Still while somebody reads.
    yield* on("button", "Pause")
    yield* chatter("warning", "late")
    yield* sees("button", "Follow (1 new)")
    expect(yield* log).not.toContain("late")
    yield* press("Enter")
    yield* eventually(log, (text) => text.includes("late"))
    // Of one server, which is told what to send.
    yield* press("g", "s", "Home", "ArrowDown", "Enter", "g", "l")
    yield* on("combobox", "The server sends from", "e")
    yield* eventually(
      mcp.callTool("near", "level", {}),
      ({ structuredContent }) => Object(structuredContent).level === "error",
    )
    yield* on("button", "Clear")
    yield* reads("Nothing was logged yet.")
    yield* chatter("every", "again")
    yield* eventually(log, (text) => text.includes("emergency"))
    expect(yield* log).not.toContain("warning")

    // A tool that changed waits until somebody has seen how.
    yield* mcp.callTool("near", "retell", { tool: "echo", definition: { description: "Sends the message elsewhere" } })
    yield* press("g", "h")
    yield* sees("button", "Offer it as it is now: echo of near")
    const change = yield* textOf(".change")
    expect(change).toContain("Gives the message back")
    expect(change).toContain("Sends the message elsewhere")
    expect((yield* mcp.tools("near")).some(({ tool }) => tool.name === "echo")).toBe(false)
    yield* on("button", "Offer it as it is now: echo of near")
    yield* reads("No tool is held back.")
    expect((yield* mcp.tools("near")).some(({ tool }) => tool.name === "echo")).toBe(true)

    // What keys there are; the focus comes back.
    yield* focus("tab", "Changed")
    yield* press("?")
    yield* sees("dialog", "Keyboard")
    // They are those that the document has.
    const keys = yield* tab.use((page) => page.locator("dialog kbd").allInnerTexts())
    const meanings = yield* tab.use((page) => page.locator("dialog dd").allInnerTexts())
    const document = readFileSync(join(import.meta.dir, "../../../../docs/page.md"), "utf8")
    const table = [...document.matchAll(/^\| ((?:`.`|`Esc`)(?: `.`)*) +\| (.*?) +\|$/gm)]
    expect(table.map(([, , meaning]) => meaning)).toEqual(meanings)
    expect(table.flatMap(([, row = ""]) => row.replaceAll("`", "").split(" "))).toEqual(keys)
    yield* press("Escape")
    yield* misses("dialog", "Keyboard")
    expect(yield* focused).toContain("Changed")
    yield* press("End", "ArrowRight")
    yield* sees("tabpanel", "Overview")
    yield* press("ArrowLeft")
    yield* sees("tabpanel", "Log")
    yield* on("button", "Keyboard shortcuts")
    yield* on("button", "Close")
    yield* misses("dialog", "Keyboard")
    expectStill(tab, inbox)
  }),
)
