/** What servers ask of the model, and what they would have for an answer: let through, edited or not, by the keyboard alone. */
import type { SamplingRequest } from "@opencode-ai/mcp/capability/sampling"
import { chromium, inChromium } from "@opencode-ai/testing/chromium"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { html } from "../../src/page.ts"
import { world } from "../world.ts"
import { asking, expectStill, personAt } from "./person.ts"

const params = {
  systemPrompt: "You are a parrot",
  messages: [
    { role: "user", content: { type: "text", text: "Polly?" } },
    { role: "assistant", content: { type: "text", text: "Polly!" } },
    { role: "user", content: { type: "text", text: "A cracker?" } },
  ],
  maxTokens: 77,
  temperature: 0.3,
  stopSequences: ["END"],
  modelPreferences: { hints: [{ name: "macaw" }] },
}

inChromium("requests to the model are seen whole, edited, let through or not; and no key struck too early counts", () =>
  Effect.gen(function* () {
    const asked: Array<SamplingRequest> = []
    const { inbox, mcp } = yield* world({ near: sdkV1() }, { html: yield* html, asked })
    const browser = yield* chromium
    const tab = yield* browser.tab()
    const { answer, fill, focused, on, reads, sees, textOf, misses } = personAt(tab)
    yield* tab.use((page) => page.goto(inbox.url))
    yield* sees("article", "near")
    const sample = asking(mcp, "sample", { params })

    const first = yield* sample
    yield* sees("button", "Refuse")
    expect(yield* focused).toContain("near wants to ask the model")
    const seen = yield* textOf("[data-question]")
    for (const text of ["You are a parrot", "Polly?", "Polly!", "A cracker?", "77 tokens", "0.3", '["END"]', "macaw"]) {
      expect(seen).toContain(text)
    }
    expect(seen).toContain("provider/parrot")
    yield* on("button", "Edit the last message")
    yield* fill("textbox", "The last message, as it is sent", "Two crackers?")
    yield* answer("Allow as edited")
    // The answer of the model is reviewed before the server has it.
    yield* reads("answered this. Nothing of it was sent yet.")
    expect(asked.map(({ params }) => params)).toMatchObject([
      { ...params, messages: [...params.messages.slice(0, 2), { content: { text: "Two crackers?" } }] },
    ])
    expect(yield* textOf("[data-question]")).toContain('you said {"type":"text","text":"Polly?"}')
    yield* on("button", "Edit the answer")
    yield* fill("textbox", "The answer, as it is sent", "No crackers")
    yield* answer("Allow as edited", "Space")
    expect(yield* first.joined).toMatchObject({ content: { type: "text", text: "No crackers" }, model: "parrot" })

    // As it is, and then its answer not.
    const second = yield* sample
    yield* answer("Allow")
    yield* reads("answered this. Nothing of it was sent yet.")
    expect(asked[1]?.params).toMatchObject(params)
    yield* answer("Refuse")
    expect(yield* second.joined).toMatchObject({ code: -1 })

    // Not at all.
    const third = yield* sample
    yield* answer("Refuse")
    expect(yield* third.joined).toMatchObject({ code: -1 })
    expect(asked).toHaveLength(2)
    yield* misses("article", "Question of near")
    expectStill(tab, inbox)

    // The page's clock stands still: it is as if the person had struck the keys in the moment in which the question came.
    const hasty = yield* browser.tab()
    const { sees: seesHasty, ...at } = personAt(hasty)
    yield* hasty.use((page) => page.clock.install())
    yield* hasty.use((page) => page.goto(inbox.url))
    yield* seesHasty("article", "near")
    yield* hasty.use(async (page) => page.clock.pauseAt(Number(await page.evaluate("Date.now()")) + 1_000))
    const fourth = yield* sample
    yield* seesHasty("article", "Question of near")
    yield* at.on("button", "Allow", "Enter", "Space")
    yield* at.on("button", "Refuse", "Space", "Enter")
    expect(asked).toHaveLength(2)
    yield* seesHasty("article", "Question of near")
    yield* hasty.use(({ clock }) => clock.runFor(600))
    yield* at.press("Enter")
    expect(yield* fourth.joined).toMatchObject({ code: -1 })
  }),
)

inChromium("where there is no model, the person writes the answer", () =>
  Effect.gen(function* () {
    const { inbox, mcp } = yield* world({ near: sdkV1() }, { html: yield* html, noModel: true })
    const tab = yield* (yield* chromium).tab()
    const { answer, fill, reads } = personAt(tab)
    yield* tab.use((page) => page.goto(inbox.url))
    const sample = asking(mcp, "sample", { params })
    const first = yield* sample
    yield* reads("Polly!")
    yield* fill("textbox", "Your answer", "Squawk")
    yield* answer("Send the answer")
    expect(yield* first.joined).toMatchObject({ role: "assistant", content: { type: "text", text: "Squawk" } })
    const second = yield* sample
    yield* answer("Refuse")
    expect(yield* second.joined).toMatchObject({ code: -1 })
    yield* Fiber.await(second.fiber)
    expectStill(tab, inbox)
  }),
)
