/**
 * The machine's own Chromium, driven by playwright-core: what a person sees of our pages, and what a hostile page can do
 * to them. Headless, with a profile of its own in the temporary directory, without a way to any other machine; every
 * process of it is gone with the Scope.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { type Browser, type BrowserContextOptions, chromium as playwright, type Page } from "playwright-core"
import { it, type Tester } from "./effect.ts"
import { isAlive } from "./peers/alive.ts"
import { poll, realTime } from "./polling.ts"
import { temporaryDirectory } from "./recording.ts"

/** There is no Chromium, it did not start, or a page did not do as it was told. */
export class ChromiumError extends Data.TaggedError("ChromiumError")<{
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message() {
    return this.detail
  }
}

/** Something that a page did. What it asked the network for may have been refused: see {@link Tab.requests}. */
export interface Tab {
  /** Playwright's page, for what needs no Effect. */
  readonly page: Page
  /** Does something in the page; a failure says what Playwright says. Nothing is waited for longer than 30 seconds. */
  readonly use: <A>(step: (page: Page) => Promise<A>) => Effect.Effect<A, ChromiumError>
  /** Every URL that was requested by any frame or popup, oldest first, whether or not it was answered. */
  readonly requests: ReadonlyArray<string>
  /** What was written to the console, by the browser too (a policy that was violated), and errors that nobody caught. */
  readonly console: ReadonlyArray<string>
  /** What scripts of any frame passed to `pwned(text)`: a payload calls it, so that nobody can miss that it ran. */
  readonly pwned: ReadonlyArray<string>
  /** Alerts, questions, popups and downloads, each by its kind and text. All are dismissed. */
  readonly disturbances: ReadonlyArray<string>
}

export type { Page } from "playwright-core"

export interface Chromium {
  readonly version: string
  /** Process ids of the browser and of what it started, the browser's first. */
  readonly processes: Effect.Effect<ReadonlyArray<number>>
  /** A tab of a person of its own, without cookies and history. Options are Playwright's: `colorScheme`, `viewport`, … */
  readonly tab: (options?: BrowserContextOptions) => Effect.Effect<Tab, ChromiumError, Scope.Scope>
}

const names = ["chromium", "chromium-browser", "google-chrome"]

/** Milliseconds that anything may take: a bound for what hangs. */
const patience = 15_000

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where Chromium is: what `CHROMIUM` names, or the first on the PATH. Otherwise why there is none. */
const find = (env: NodeJS.ProcessEnv): { readonly path: string } | { readonly missing: string } => {
  const { CHROMIUM: named, PATH = "" } = env
  if (named !== undefined && named !== "") {
    return isExecutable(named) ? { path: named } : { missing: `CHROMIUM is ${named}, which is no program` }
  }
  const directories = PATH.split(delimiter).filter((directory) => directory !== "")
  const path = names.flatMap((name) => directories.map((directory) => join(directory, name))).find(isExecutable)
  return path === undefined ? { missing: `no ${names.join(", ")} on the PATH, and CHROMIUM is not set` } : { path }
}

const found = find(process.env)

/** Nothing has a name but this machine, and no proxy is asked: a page that leaves loopback arrives nowhere. */
const confined = ["--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]

const attempt = <A>(step: () => Promise<A>): Effect.Effect<A, ChromiumError> =>
  Effect.tryPromise({
    try: step,
    catch: (cause) => new ChromiumError({ detail: cause instanceof Error ? cause.message : String(cause), cause }),
  })

const bounded = <A>(effect: Effect.Effect<A, ChromiumError>): Effect.Effect<A, ChromiumError> =>
  Effect.timeoutOrElse(effect, {
    duration: 2 * patience,
    orElse: () => Effect.fail(new ChromiumError({ detail: `The page did not do it within ${2 * patience} ms` })),
  }).pipe(realTime)

/** Starts it with its profile, caches and sockets in a directory of ours. */
const launch = (
  executablePath: string,
  directory: string,
  chromiumSandbox: boolean,
): Effect.Effect<Browser, ChromiumError> =>
  attempt(async () => {
    const environment = { XDG_CACHE_HOME: undefined, XDG_CONFIG_HOME: undefined, HOME: directory, TMPDIR: directory }
    const context = await playwright.launchPersistentContext(join(directory, "profile"), {
      executablePath,
      chromiumSandbox,
      args: confined,
      artifactsDir: join(directory, "artifacts"),
      env: { ...process.env, ...environment },
      timeout: 2 * patience,
    })
    const browser = context.browser()
    if (browser === null) throw new Error("playwright-core started no browser")
    return browser
  })

const processesOf = (browser: Browser): Effect.Effect<ReadonlyArray<number>, ChromiumError> =>
  attempt(async () => {
    const session = await browser.newBrowserCDPSession()
    const { processInfo } = await session.send("SystemInfo.getProcessInfo")
    await session.detach()
    // The browser itself comes first.
    return processInfo.map(({ id }) => id)
  })

const kill = (pid: number) =>
  Effect.try({ try: () => process.kill(pid, "SIGKILL"), catch: () => "it has ended" as const }).pipe(Effect.ignore)

/**
 * Ends the browser, by force where it does not end by itself, and waits until nothing of it runs. `seen` are the processes
 * that it ever named: one that was killed names none any more, and what it started ends a moment after it.
 */
const end = (browser: Browser, seen: ReadonlySet<number>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const known = yield* Effect.orElseSucceed(processesOf(browser), () => [])
    yield* Effect.ignore(attempt(() => browser.close())).pipe(Effect.timeoutOption(patience), realTime)
    const left = () => [...new Set([...seen, ...known])].filter(isAlive)
    // What a closed browser started ends a moment after it.
    yield* Effect.forEach(left(), kill, { discard: true })
    yield* poll(() => (left().length === 0 ? true : undefined)).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.die(new Error(`Chromium still runs: ${left().join(", ")}`)),
      }),
      realTime,
    )
  })

const open = (browser: Browser, options: BrowserContextOptions): Effect.Effect<Tab, ChromiumError, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.acquireRelease(
      attempt(() => browser.newContext(options)),
      (context) => Effect.ignore(attempt(() => context.close())),
    )
    context.setDefaultTimeout(patience)
    const requests: Array<string> = []
    const console: Array<string> = []
    const pwned: Array<string> = []
    const disturbances: Array<string> = []
    context.on("request", (request) => void requests.push(request.url()))
    context.on("console", (message) => void console.push(`${message.type()}: ${message.text()}`))
    context.on("weberror", (error) => void console.push(`uncaught: ${error.error().message}`))
    context.on("dialog", (dialog) => {
      disturbances.push(`${dialog.type()}: ${dialog.message()}`)
      void dialog.dismiss()
    })
    const page = yield* attempt(async () => {
      await context.exposeFunction("pwned", (text: unknown) => void pwned.push(String(text)))
      return context.newPage()
    })
    context.on("page", (popup) => {
      disturbances.push(`popup: ${popup.url()}`)
      void popup.close()
    })
    page.on("download", (download) => void disturbances.push(`download: ${download.url()}`))
    return { page, use: (step) => bounded(attempt(() => step(page))), requests, console, pwned, disturbances }
  })

/** Starts Chromium, which ends with the Scope. It has no sandbox where root runs the tests, or the system grants none. */
export const chromium: Effect.Effect<Chromium, ChromiumError, Scope.Scope> = Effect.gen(function* () {
  if ("missing" in found) {
    const detail = `There is no Chromium: ${found.missing}. Install one (Debian: apt-get install chromium).`
    return yield* new ChromiumError({ detail })
  }
  const isRoot = process.getuid?.() === 0
  const directory = yield* temporaryDirectory
  const started = launch(found.path, directory, !isRoot).pipe(
    Effect.catchIf(
      ({ detail }) => !isRoot && detail.includes("sandbox"),
      () => launch(found.path, directory, false),
    ),
    Effect.flatMap((browser) => Effect.map(processesOf(browser), (ids) => ({ browser, seen: new Set(ids) }))),
  )
  const { browser, seen } = yield* Effect.acquireRelease(started, ({ browser, seen }) => end(browser, seen))
  return {
    version: browser.version(),
    processes: Effect.orElseSucceed(
      Effect.tap(processesOf(browser), (ids) => Effect.sync(() => ids.forEach((id) => seen.add(id)))),
      () => [],
    ),
    tab: (options = {}) => open(browser, options),
  }
})

/** Registers a test that needs Chromium, as `it.live` does. Where there is none it is skipped and says why; where `CI` is set it fails. */
export const inChromium: Tester<never>["only"] = (name, body, timeout) =>
  "missing" in found && !process.env["CI"]
    ? it.live.skip(`${name}: ${found.missing}`, body, timeout)
    : it.live(name, body, timeout)
