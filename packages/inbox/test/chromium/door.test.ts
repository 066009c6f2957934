/** Who gets in, in a browser: the person with the address, and no other page; and what becomes of a connection that is lost. */
import { chromium, inChromium } from "@opencode-ai/testing/chromium"
import { listening } from "@opencode-ai/testing/peers/authorization/http"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { html } from "../../src/page.ts"
import { world } from "../world.ts"
import { eventually, expectStill, personAt } from "./person.ts"

/**
 * What a page of another site can do to an address: read it, ask without reading, frame it, and send forms. Its title is
 * what it could read, once everything has ended.
 */
const driving = (inbox: string) => `<!doctype html><title>busy</title><body><script>
  const url = new URL(${JSON.stringify(inbox)})
  const authorization = "Bearer " + url.searchParams.get("secret")
  const body = JSON.stringify({ op: "act", server: "near", action: "disconnect" })
  const put = (name, members) => new Promise((done) => {
    const element = Object.assign(document.createElement(name), members, { onload: done, onerror: done })
    document.body.append(element)
  })
  const read = (path, options) => fetch(new URL(path, url), options).then((it) => it.text()).catch(() => "")
  const form = async (path, enctype) => {
    await put("iframe", { name: path + enctype, src: "about:blank" })
    const form = Object.assign(document.createElement("form"), { action: new URL(path, url), method: "post", enctype, target: path + enctype })
    form.append(Object.assign(document.createElement("input"), { name: body, value: "" }))
    document.body.append(form)
    const frame = document.querySelector("iframe[name='" + path + enctype + "']")
    const over = new Promise((done) => { frame.onload = frame.onerror = done })
    form.submit()
    await over
  }
  Promise.all([
    read(url), read(url, { mode: "no-cors" }), read("/events"), read("/events", { headers: { authorization } }),
    read("/ask", { method: "POST", body }), read("/ask", { method: "POST", body, mode: "no-cors" }),
    read("/ask", { method: "POST", body, headers: { authorization, "content-type": "application/json" } }),
    put("img", { src: url }), put("script", { src: url }), put("iframe", { src: url }), put("iframe", { src: url, sandbox: "allow-scripts" }),
    put("object", { data: url }), put("link", { rel: "stylesheet", href: url }),
    form("/ask", "text/plain"), form("/ask", "application/x-www-form-urlencoded"), form("/?secret=x", "text/plain"),
  ]).then((all) => { document.title = "read" + all.filter((it) => typeof it === "string").join("") })
</script>`

inChromium("the page is there for who knows its address, and for no other page", () =>
  Effect.gen(function* () {
    const { base, inbox, mcp } = yield* world({ near: sdkV1() }, { html: yield* html })
    const browser = yield* chromium
    const tab = yield* browser.tab()
    const { press, reads, sees } = personAt(tab)
    const heading = tab.use((page) => page.locator("body").innerText())

    expect((yield* tab.use((page) => page.goto(base)))?.status()).toBe(403)
    expect(yield* heading).toContain("The address of this page holds a secret")
    expect((yield* tab.use((page) => page.goto(`${base}?secret=guess`)))?.status()).toBe(403)

    // What a command line shows to others is good once.
    const ticket = yield* inbox.ticket
    yield* tab.use((page) => page.goto(ticket))
    yield* sees("article", "near")
    expect(yield* tab.use(async (page) => page.url())).toBe(inbox.url)
    expect((yield* tab.use((page) => page.goto(ticket)))?.status()).toBe(403)
    const before = tab.console.length

    yield* tab.use((page) => page.goto(inbox.url))
    yield* sees("article", "near")
    yield* press("g", "l")
    yield* reads("connected")
    yield* tab.use((page) => page.reload())
    yield* sees("article", "near")
    expect(tab.console.slice(before).filter((line) => !line.includes("403"))).toEqual([])

    // Another site, even one that has seen the address, reads nothing, does nothing, and shows nothing of it.
    const attacker = yield* browser.tab()
    const site = yield* listening((_request, response) => {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(driving(inbox.url))
    })
    yield* attacker.use((page) => page.goto(site.replace("127.0.0.1", "localhost")))
    yield* attacker.use((page) => page.waitForFunction("document.title !== 'busy'"))
    expect(yield* attacker.use((page) => page.title())).toBe("read")
    expect(attacker.requests).toContain(inbox.url)
    const framed = yield* attacker.use((page) =>
      Promise.all(page.frames().map((frame) => frame.locator("#servers, article").count())),
    )
    expect(framed.length).toBeGreaterThan(3)
    expect(framed.every((count) => count === 0)).toBe(true)
    expect((yield* mcp.servers).map(({ status }) => status.status)).toEqual(["connected"])
  }),
)

inChromium("a connection that is lost comes back with everything, and one that ended says so", () =>
  Effect.gen(function* () {
    const first = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(first, Exit.void))
    const here = { html: yield* html }
    const { inbox, mcp, open } = yield* Scope.provide(world({ near: sdkV1() }, here), first)
    const tab = yield* (yield* chromium).tab()
    const { focus, misses, on, press, reads, sees } = personAt(tab)
    yield* tab.use((page) => page.goto(inbox.url))
    yield* sees("button", "Disconnect: near")
    expectStill(tab, inbox)

    // Its stream ends, and no other begins for a while.
    const { pushes, until } = yield* open
    yield* until("servers", ({ servers }) => servers[0]?.status === "connected")
    const told = pushes.map((push) => `data: ${JSON.stringify(push)}\n\n`).join("")
    let streams = 0
    yield* tab.use((page) =>
      page.route("**/events", (route) => {
        streams += 1
        return streams === 1 ? route.fulfill({ contentType: "text/event-stream", body: told }) : route.abort()
      }),
    )
    yield* tab.use((page) => page.reload())
    yield* reads("The connection is lost. What is shown may be old; it is tried again.")
    yield* sees("button", "Disconnect: near")
    yield* mcp.disconnect("near")
    yield* on("button", "Try now")
    yield* eventually(
      Effect.sync(() => streams),
      (count) => count > 1,
    )
    yield* tab.use((page) => page.unroute("**/events"))
    yield* on("button", "Try now")
    yield* sees("button", "Connect: near")
    yield* misses("button", "Try now")
    yield* on("button", "Connect: near")
    yield* sees("button", "Disconnect: near")

    // OpenCode ends.
    yield* Scope.close(first, Exit.void)
    yield* reads("The connection is lost. What is shown may be old; it is tried again.")
    yield* on("button", "Disconnect: near")
    yield* reads("The page's server did not answer.")
    // It begins again, with another secret.
    yield* world({}, { ...here, port: Number(new URL(inbox.url).port) })
    yield* focus("button", "Try now")
    yield* press("Enter")
    yield* reads("This page is not let in")
    yield* misses("button", "Try now")
    expect(tab.pwned).toEqual([])
  }),
)
