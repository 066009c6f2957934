/** The harness's browser: that it shows what a page does, and is gone afterwards. */
import { type Chromium, chromium, inChromium } from "../src/chromium.ts"
import { listening } from "../src/peers/authorization/http.ts"
import { isAlive } from "../src/peers/alive.ts"
import { expect } from "../src/runner.ts"
import * as Effect from "effect/Effect"

/** A site of one page, and the paths that were asked for. */
const site = (html: string) =>
  Effect.gen(function* () {
    const paths: Array<string> = []
    const origin = yield* listening((request, response) => {
      paths.push(request.url ?? "")
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html)
    })
    return { origin, paths }
  })

inChromium("a tab shows its page, and everything that the page's scripts did", () =>
  Effect.gen(function* () {
    const other = yield* site("")
    const { origin } = yield* site(
      `<title>Hello</title><h1>Hello</h1><img src="${other.origin}/picture"><a download="x" href="data:,x">save</a>
       <script>
         pwned("page"); console.log("told"); alert("look"); window.open("${other.origin}/popup")
         fetch("https://example.com/away").catch(() => { document.title = "over"; throw new Error("broken") })
       </script><iframe srcdoc="<script>pwned('frame')</script>"></iframe>`,
    )
    const tab = yield* (yield* chromium).tab()
    yield* tab.use((page) => page.goto(origin))
    yield* tab.use((page) => page.waitForFunction("document.title === 'over'"))
    yield* tab.use((page) => Promise.all([page.waitForEvent("download"), page.getByText("save").click()]))
    expect(yield* tab.use((page) => page.getByRole("heading").textContent())).toBe("Hello")
    expect([...tab.pwned].sort()).toEqual(["frame", "page"])
    expect(tab.requests).toContain(`${other.origin}/picture`)
    expect(tab.requests).toContain("https://example.com/away")
    expect(other.paths).toContain("/picture")
    expect(tab.console).toContain("log: told")
    expect(tab.console.join("\n")).toContain("net::ERR_NAME_NOT_RESOLVED")
    expect(tab.console).toContain("uncaught: broken")
    expect(tab.disturbances).toContain("alert: look")
    expect(tab.disturbances.filter((what) => what.startsWith("popup: "))).toHaveLength(1)
    expect(tab.disturbances).toContain("download: data:,x")
  }),
)

inChromium("tabs are of different people", () =>
  Effect.gen(function* () {
    const { origin } = yield* site("<title>site</title>")
    const browser = yield* chromium
    const [one, other] = [yield* browser.tab(), yield* browser.tab({ colorScheme: "dark" })]
    yield* one.use((page) => page.goto(origin))
    yield* one.use((page) => page.evaluate("document.cookie = 'who=alice'"))
    yield* other.use((page) => page.goto(origin))
    expect(yield* other.use((page) => page.evaluate("document.cookie"))).toBe("")
    expect(yield* other.use((page) => page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"))).toBe(true)
  }),
)

inChromium("no other machine is reached, by its name or by its address", () =>
  Effect.gen(function* () {
    const tab = yield* (yield* chromium).tab()
    for (const url of ["https://example.com/", "http://192.0.2.1/", "http://[2001:db8::1]/"]) {
      const { message } = yield* Effect.flip(tab.use((page) => page.goto(url)))
      expect(message).toContain("net::ERR_NAME_NOT_RESOLVED")
    }
  }),
)

inChromium("what a person cannot do says why", () =>
  Effect.gen(function* () {
    const tab = yield* (yield* chromium).tab()
    const error = yield* Effect.flip(tab.use((page) => page.getByText("nowhere").click({ timeout: 100 })))
    expect(error.message).toContain("getByText('nowhere')")
  }),
)

const started = (use: (browser: Chromium) => Effect.Effect<unknown>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const browser = yield* chromium
      yield* browser.tab()
      const processes = yield* browser.processes
      expect(processes.length).toBeGreaterThan(2)
      expect(processes.every(isAlive)).toBe(true)
      yield* use(browser)
      return processes
    }),
  )

inChromium("nothing of it runs after its Scope, not where it was killed either", () =>
  Effect.gen(function* () {
    expect((yield* started(() => Effect.void)).filter(isAlive)).toEqual([])
    const killed = yield* started((browser) =>
      Effect.map(browser.processes, ([pid = 0]) => process.kill(pid, "SIGKILL")),
    )
    expect(killed.filter(isAlive)).toEqual([])
  }),
)
