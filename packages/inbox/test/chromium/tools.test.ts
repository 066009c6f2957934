/** Tools, calls and tasks, by the keyboard alone. */
import { chromium, inChromium } from "@opencode-ai/testing/chromium"
import { sdkV1, sdkV1Tasks } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { html } from "../../src/page.ts"
import { world } from "../world.ts"
import { eventually, expectStill, type Person, personAt } from "./person.ts"

/** From anywhere to a tool of the server that is looked at. */
const toTool = ({ fill, on, press, sees }: Person, name: string) =>
  Effect.gen(function* () {
    yield* press("Escape", "g", "t")
    yield* fill("searchbox", "Search tools", name)
    yield* on("button", new RegExp(`^${name}\\b`))
    yield* sees("article", `Tool ${name}`)
  })

inChromium("tools are found and called by their forms or as JSON, and what they answer is shown", () =>
  Effect.gen(function* () {
    const { inbox, mcp } = yield* world({ near: sdkV1(), late: sdkV1Tasks() }, { html: yield* html })
    const tab = yield* (yield* chromium).tab()
    const person = personAt(tab)
    const { fill, focus, focused, on, press, reads, sees, textOf } = person
    const result = textOf("section.run")
    yield* tab.use((page) => page.goto(inbox.url))
    yield* sees("article", "late")

    yield* press("g", "t")
    yield* on("button", /^near 30 tools/)
    yield* toTool(person, "add")
    expect(yield* focused).toBe("h3 add")
    yield* reads("says the server")
    yield* fill("textbox", "a (required)", "2")
    yield* fill("textbox", "b (required)", "two")
    yield* on("button", "Call the tool")
    yield* reads("Type a number.")
    expect(yield* tab.use((page) => page.locator(":focus").inputValue())).toBe("two")
    yield* fill("textbox", "b (required)", "3")
    yield* press("Enter")
    yield* reads('"sum": 5')

    // As JSON, and what is wrong with it beside it.
    yield* toTool(person, "echo")
    yield* fill("textbox", "message (required)", "from the form")
    yield* on("button", "Write JSON")
    expect(JSON.parse(yield* tab.use((page) => page.getByLabel("Arguments as JSON").inputValue()))).toEqual({
      message: "from the form",
    })
    yield* fill("textbox", "Arguments as JSON", '{ "message": ')
    yield* on("button", "Call the tool")
    yield* reads(/This is no JSON/)
    yield* fill("textbox", "Arguments as JSON", '{ "message": "by hand" }')
    yield* on("button", "Fill in a form")
    expect(yield* tab.use((page) => page.getByLabel("message (required)").inputValue())).toBe("by hand")
    yield* on("button", "Call the tool")
    yield* sees("region", "Result")
    yield* eventually(result, (text) => text.includes("done") && text.includes("by hand"))

    // A block of every kind, errors of a tool and of the protocol.
    yield* toTool(person, "content")
    yield* on("button", "Call the tool")
    yield* sees("img", "A picture of the server")
    yield* eventually(
      tab.use((page) => page.evaluate("document.querySelector('.run img').naturalWidth")),
      (width) => Number(width) > 0,
    )
    for (const text of ["words", "test://text", "embedded", "audio/wav"]) expect(yield* result).toContain(text)
    yield* toTool(person, "fail")
    yield* on("button", "Call the tool")
    yield* reads("it failed")
    expect(yield* result).toContain("error")
    yield* toTool(person, "refuse")
    yield* on("button", "Call the tool")
    yield* reads(/refused/)

    // One that runs until it is cancelled, here and where all calls are.
    yield* toTool(person, "hang")
    yield* on("button", "Call the tool")
    yield* sees("progressbar", "Progress of hang")
    yield* on("button", "Cancel the call of hang")
    yield* reads(/cancelled/)
    const other = yield* Effect.forkScoped(mcp.callTool("near", "hang", { for: "ever" }))
    yield* press("Escape", "g", "c")
    yield* sees("progressbar", "Progress: near, hang")
    yield* reads('for: "ever"')
    yield* on("button", "Cancel: near, hang")
    yield* reads("No calls are under way.")
    expect(String(yield* Effect.flip(Fiber.join(other)))).toContain("cancelled")

    // Tasks: cancelled, read anew, and their results.
    const gated = yield* Effect.forkScoped(mcp.callTool("late", "gated", {}))
    yield* press("g", "s", "End", "Enter", "g", "k")
    yield* on("button", /^Cancel the task /)
    yield* sees("button", /^Show the result of /)
    yield* Fiber.await(gated)
    yield* mcp.callTool("late", "slow", { ms: 20, text: "slow, but sure" })
    yield* on("button", "Refresh the tasks")
    yield* eventually(
      tab.use((page) => page.getByRole("button", { name: /^Show the result of / }).count()),
      (count) => count === 2,
    )
    yield* reads("completed")
    const last = tab.use((page) =>
      page.getByRole("listitem").filter({ hasText: "completed" }).getByRole("button").getAttribute("aria-label"),
    )
    yield* on("button", (yield* last) ?? "")
    yield* reads("slow, but sure")
    yield* focus("button", (yield* last) ?? "")
    expect(yield* focused).toBe("button Hide")
    expectStill(tab, inbox)
  }),
)
