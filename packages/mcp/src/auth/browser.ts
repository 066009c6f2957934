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
 * const listed = Layer.succeed(Browser)({ open: (url) => Effect.sync(() => opened.push(url.href) > 0) })
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
const patience = 500

const isRemote = ({ environment }: Surroundings): boolean =>
  Boolean(environment.SSH_CONNECTION) || Boolean(environment.SSH_TTY)

/**
 * The program and its arguments that open a URL: that of `BROWSER`, or the platform's. `undefined` where there is none, or
 * where it would open on a screen that the person does not sit at, and for what is no web page.
 */
export const command = (url: URL, surroundings: Surroundings): readonly [string, ...Array<string>] | undefined => {
  const { environment, platform } = surroundings
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined
  if (environment.BROWSER) return [environment.BROWSER, url.href]
  if (isRemote(surroundings)) return undefined
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
      return environment.DISPLAY || environment.WAYLAND_DISPLAY ? ["xdg-open", url.href] : undefined
  }
}

/** Whether a program could be started and has not failed at once. It lives on when this one ends. */
const run = ([program, ...args]: readonly [string, ...Array<string>], { environment }: Surroundings) =>
  Effect.callback<boolean>((resume) => {
    const child = spawn(program, args, {
      detached: true,
      stdio: "ignore",
      windowsHide: true,
      env: { ...environment },
    })
    child.once("error", () => resume(Effect.succeed(false)))
    child.once("exit", (code) => resume(Effect.succeed(code === 0)))
    child.unref()
  }).pipe(
    // What can be seen at once, as a program that is a directory, is thrown.
    Effect.catchDefect(() => Effect.succeed(false)),
    Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed(true) }),
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
  )

/** A browser for other surroundings than this process's. */
export const make = (surroundings: Surroundings): Browser => ({
  open: (url) => {
    const found = command(url, surroundings)
    return found === undefined ? Effect.succeed(false) : run(found, surroundings)
  },
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
export const system: Layer.Layer<never> = Layer.sync(Browser)(() =>
  make({ platform: process.platform, environment: process.env }),
)
