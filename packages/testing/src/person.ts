/**
 * The person with a browser: follows an authorization URL through redirects and pages, keeps cookies, fills the forms in,
 * and arrives at the redirect URI. Nothing of a page is run. What is done at the redirect URI is the test's choice.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** The person was stopped on the way. */
export class PersonError extends Data.TaggedError("PersonError")<{
  readonly url: string
  readonly status: number
  /** What the page said. */
  readonly text: string
}> {
  override get message() {
    return `${this.url} answered ${this.status}: ${this.text}`
  }
}

export interface PersonOptions {
  /** The name to sign in with; `alice` by default. */
  readonly login?: string
  /** `deny`: says no where consent is asked for; `cancel`: does not even sign in. `allow` by default. */
  readonly decision?: "allow" | "deny" | "cancel"
  /** Scopes that are unticked on the consent page. */
  readonly withhold?: ReadonlyArray<string>
}

/** A page that was shown. */
export interface Page {
  readonly url: string
  readonly status: number
  readonly text: string
}

export interface Person {
  /** Goes through login and consent to the redirect URI, and does not open it: its URL, with the code or the error. */
  readonly authorize: (url: string, options?: PersonOptions) => Effect.Effect<string, PersonError>
  /** Opens a URL, as the browser does with the callback's; gives the page, whatever its status. */
  readonly open: (url: string) => Effect.Effect<Page, PersonError>
  /** `authorize`, then `open`: what a person sees at the end. */
  readonly visit: (url: string, options?: PersonOptions) => Effect.Effect<Page, PersonError>
  /** Every page that was shown, oldest first. */
  readonly pages: ReadonlyArray<Page>
  /** Forgets all cookies: nobody is signed in. */
  readonly forget: Effect.Effect<void>
}

const MOST_STEPS = 20

class Cookies {
  private readonly jar = new Map<string, { readonly origin: string; readonly path: string; readonly pair: string }>()

  keep(url: URL, response: Response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(/; */)
      const valueOf = (name: string) =>
        attributes.find((attribute) => attribute.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
      const path = valueOf("path") ?? "/"
      const key = `${url.origin} ${path} ${pair.split("=")[0]}`
      const expires = valueOf("expires")
      const gone = valueOf("max-age") === "0" || (expires !== undefined && Date.parse(expires) <= Date.now())
      if (gone) this.jar.delete(key)
      else this.jar.set(key, { origin: url.origin, path, pair })
    }
  }

  of(url: URL) {
    const fits = [...this.jar.values()].filter(
      ({ origin, path }) =>
        origin === url.origin && (url.pathname === path || url.pathname.startsWith(path.replace(/\/?$/, "/"))),
    )
    return fits.map(({ pair }) => pair).join("; ")
  }

  clear() {
    this.jar.clear()
  }
}

const unescaped = (text: string) =>
  text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&")

const attributesOf = (tag: string) => {
  const found: Record<string, string> = {}
  for (const [, name = "", value = ""] of tag.matchAll(/([\w-]+)(?:="([^"]*)")?/g)) found[name] = unescaped(value)
  return found
}

const elements = (html: string, name: string) =>
  [...html.matchAll(new RegExp(`<${name}\\b([^>]*)>`, "g"))].map(([, tag = ""]) => attributesOf(tag))

interface Filled {
  readonly action: string
  readonly body: URLSearchParams
}

/** The first form of a page as the person fills it in; none where the page has no form. */
const fill = (html: string, { decision = "allow", login = "alice", withhold = [] }: PersonOptions) => {
  const [form, inside = ""] = /<form\b[^>]*>([\s\S]*?)<\/form>/.exec(html) ?? []
  if (form === undefined) return undefined
  const body = new URLSearchParams()
  let signsIn = false
  for (const { name = "", value = "", type = "text", checked } of elements(inside, "input")) {
    if (type === "password") signsIn = true
    if (type === "checkbox" && (checked === undefined || withhold.includes(value))) continue
    body.append(name, type === "password" ? "secret" : type === "text" ? login : value)
  }
  const no = signsIn ? decision === "cancel" : decision !== "allow"
  const buttons = elements(inside, "button")
  const button = buttons.find(({ value }) => (value === "deny") === no)
  if (button !== undefined) body.append(button.name ?? "", button.value ?? "")
  const filled: Filled = { action: attributesOf(form.slice(0, form.indexOf(">"))).action ?? "", body }
  return filled
}

const plain = (html: string) =>
  html
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim()

/** A person whose cookies live as long as the object. */
export const person = (): Person => {
  const cookies = new Cookies()
  const pages: Array<Page> = []

  const load = (url: URL, body?: URLSearchParams) =>
    Effect.tryPromise({
      try: async (signal) => {
        const cookie = cookies.of(url)
        const response = await fetch(url, {
          redirect: "manual",
          signal,
          headers: { accept: "text/html", ...(cookie === "" ? {} : { cookie }) },
          ...(body === undefined ? {} : { method: "POST", body }),
        })
        cookies.keep(url, response)
        return { response, text: await response.text() }
      },
      catch: (error) => new PersonError({ url: url.href, status: 0, text: String(error) }),
    })

  const authorize = (url: string, options: PersonOptions = {}) =>
    Effect.gen(function* () {
      const target = new URL(new URL(url).searchParams.get("redirect_uri") ?? "about:blank")
      let at = new URL(url)
      let body: URLSearchParams | undefined
      for (let step = 0; step < MOST_STEPS; step++) {
        const { response, text } = yield* load(at, body)
        body = undefined
        const location = response.headers.get("location")
        if (location !== null) {
          at = new URL(location, at)
          if (at.origin === target.origin && at.pathname === target.pathname) return at.href
          continue
        }
        const { status } = response
        pages.push({ url: at.href, status, text })
        const form = response.ok ? fill(text, options) : undefined
        if (form === undefined) return yield* new PersonError({ url: at.href, status, text: plain(text) })
        at = new URL(form.action, at)
        body = form.body
      }
      return yield* new PersonError({ url: at.href, status: 0, text: `no end after ${MOST_STEPS} steps` })
    })

  const open = (url: string) =>
    Effect.map(load(new URL(url)), ({ response, text }) => {
      const page: Page = { url, status: response.status, text }
      pages.push(page)
      return page
    })

  return {
    authorize,
    open,
    visit: (url, options) => Effect.flatMap(authorize(url, options), open),
    pages,
    forget: Effect.sync(() => cookies.clear()),
  }
}
