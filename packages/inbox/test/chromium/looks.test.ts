/** How the page looks, in each theme and at each width: there is room for everything, it can be read, and all of it has a name. */
import { chromium, inChromium, type Tab } from "@opencode-ai/testing/chromium"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { expectStill, type Person, personAt } from "./person.ts"
import { narrow, scene, type Size, wide } from "./scene.ts"

/** Where pictures of the page are put, if they are: `PAGE_PICTURES=docs/images`. */
const pictures = process.env["PAGE_PICTURES"]

/** What cannot be read, by the contrast of WCAG 2.2 (1.4.3), and what does not fit. */
const faults = `(() => {
  const parse = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number)
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((it, at) => it * a + under[at] * (1 - a))
  const light = (color) => {
    const [r, g, b] = color.map((it) => it / 255).map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255]
  const under = (element) => element === null ? canvas : over(parse(getComputedStyle(element).backgroundColor), under(element.parentElement))
  const words = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "")
  const seen = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 1 && element.closest(".hidden, [aria-disabled=true], option") === null
  const all = [...document.body.querySelectorAll("*")].filter((element) => words(element) && seen(element))
  const faint = all.flatMap((element) => {
    const style = getComputedStyle(element)
    const back = under(element)
    const [one, other] = [light(over(parse(style.color), back)), light(back)].sort((a, b) => b - a)
    const contrast = (one + 0.05) / (other + 0.05)
    const needed = parseFloat(style.fontSize) >= 24 ? 3 : 4.5
    return contrast >= needed ? [] : [element.localName + "." + element.className + " " + element.textContent.slice(0, 30) + " " + contrast.toFixed(2)]
  })
  // Of tabs in a row that is too long, the one that has the focus is seen whole.
  const strip = document.querySelector(".tabs").getBoundingClientRect()
  const tab = document.querySelector("[role=tab]:focus")?.getBoundingClientRect() ?? strip
  const cut = Math.max(0, Math.round(tab.right - strip.right), Math.round(strip.left - tab.left))
  return { faint, wide: document.documentElement.scrollWidth - innerWidth, cut, read: all.length }
})()`

interface Faults {
  readonly faint: ReadonlyArray<string>
  readonly wide: number
  readonly cut: number
  readonly read: number
}

/** Roles whose elements have to have a name; in a snapshot of what a screen reader has, one without is its role alone. */
const nameless =
  /^\s*- (?:button|link|textbox|searchbox|spinbutton|combobox|checkbox|radio|radiogroup|tab|tablist|tabpanel|progressbar|slider|img|dialog|article|region|navigation|heading)(?: \[[^\]]*\])*:?$/m

const look = (tab: Tab) =>
  Effect.gen(function* () {
    const seen = yield* tab.use((page) => page.evaluate<Faults>(faults))
    expect(seen).toMatchObject({ faint: [], wide: 0, cut: 0 })
    expect(seen.read).toBeGreaterThan(15)
    expect(yield* tab.use((page) => page.locator("body").ariaSnapshot())).not.toMatch(nameless)
  })

const picture = (tab: Tab, name: string) =>
  pictures === undefined
    ? Effect.void
    : tab.use((page) => page.screenshot({ path: join(import.meta.dir, "../../../..", pictures, `page-${name}.png`) }))

const keys = ["o", "t", "c", "k", "h", "l"]

/** All that can be looked at. */
const tour = (tab: Tab, { on, press, sees }: Person) =>
  Effect.gen(function* () {
    yield* press("g", "s", "Home", "Enter")
    for (const key of keys) {
      yield* press("g", key)
      yield* look(tab)
    }
    yield* press("?")
    yield* sees("dialog", "Keyboard")
    yield* look(tab)
    yield* press("Escape", "g", "o")
    yield* on("button", "Details of schema")
    yield* look(tab)
    yield* press("g", "s", "Home", "Enter")
  })

/** A tool of `issues` is called. */
const called = ({ fill, on, press, reads, sees }: Person) =>
  Effect.gen(function* () {
    yield* press("g", "t")
    yield* on("button", /^issues 4 tools/)
    yield* on("button", /^search_issues/)
    yield* sees("article", "Tool search_issues")
    yield* fill("textbox", "Words (required)", "terminal")
    yield* on("button", "Call the tool")
    yield* reads("Structured content")
  })

inChromium("in both themes and at both widths all of it is seen, read and named", () =>
  Effect.gen(function* () {
    const { ask, inbox } = yield* scene
    const browser = yield* chromium
    const visit = (colorScheme: "light" | "dark", viewport: Size) =>
      Effect.gen(function* () {
        const tab = yield* browser.tab({ colorScheme, viewport, reducedMotion: "reduce" })
        yield* tab.use((page) => page.goto(inbox.url))
        const person = personAt(tab)
        yield* person.sees("article", "schema")
        return { tab, person }
      })

    const dark = yield* visit("dark", wide)
    yield* tour(dark.tab, dark.person)
    yield* called(dark.person)
    yield* look(dark.tab)
    yield* picture(dark.tab, "wide-dark")
    const small = yield* visit("light", narrow)
    yield* tour(small.tab, small.person)
    yield* called(small.person)
    yield* look(small.tab)

    const dim = (colorScheme: "light" | "dark") => small.tab.use((page) => page.emulateMedia({ colorScheme }))
    yield* dim("dark")
    yield* small.person.press("g", "s", "Home", "Enter", "g", "l")
    yield* picture(small.tab, "narrow-dark")
    yield* dim("light")

    // With a question in sight.
    yield* ask
    for (const { person, tab } of [dark, small]) {
      yield* person.sees("article", "Question of releases")
      yield* look(tab)
    }
    yield* picture(small.tab, "narrow-light")
    yield* dim("dark")
    yield* tour(small.tab, small.person)
    yield* small.tab.use((page) => page.setViewportSize({ width: 320, height: 640 }))
    yield* tour(small.tab, small.person)
    const light = yield* visit("light", wide)
    yield* tour(light.tab, light.person)
    yield* light.person.press("g", "c")
    yield* light.person.sees("progressbar", "Progress: suite, run_suite")
    yield* picture(light.tab, "wide-light")

    // Nothing moves for who wants nothing to move.
    const moving = (tab: Tab) => tab.use((page) => page.evaluate<number>("document.getAnimations().length"))
    expect(yield* moving(light.tab)).toBe(0)
    for (const { tab } of [dark, small, light]) expectStill(tab, inbox)
  }),
)
