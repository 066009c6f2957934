/** What an authorization server, a name and another page put into a real browser on its way back to us: text, and nothing else. */
import { type Chromium, chromium, inChromium, type Tab } from "@opencode-ai/testing/chromium"
import { listening } from "@opencode-ai/testing/peers/authorization/http"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { type HostileHandler, hostileAuthorization } from "@opencode-ai/testing/peers/hostile-authorization"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { deciding, ending, plain, signingIn } from "./signing.ts"

/** Milliseconds: several sign-ins, one after the other, on a busy machine. */
const patience = 120_000

/** A server that nobody should come to: what came, and what it answers. */
const site = (html = "", headers: { readonly [name: string]: string } = {}) =>
  Effect.gen(function* () {
    const paths: Array<string> = []
    const origin = yield* listening((request, response) => {
      paths.push(request.url ?? "")
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers }).end(html)
    })
    return { origin, paths }
  })

/** Ways to run a script, each of which says so, and to fetch or open something elsewhere; the page cuts a message at 600. */
const payloads = (elsewhere: string): ReadonlyArray<string> => [
  `<img src=x onerror="pwned('img')">"'><script>pwned('script')</script></p></main><svg onload=pwned('svg')></svg>` +
    `<iframe srcdoc="<script>pwned('frame')</script>"></iframe></title></style><script src="${elsewhere}/script"></script>` +
    `<link rel=stylesheet href="${elsewhere}/style">`,
  `<meta http-equiv=refresh content="0;url=${elsewhere}/refresh"><base href="${elsewhere}/"><style>@import ` +
    `"${elsewhere}/import"; body { display: none }</style><img src="${elsewhere}/image"><form action="${elsewhere}/form">` +
    `<button autofocus onfocus=pwned('focus')>go</button></form>`,
  `<a href="javascript:pwned('link')">go</a>&lt;script&gt;pwned('twice')&lt;/script&gt;\${pwned('template')}{{pwned}}` +
    `+ADw-script+AD4-pwned('utf-7')+ADw-/script+AD4- <!-- ]]> <![CDATA[ --!> <template>`,
]

/** Controls, bidi marks and what is not seen; none of it may stand in what a person reads. */
const unseen = "\u0000\u0007\u001b[31m\u009b31m\u202eevil\u202c\u2066\u200b\u200d\ufeff\u2028\u{e0041}"
const isUnseen =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/u

/** Sends the browser back with an error, in words of its own. */
const refusing =
  (error: string, description: string): HostileHandler =>
  (_request, right) => {
    const to = new URL(right.redirect)
    to.searchParams.delete("code")
    to.searchParams.set("error", error)
    to.searchParams.set("error_description", description)
    return { redirect: to.href }
  }

/** The page was drawn: what its parsing began has begun. */
const drawn = (tab: Tab) => tab.use((page) => page.screenshot())

/** A page of that text, once it is loaded and drawn. */
const opened = (browser: Chromium, html: string, headers?: { readonly [name: string]: string }) =>
  Effect.gen(function* () {
    const { origin } = yield* site(`<!doctype html>${html}`, headers)
    const tab = yield* browser.tab()
    yield* tab.use((page) => page.goto(origin))
    yield* drawn(tab)
    return tab
  })

/** Nothing of the page ran or asked for anything, and the policy had nothing to hold back. */
const expectStill = (tab: Tab, callback: string) =>
  Effect.gen(function* () {
    yield* drawn(tab)
    expect(tab.pwned).toEqual([])
    expect(tab.disturbances).toEqual([])
    expect(tab.console.filter((line) => !line.includes("status of 400"))).toEqual([])
    expect(tab.requests.at(-1)?.startsWith(callback)).toBe(true)
    expect(tab.requests.filter((url) => url.startsWith(callback))).toHaveLength(1)
  })

const headers = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
}

inChromium(
  "what an authorization server says of its refusal is text on the page, whatever is written there",
  () =>
    Effect.gen(function* () {
      const [elsewhere, bait] = [yield* site(), yield* site()]
      const baits = payloads(bait.origin)
      const browser = yield* chromium
      const server = yield* hostileAuthorization()
      const harm: Array<string> = []
      for (const [nth, payload] of payloads(elsewhere.origin).entries()) {
        yield* server.set({ authorization: refusing("access_denied", `${payload}${unseen}`) })
        const { callback, running, url } = yield* signingIn({ docs: server }, "docs")
        const tab = yield* browser.tab({ viewport: { width: 320, height: 640 } })
        const page = yield* ending(tab, callback, (page) => page.goto(url))
        expect(page).toMatchObject({ status: 400, title: "Not signed in", elements: plain, overflow: 0, headers })
        expect(page.paragraphs[0]).toContain(`access_denied (${payload}`)
        expect(page.paragraphs.join("")).not.toMatch(isUnseen)
        yield* expectStill(tab, callback)
        const { code, stderr, stdout } = yield* running.result
        expect(code).toBe(4)
        expect(`${stdout}${stderr}`).not.toMatch(isUnseen)
        // Should it become markup one day, the page's policy holds it.
        const policy = { "content-security-policy": page.headers["content-security-policy"] ?? "" }
        const held = yield* opened(browser, `<p>${payload}</p>`, policy)
        expect(held.pwned).toEqual([])
        // Without the policy it is dangerous, and these eyes see it.
        harm.push(...(yield* opened(browser, `<p>${baits[nth]}</p>`)).pwned)
      }
      expect(elsewhere.paths).toEqual([])
      expect(harm).toEqual(expect.arrayContaining(["script", "img", "svg", "frame"]))
      expect(bait.paths).toEqual(expect.arrayContaining(["/script", "/style", "/import", "/image"]))
    }),
  patience,
)

inChromium("the code of an error is text on the page too", () =>
  Effect.gen(function* () {
    const server = yield* hostileAuthorization()
    const error = `"><script>pwned('error')</script>`
    yield* server.set({ authorization: refusing(error, "") })
    const { callback, running, url } = yield* signingIn({ docs: server }, "docs")
    const tab = yield* (yield* chromium).tab()
    const page = yield* ending(tab, callback, (page) => page.goto(url))
    expect(page).toMatchObject({ status: 400, elements: plain })
    expect(page.paragraphs[0]).toContain(error)
    yield* expectStill(tab, callback)
    expect((yield* running.result).code).toBe(4)
  }),
)

inChromium("a server's name of markup is text on the page", () =>
  Effect.gen(function* () {
    const server = yield* hostileAuthorization()
    const name = `<img src=x onerror="pwned('name')"><script>pwned('name')</script>`
    const { callback, running, url } = yield* signingIn({ [name]: server }, name)
    const tab = yield* (yield* chromium).tab()
    const page = yield* ending(tab, callback, (page) => page.goto(url))
    expect(page).toMatchObject({ status: 200, heading: "Signed in", elements: plain, headers })
    expect(page.paragraphs[0]).toBe(`You are signed in to ${name}.`)
    yield* expectStill(tab, callback)
    expect((yield* running.result).code).toBe(0)
  }),
)

/**
 * Everything that a page of another site can do to the callback without being gone to: for each URL a script's requests,
 * pictures, frames and forms. Its title is how many of its requests it could read, once all have ended.
 */
const driving = (urls: ReadonlyArray<string>) => `<!doctype html><title>busy</title><body><script>
  const ended = (element) => new Promise((done) => { element.onload = element.onerror = done })
  const put = (name, members) => {
    const element = Object.assign(document.createElement(name), members)
    const over = ended(element)
    document.body.append(element)
    return over
  }
  const asked = (url, options) => fetch(url, options).then((it) => it.type === "opaque" ? 0 : 1, () => 0)
  const frame = async (url, method) => {
    const target = "frame" + Math.random()
    await put("iframe", { name: target, src: "about:blank" })
    const form = Object.assign(document.createElement("form"), { action: url, method, target })
    for (const [name, value] of new URL(url).searchParams) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }))
    }
    document.body.append(form)
    const over = ended(document.querySelector("iframe[name='" + target + "']"))
    form.submit()
    await over
  }
  const drive = async (url) => {
    const read = await Promise.all([
      asked(url), asked(url, { mode: "no-cors" }), asked(url, { method: "POST", mode: "no-cors", body: "x" }),
      asked(url, { headers: { "x-own": "1" } }),
    ])
    await Promise.all([
      put("img", { src: url }), put("script", { src: url }), put("iframe", { src: url }), put("iframe", { src: url, sandbox: "" }),
      put("link", { rel: "stylesheet", href: url }), put("object", { data: url }), put("video", { src: url }),
      frame(url, "get"), frame(url, "post"),
    ])
    return read.reduce((sum, it) => sum + it, 0)
  }
  Promise.all(${JSON.stringify(urls)}.map(drive)).then((read) => { document.title = "read " + read.join() })
</script>`

inChromium("another site's page neither completes nor cancels the sign-in, nor reads anything of it", () =>
  Effect.gen(function* () {
    const authorization = yield* authorizationServer()
    const server = yield* protectedMcp(authorization)
    const { callback, running, state, url } = yield* signingIn({ docs: server }, "docs")
    const iss = encodeURIComponent(authorization.issuer)
    const attacks = [
      `${callback}?code=stolen&state=guess&iss=${iss}`,
      `${callback}?error=access_denied&state=guess`,
      `${callback}?code=stolen`,
      callback,
      // Even one that has seen the state: only the person's own window comes back.
      `${callback}?code=stolen&state=${state}&iss=${iss}`,
      `${callback}?error=access_denied&state=${state}&iss=${iss}`,
    ]
    const hostile = yield* site(driving(attacks))
    const browser = yield* chromium
    const attacker = yield* browser.tab()
    yield* attacker.use((page) => page.goto(hostile.origin.replace("127.0.0.1", "localhost")))
    yield* attacker.use((page) => page.waitForFunction("document.title !== 'busy'"))
    expect(yield* attacker.use((page) => page.title())).toBe(`read ${attacks.map(() => 0).join()}`)
    for (const attack of attacks) expect(attacker.requests).toContain(attack)
    // Gone to with a guess, it says that the sign-in goes on.
    const guess = yield* ending(yield* browser.tab(), callback, (page) => page.goto(attacks[0] ?? ""))
    expect(guess).toMatchObject({ status: 400, heading: "Not this sign-in", elements: plain })
    expect(guess.paragraphs[0]).toContain("The sign-in that OpenCode waits for goes on.")
    expect(authorization.of("token")).toEqual([])
    const page = yield* ending(yield* browser.tab(), callback, deciding(url, "Allow"))
    expect(page).toMatchObject({ status: 200, heading: "Signed in" })
    expect((yield* running.result).code).toBe(0)
    expect(authorization.of("token").map(({ status }) => status)).toEqual([200])
  }),
)
