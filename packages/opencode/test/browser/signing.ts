/** A sign-in at the real command line, whose browser is the test's: a program that hands the test its arguments. */
import type { Page, Tab } from "@opencode-ai/testing/chromium"
import { poll } from "@opencode-ai/testing/polling"
import * as Effect from "effect/Effect"
import { chmodSync, existsSync, readFileSync } from "node:fs"
import { type World, world } from "../cli/program.ts"

/** The file is in place once all of it is written. */
const opener = `#!/bin/sh
printf '%s\\n' "$@" > "$0.part" && mv "$0.part" "$0.arguments"
`

/** The lines of a file, once it is there. */
const appeared = (path: string): Effect.Effect<ReadonlyArray<string>> =>
  poll(() => (existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : undefined))

/** `mcp auth <name>` runs and has opened the browser, with these arguments. */
export const signingIn = (servers: object, name: string) =>
  Effect.gen(function* () {
    const { run, start, write }: World = yield* world
    const browser = write("browser", opener)
    chmodSync(browser, 0o755)
    const config = write("servers.json", { mcp: servers })
    const running = yield* start(["--config", config, "auth", name], { env: { BROWSER: browser } })
    const opened = yield* appeared(`${browser}.arguments`).pipe(
      Effect.raceFirst(
        Effect.flatMap(running.result, ({ code, stderr }) =>
          Effect.die(new Error(`mcp auth ended with ${code} before it opened a browser: ${stderr}`)),
        ),
      ),
    )
    const url = opened[0] ?? ""
    return {
      running,
      opened,
      url,
      /** Where the browser comes back to. */
      callback: new URL(url).searchParams.get("redirect_uri") ?? "",
      state: new URL(url).searchParams.get("state") ?? "",
      mcp: (words: ReadonlyArray<string>) => run(["--config", config, ...words]),
    }
  })

/** Signs in at the test's authorization server and says what is to be done there, all with the keyboard. */
export const deciding = (url: string, decision: "Allow" | "Deny") => async (page: Page) => {
  await page.goto(url)
  await page.getByLabel("Name").focus()
  await page.keyboard.type("alice")
  await page.keyboard.press("Tab")
  await page.keyboard.type("secret")
  await page.keyboard.press("Enter")
  await page.getByRole("button", { name: decision }).press("Enter")
}

/** The page of ours that the browser ends at when the person does something: what it says, and of which elements it is made. */
export const ending = (tab: Tab, callback: string, act: (page: Page) => Promise<unknown>) =>
  tab.use(async (page) => {
    const [response] = await Promise.all([
      page.waitForResponse((answer) => answer.url().startsWith(callback)),
      page.waitForURL((url) => url.href.startsWith(callback)),
      act(page),
    ])
    const paragraphs = await page.locator("p").allInnerTexts()
    const elements = await page.locator("*").evaluateAll((all) => all.map(({ localName }) => localName))
    return {
      status: response.status(),
      headers: response.headers(),
      title: await page.title(),
      heading: await page.getByRole("heading").innerText(),
      paragraphs,
      elements: elements.join(" "),
      /** How much wider it is than the window, in pixels. */
      overflow: Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth")),
    }
  })

/** The elements of every page of ours. */
export const plain = "html head meta meta title style body main h1 p p"
