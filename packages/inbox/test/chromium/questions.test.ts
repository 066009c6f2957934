/** What servers ask, answered by the keyboard alone while their calls wait. */
import { chromium, inChromium } from "@opencode-ai/testing/chromium"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { html } from "../../src/page.ts"
import { world } from "../world.ts"
import { armed, asking, eventually, personAt } from "./person.ts"

const every = {
  type: "object",
  properties: {
    name: { type: "string", title: "Name", description: "Who you are", minLength: 2 },
    mail: { type: "string", title: "Mail", format: "email" },
    site: { type: "string", title: "Site", format: "uri" },
    day: { type: "string", title: "Day", format: "date" },
    at: { type: "string", title: "At", format: "date-time" },
    age: { type: "integer", title: "Age", minimum: 18 },
    share: { type: "number", title: "Share", default: 0.5 },
    agreed: { type: "boolean", title: "Agreed", default: false },
    news: { type: "boolean", title: "News" },
    colour: { type: "string", title: "Colour", enum: ["red", "green", "blue"] },
    size: {
      type: "string",
      title: "Size",
      oneOf: ["xs", "s", "m", "l", "xl", "xxl"].map((size) => ({ const: size, title: size.toUpperCase() })),
    },
    days: { type: "array", title: "Days", items: { type: "string", enum: ["mo", "tu", "we"] }, maxItems: 2 },
    tags: {
      type: "array",
      title: "Tags",
      items: { anyOf: ["one", "two"].map((tag) => ({ const: tag, title: `Tag ${tag}` })) },
    },
  },
  required: ["name", "mail", "age", "agreed", "colour"],
}

inChromium("forms and visits are answered, and nothing that was typed elsewhere answers one", () =>
  Effect.gen(function* () {
    const { inbox, mcp } = yield* world({ near: sdkV1() }, { html: yield* html })
    const browser = yield* chromium
    const tab = yield* browser.tab({ locale: "en-US", timezoneId: "UTC" })
    const { answer, choose, fill, focused, misses, on, press, reads, sees, textOf, type, write } = personAt(tab)
    yield* tab.use((page) => page.goto(inbox.url))
    yield* sees("article", "near")

    // Every kind of field; what is wrong is said beside it, and the first of it has the focus.
    const form = yield* asking(mcp, "elicit", { params: { message: "Who goes there?", requestedSchema: every } })
    yield* reads("Who goes there?")
    expect(yield* focused).toContain("near asks you to fill in a form")
    yield* fill("textbox", "Name (required)", "A")
    yield* fill("textbox", "Age (required)", "17")
    yield* armed(tab)
    yield* on("button", "Accept")
    yield* reads("4 fields to be put right.")
    yield* reads("Type at least 2 characters")
    expect(yield* focused).toContain("input")
    yield* fill("textbox", "Name (required)", "Ada Lovelace")
    yield* fill("textbox", "Mail (required)", "ada@example.org")
    yield* fill("textbox", "Site", "https://example.org/ada")
    yield* write("Day", "12102026")
    yield* write("At", "12102026", "ArrowRight", "093000AM")
    yield* fill("textbox", "Age (required)", "36")
    yield* fill("textbox", "Share", "0.25")
    yield* on("checkbox", "Agreed", "Space")
    yield* choose("News", "Yes")
    yield* choose("Colour (required)", "blue")
    yield* on("combobox", "Size", "x", "x", "x")
    yield* on("checkbox", "mo", "Space")
    yield* on("checkbox", "we", "Space")
    yield* on("checkbox", "Tag two", "Space")
    yield* answer("Accept")
    expect(yield* form.joined).toEqual({
      action: "accept",
      content: {
        name: "Ada Lovelace",
        mail: "ada@example.org",
        site: "https://example.org/ada",
        day: "2026-12-10",
        at: "2026-12-10T09:30:00.000Z",
        age: 36,
        share: 0.25,
        agreed: true,
        news: true,
        colour: "blue",
        size: "xxl",
        days: ["mo", "we"],
        tags: ["two"],
      },
    })

    // No, and no answer at all. Another page, where nobody answered, says what became of it.
    const other = personAt(yield* browser.tab())
    yield* other.tab.use((page) => page.goto(inbox.url))
    for (const [button, action] of [
      ["Decline", "decline"],
      ["Cancel", "cancel"],
    ] as const) {
      const asked = yield* asking(mcp, "elicit", {})
      yield* other.sees("button", button)
      yield* answer(button, "Space")
      yield* other.reads("Its form was answered elsewhere, or is no longer needed.")
      yield* other.on("button", /^Dismiss/)
      expect(yield* asked.joined).toEqual({ action })
    }

    // A page to visit: its whole address is seen, and it is opened by the person alone.
    const url = "https://accounts.example.com.evil.example/sign-in?for=accounts.example.com"
    const visit = yield* asking(mcp, "elicitUrl", { elicitationId: "1", url, message: "Prove who you are" })
    yield* reads("Prove who you are")
    expect(yield* textOf("[data-question] .url")).toBe(url)
    expect(yield* textOf("[data-question] .url strong")).toBe("accounts.example.com.evil.example")
    expect(tab.disturbances).toEqual([])
    yield* answer(/^I agree and open accounts\.example\.com\.evil\.example/, "Enter", "link")
    expect(yield* visit.joined).toEqual({ action: "accept" })
    yield* eventually(
      Effect.sync(() => tab.disturbances),
      ({ length }) => length === 1,
    )

    // One that a call waits for: the person says when it is done, and the call is made again.
    const needs = yield* Effect.forkScoped(mcp.callTool("near", "needsUrl", { id: "2" }))
    yield* answer("I opened it myself")
    yield* on("button", "I am done at example.com")
    yield* misses("article", "Visit for near")
    // Its server has not seen the person there.
    expect(String(yield* Effect.flip(Fiber.join(needs)))).toContain("A visit to a URL is required")

    // What is typed elsewhere stays there, and answers nothing.
    yield* press("g", "l", "/")
    yield* type("hello ")
    const waiting = yield* asking(mcp, "elicit", {})
    yield* sees("article", "Question of near")
    yield* armed(tab)
    yield* type("world")
    yield* press("Enter", "Space")
    expect(yield* tab.use((page) => page.locator(":focus").inputValue())).toBe("hello world ")
    yield* sees("article", "Question of near")

    // A server that is gone takes its question along, and the page says so.
    yield* press("Escape")
    yield* mcp.disconnect("near")
    yield* misses("article", "Question of near")
    yield* reads("Its form was taken back: the server, or the call that it belonged to, is gone. Nothing was sent.")
    yield* Fiber.await(waiting.fiber)
    yield* on("button", /^Dismiss: Its form was taken back/)
    yield* misses("button", /^Dismiss/)
    expect(tab.console).toEqual([])
  }),
)
