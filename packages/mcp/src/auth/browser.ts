/**
 * Shows a URL to a person. What it is called with was checked before (`http/guard.ts`).
 *
 * A program is started with the URL as an argument: no shell reads it, and nothing waits for the person.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { spawn } from "node:child_process"

export interface Browser {
  /** Opens a URL; `false` where there is no browser to be had. It never fails, and does not wait for the person. */
  readonly open: (url: URL) => Effect.Effect<boolean>
}

/**
 * The browser in force. The default opens none: the URL is printed, and the person opens it.
 *
 * @example
 * ```ts
 * const opened: Array<string> = []
 * const listed = Layer.succeed(Browser.Browser)({ open: (url) => Effect.sync(() => opened.push(url.href) > 0) })
 * ```
 */
export const Browser: Context.Reference<Browser> = Context.Reference<Browser>("@opencode/mcp/Browser", {
  defaultValue: () => ({ open: () => Effect.succeed(false) }),
})

/** What decides how a URL is opened. */
export interface Surroundings {
  readonly platform: NodeJS.Platform
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** An opener that fails does so within this time, in milliseconds; one that still runs then has opened something. */
const patience = 1_000

const here: Surroundings = { platform: process.platform, environment: process.env }

type Command = readonly [string, ...Array<string>]

/**
 * The program and its arguments that open a URL: that of `BROWSER`, or the platform's. Otherwise why there is none: it is no
 * web page, or would open on a screen that the person does not sit at.
 *
 * @example
 * ```ts
 * const found = Browser.command(new URL("https://example.com"), { platform: "linux", environment: { BROWSER: "firefox" } })
 * const shown = typeof found === "string" ? found : found.join(" ")
 * ```
 */
export const command = (url: URL, { environment, platform }: Surroundings): Command | string => {
  if (url.protocol !== "https:" && url.protocol !== "http:") return "it is no web page"
  if (environment.BROWSER) return [environment.BROWSER, url.href]
  if (environment.SSH_CONNECTION || environment.SSH_TTY) return "you are connected over SSH"
  switch (platform) {
    case "darwin":
      return ["/usr/bin/open", url.href]
    case "win32":
      // `start` is a word of the shell, which would read the URL; this hands it to the system as it is.
      return [
        `${environment.SystemRoot ?? "C:\\Windows"}\\System32\\rundll32.exe`,
        "url.dll,FileProtocolHandler",
        url.href,
      ]
    default:
      // Without a display it would open a browser of text in the middle of the terminal.
      return environment.DISPLAY || environment.WAYLAND_DISPLAY ? ["xdg-open", url.href] : "there is no display"
  }
}

const run = ([program, ...args]: Command, { environment }: Surroundings): Effect.Effect<string | undefined> =>
  Effect.flatMap(
    // What can be seen at once, as a NUL byte, is thrown.
    Effect.try({
      try: () => spawn(program, args, { detached: true, stdio: "ignore", windowsHide: true, env: { ...environment } }),
      catch: (cause) => `${program}: ${cause instanceof Error ? cause.message : String(cause)}`,
    }),
    (child) =>
      Effect.callback<undefined, string>((resume) => {
        child.once("error", (cause) => resume(Effect.fail(`${program}: ${cause.message}`)))
        child.once("exit", (code, signal) =>
          resume(code === 0 ? Effect.undefined : Effect.fail(`${program} ended with ${code ?? signal}`)),
        )
        // It lives on when this process ends.
        child.unref()
      }),
  ).pipe(
    Effect.catch((problem) => Effect.succeed(problem)),
    Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.undefined }),
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
  )

/**
 * Opens a URL, as far as that can be known at once: why it could not be, where it could not.
 *
 * @example
 * ```ts
 * const told = Effect.flatMap(Browser.attempt(new URL("https://example.com")), (problem) =>
 *   problem === undefined ? Effect.void : Effect.log(`Open it yourself: ${problem}`),
 * )
 * ```
 */
export const attempt = (url: URL, surroundings: Surroundings = here): Effect.Effect<string | undefined> =>
  Effect.suspend(() => {
    const found = command(url, surroundings)
    return typeof found === "string" ? Effect.succeed(found) : run(found, surroundings)
  })

/**
 * The person's own: `BROWSER`, a program whose one argument is the URL, or the platform's opener. None over SSH and without
 * a display, unless `BROWSER` names one.
 *
 * @example
 * ```ts
 * const browsers = { person: Browser.system }
 * ```
 */
export const system: Layer.Layer<never> = Layer.succeed(Browser)({
  open: (url) => Effect.map(attempt(url), (problem) => problem === undefined),
})
