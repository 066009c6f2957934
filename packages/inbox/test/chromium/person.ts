/** A person at the page who has a keyboard and nothing else: no mouse, and nothing is focused or pressed by a script. */
import type { Mcp } from "@opencode-ai/mcp/mcp"
import type { ChromiumError, Page, Tab } from "@opencode-ai/testing/chromium"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

export type Role = Parameters<Page["getByRole"]>[0]
export type Name = string | RegExp

/** So often Tab is pressed: nothing on a page is further away. */
const farthest = 250

/** Milliseconds until something that has to come is missed. */
const patience = 15_000

type Done<A = void> = Effect.Effect<A, ChromiumError>

export interface Person {
  readonly tab: Tab
  /** Presses keys, one after the other, as Playwright names them. */
  readonly press: (...keys: ReadonlyArray<string>) => Done
  readonly type: (text: string) => Done
  /** Tabs until what has this role and name has the focus. A name is all of it. */
  readonly focus: (role: Role, name: Name) => Done
  /** Tabs there, and presses a key; Enter by default. */
  readonly on: (role: Role, name: Name, ...keys: ReadonlyArray<string>) => Done
  /** Tabs there, and types in place of what is written there. */
  readonly fill: (role: Role, name: Name, text: string) => Done
  /** Tabs to what has this label, and types there, or presses a key where one is named so: for what has no role, as a date. */
  readonly write: (label: string, ...texts: ReadonlyArray<string>) => Done
  /** Tabs to a group of radio buttons, and moves to one of them. */
  readonly choose: (group: string, option: string) => Done
  /** Answers the question that is asked, once it can be answered, by this button or link; it is gone then. */
  readonly answer: (name: Name, key?: "Enter" | "Space", role?: Role) => Done
  /** Waits until this is seen. */
  readonly sees: (role: Role, name: Name) => Done
  /** Waits until this text is seen somewhere. */
  readonly reads: (text: string | RegExp) => Done
  /** Waits until there is no such thing. */
  readonly misses: (role: Role, name: Name) => Done
  /** The text of an element, whitespace as it is. */
  readonly textOf: (selector: string) => Done<string>
  /** What has the focus: its tag, its text or value. */
  readonly focused: Done<string>
}

type Locator = ReturnType<Page["locator"]>

const hasFocus = (wanted: Locator): Promise<boolean> =>
  wanted.evaluateAll((all) => all.some((each) => each.matches(":focus")))

/** Presses a key, Tab by default, until one of these has the focus. */
const moveTo = async (page: Page, wanted: Locator, key = "Tab"): Promise<void> => {
  await wanted.first().waitFor()
  for (let count = 0; count < farthest; count++) {
    if (await hasFocus(wanted)) return
    await page.keyboard.press(key)
  }
  throw new Error(`${key} does not come to ${String(wanted)}`)
}

const tabTo = (page: Page, role: Role, name: Name): Promise<void> =>
  moveTo(page, page.getByRole(role, { name, exact: true }))

/** What was missed, and what was there instead. */
const telling = <A>(tab: Tab, done: Done<A>): Done<A> =>
  Effect.catch(done, (error) =>
    Effect.flatMap(
      tab.use((page) => page.locator("body").ariaSnapshot()),
      (seen) => Effect.die(new Error(`${error.detail}\n${seen.slice(0, 8_000)}`)),
    ),
  )

export const personAt = (there: Tab): Person => {
  const tab: Tab = { ...there, use: (step) => telling(there, there.use(step)) }
  const press: Person["press"] = (...keys) =>
    tab.use(async ({ keyboard }) => {
      for (const key of keys) await keyboard.press(key)
    })
  const focus: Person["focus"] = (role, name) => tab.use((page) => tabTo(page, role, name))
  const state = (role: Role, name: Name, state: "visible" | "detached") =>
    tab.use((page) => page.getByRole(role, { name, exact: true }).first().waitFor({ state, timeout: patience }))
  return {
    tab,
    press,
    type: (text) => tab.use(({ keyboard }) => keyboard.type(text)),
    focus,
    on: (role, name, ...keys) => Effect.andThen(focus(role, name), press(...(keys.length === 0 ? ["Enter"] : keys))),
    fill: (role, name, text) =>
      tab.use(async (page) => {
        await tabTo(page, role, name)
        await page.keyboard.press("ControlOrMeta+a")
        await page.keyboard.insertText(text)
      }),
    write: (label, ...texts) =>
      tab.use(async (page) => {
        await moveTo(page, page.getByLabel(label, { exact: true }))
        for (const text of texts) {
          if (text.startsWith("Arrow")) await page.keyboard.press(text)
          else await page.keyboard.type(text)
        }
      }),
    choose: (group, option) =>
      tab.use(async (page) => {
        const radios = page.getByRole("radiogroup", { name: group, exact: true }).getByRole("radio")
        const wanted = radios.and(page.getByRole("radio", { name: option, exact: true }))
        await moveTo(page, radios)
        await moveTo(page, wanted, "ArrowDown")
        await page.keyboard.press("Space")
        if (!(await wanted.isChecked())) throw new Error(`No key chooses ${option} of ${group}`)
      }),
    answer: (name, key = "Enter", role = "button") =>
      tab.use(async (page) => {
        await tabTo(page, role, name)
        const question = page.locator("[data-question]", { has: page.locator(":focus") })
        const id = await question.getAttribute("data-question")
        await question.locator("[aria-disabled=true]").first().waitFor({ state: "detached" })
        await page.keyboard.press(key)
        await page.locator(`[data-question="${id}"]`).waitFor({ state: "detached" })
      }),
    sees: (role, name) => state(role, name, "visible"),
    misses: (role, name) => state(role, name, "detached"),
    reads: (text) => tab.use((page) => page.getByText(text).first().waitFor({ timeout: patience })),
    textOf: (selector) => tab.use((page) => page.locator(selector).first().innerText()),
    focused: tab.use((page) =>
      page.locator(":focus").evaluateAll((all) => all.map((each) => `${each.localName} ${each.textContent}`).join()),
    ),
  }
}

/** Looks again and again until what is seen fits; at most 15 seconds. */
export const eventually = <A, E, R>(look: Effect.Effect<A, E, R>, fits: (seen: A) => boolean): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    let seen = yield* look
    while (!fits(seen)) {
      yield* Effect.sleep(20)
      seen = yield* look
    }
    return seen
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.die(new Error("It did not come to that")) }))

/** Until the questions of the page can be answered: half a second after something moved. */
export const armed = (tab: Tab) =>
  tab.use((page) => page.locator("[data-question] [aria-disabled=true]").first().waitFor({ state: "detached" }))

/** Nothing ran that is not the page's, nothing left it, and the browser had nothing to complain of. */
export const expectStill = (tab: Tab, inbox: { readonly url: string }): void => {
  const { origin } = new URL(inbox.url)
  expect(tab.pwned).toEqual([])
  expect(tab.disturbances).toEqual([])
  expect(tab.console.filter((line) => !line.startsWith("verbose:"))).toEqual([])
  expect(tab.requests.filter((url) => new URL(url).origin !== origin && !url.startsWith("data:"))).toEqual([])
}

/** A call of a tool of `near` that asks, in the background; `joined` is what the tool was answered. */
export const asking = (mcp: Mcp["Service"], tool: string, args: { readonly [name: string]: unknown }) =>
  Effect.map(Effect.forkScoped(mcp.callTool("near", tool, args)), (fiber) => ({
    fiber,
    joined: Effect.map(Fiber.join(fiber), ({ structuredContent }): unknown => Object(structuredContent).result),
  }))
