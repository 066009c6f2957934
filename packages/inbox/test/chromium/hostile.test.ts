/** Beside a server whose every text is an attack: it is text, all of it is seen, and the page stays what it is. */
import { chromium, inChromium, type Tab } from "@opencode-ai/testing/chromium"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { listening } from "@opencode-ai/testing/peers/authorization/http"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { html } from "../../src/page.ts"
import { world } from "../world.ts"
import { hostileServer, isUnseen, payload, tool } from "./hostile.ts"
import { eventually, expectStill, personAt } from "./person.ts"

/** A server that nobody should come to, and what came. */
const nowhere = Effect.gen(function* () {
  const paths: Array<string> = []
  const origin = yield* listening((request, response) => {
    paths.push(request.url ?? "")
    response.end()
  })
  return { origin, paths }
})

/** Of what the page is made; nothing of it may be a server's. */
const made = `(() => {
  const all = [...document.querySelectorAll("*")]
  const links = all.filter((each) => each.localName === "a").map((each) => each.getAttribute("href"))
  const handlers = all.flatMap((each) => each.getAttributeNames().filter((name) => /^on|^style$|^srcdoc$|^formaction$/.test(name)))
  const odd = all.map((each) => each.localName)
    .filter((name) => /^(img|audio|video|iframe|frame|object|embed|base|template|marquee|portal|style|script|link|meta)$/.test(name))
  return {
    links,
    handlers,
    odd: odd.join(" "),
    text: document.body.innerText + [...document.querySelectorAll("[aria-label],[title],[placeholder]")].map((each) =>
      ["aria-label", "title", "placeholder"].map((name) => each.getAttribute(name)).join()).join(),
    wide: document.documentElement.scrollWidth - innerWidth,
    widest: all.filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".hidden, .tabs"))
      .map((each) => each.localName + "." + each.className).slice(0, 5).join(),
  }
})()`

interface Made {
  readonly links: ReadonlyArray<string>
  readonly handlers: ReadonlyArray<string>
  readonly odd: string
  readonly text: string
  readonly wide: number
  readonly widest: string
}

/** Looks at all of it: what it says. */
const look = (tab: Tab, links: ReadonlyArray<string> = []) =>
  Effect.map(
    tab.use((page) => page.evaluate<Made>(made)),
    (seen) => {
      expect(seen.handlers).toEqual([])
      expect(seen.odd).toBe("meta meta meta meta link style script")
      expect(seen.links).toEqual(["#panel", ...links])
      expect(seen.text).not.toMatch(isUnseen)
      expect({ wide: seen.wide, widest: seen.widest }).toEqual({ wide: 0, widest: "" })
      return seen.text
    },
  )

/** The markup of these is there to be read. */
const says = (text: string, all: ReadonlyArray<string>) => {
  for (const where of all)
    expect(text).toMatch(new RegExp(`${where} ?<img src=x onerror=[\\\\"]*pwned\\('${where}'\\)`))
}

const name = "<img src=x onerror=pwned('server')>"

inChromium("nothing of a hostile server runs, leaves, hides or breaks the page", () =>
  Effect.gen(function* () {
    const elsewhere = yield* nowhere
    const broken = rawStdio({
      on: { initialize: [{ do: "error", code: -1, message: payload("error", elsewhere.origin) }] },
    })
    const { inbox } = yield* world({ [name]: hostileServer(elsewhere.origin), broken }, { html: yield* html })
    const browser = yield* chromium
    const tab = yield* browser.tab({ viewport: { width: 390, height: 844 } })
    const { answer, on, press, reads, sees } = personAt(tab)
    yield* tab.use((page) => page.goto(inbox.url))
    yield* sees("article", name)
    const all = yield* look(tab)
    expect(all).toContain(`error <img src=x onerror="pwned('error')">`)

    yield* on("button", `Details of ${name}`)
    const about = yield* look(tab)
    says(about, ["title", "version", "instructions"])
    expect(about).toContain("\\u{202e}evil")

    yield* press("g", "l")
    yield* reads(/log-value/)
    const log = yield* look(tab)
    says(log, ["stderr", "log", "logger", "log-value"])

    yield* press("g", "t")
    yield* on("button", new RegExp(`^${tool}`))
    yield* sees("article", `Tool ${tool}`)
    yield* press("Tab", "Enter", "Tab", "Enter")
    yield* look(tab)
    yield* tab.use((page) =>
      page.locator("details").evaluateAll((all) => all.forEach((each) => each.setAttribute("open", ""))),
    )
    const whole = yield* look(tab)
    says(whole, ["tool-title", "tool", "property-title", "choice-title", "proto-title"])
    yield* on("button", "Call the tool")

    // The questions of its call, one after the other.
    yield* sees("button", "Accept")
    const form = yield* look(tab)
    says(form, ["message", "field-title", "pick-title", "sure-title", "progress"])
    yield* answer("Decline")
    yield* sees("button", "I opened it myself")
    const visit = `https://xn--80ak6aa92e.com/?${"to=https://good.example/".repeat(20)}`
    expect(yield* look(tab, [visit])).toContain("A browser may show the host xn--80ak6aa92e.com as")
    yield* answer("Decline")
    yield* sees("button", "Refuse")
    const request = yield* look(tab)
    says(request, ["system", "user", "hint", "stop"])
    yield* answer("Allow")
    yield* reads("answered this. Nothing of it was sent yet.")
    yield* look(tab)
    yield* answer("Allow")
    yield* sees("region", "Result")
    yield* reads("Structured content")
    const result = yield* look(tab)
    says(result, ["text", "link-title", "link-description", "html", "value", "deep"])
    expect(result).toContain("javascript:pwned('uri')")
    expectStill(tab, inbox)

    // Should something of it become markup one day, the policy of the page holds it; without one it is dangerous.
    // (What a policy does not hold is `<meta http-equiv=refresh>`.)
    const harm = payload("harm", elsewhere.origin).replace(/<meta [^>]*>/, "")
    const insert = `document.body.insertAdjacentHTML("beforeend", ${JSON.stringify(harm)})`
    yield* tab.use((page) => page.evaluate(insert))
    yield* tab.use((page) => page.screenshot())
    const complaints = Effect.sync(() => tab.console.join())
    yield* eventually(complaints, (said) => said.includes("Content Security Policy"))
    expect(tab.pwned).toEqual([])
    expect(elsewhere.paths).toEqual([])
    const bait = yield* browser.tab()
    yield* bait.use((page) => page.goto(elsewhere.origin))
    yield* bait.use((page) => page.evaluate(insert))
    yield* eventually(
      Effect.sync(() => bait.pwned.includes("harm") && elsewhere.paths.includes("/harm")),
      (harmed) => harmed,
    )
  }),
)
