/** The real program as a child process: what a person or a script sees of it. */
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { stripVTControlCharacters } from "node:util"

const file = (name: string) => fileURLToPath(new URL(`../../src/${name}`, import.meta.url))
const marker = "MCP_CLI_TEST"

/** Everything that came of one run. */
export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Standard output as JSON. What a test looks at is of many shapes. */
// oxlint-disable-next-line typescript/no-explicit-any
export const json = ({ stdout }: Result): any => JSON.parse(stdout)

export interface Running {
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => void
  readonly result: Effect.Effect<Result>
  /** What standard error holds so far. */
  readonly stderr: () => string
  /** What standard output holds so far. */
  readonly stdout: () => string
  /** Waits until standard output holds what fits, or has ended. */
  readonly printed: (fits: RegExp) => Effect.Effect<void>
  /** The same of standard error. */
  readonly told: (fits: RegExp) => Effect.Effect<void>
}

export interface RunOptions {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Relative to the world. */
  readonly cwd?: string
  /** The program: `main.ts` unless it is said. */
  readonly program?: "main.ts" | "start.ts" | "session/main.ts"
}

/** Something to do on a terminal: what it shows since the last keys, without escape sequences, and how keys are pressed. */
export type Act = (screen: string, press: (keys: string) => void) => void

/** Keys to press on a terminal once its screen shows the text, or something else to do then. */
export type Keys = ReadonlyArray<readonly [shows: string | RegExp, keys: string | Act]>

export interface World {
  readonly directory: string
  readonly write: (name: string, content: unknown) => string
  readonly run: (words: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<Result>
  /** Runs with `--config`, these servers in the file. */
  readonly mcp: (servers: object, words: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<Result>
  readonly start: (words: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<Running, never, Scope.Scope>
  /** On a terminal, both outputs in one; `text` has no escape sequences. */
  readonly terminal: (
    words: ReadonlyArray<string>,
    options?: RunOptions & { readonly keys?: Keys; readonly columns?: number },
  ) => Effect.Effect<{ readonly code: number | null; readonly raw: string; readonly text: string }>
  /** Command lines of what was started in this world and still runs. */
  readonly processes: () => ReadonlyArray<string>
}

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

/** A directory, a home and an environment of its own; whatever still runs at the end fails the test. */
export const world: Effect.Effect<World, never, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const mark = randomUUID()
  mkdirSync(join(directory, "home"))
  const environment = (options: RunOptions): Record<string, string> => {
    const merged: Record<string, string | undefined> = {
      ...process.env,
      HOME: join(directory, "home"),
      XDG_CONFIG_HOME: join(directory, "home", ".config"),
      XDG_STATE_HOME: join(directory, "home", ".state"),
      XDG_DATA_HOME: join(directory, "home", ".data"),
      SSH_CONNECTION: undefined,
      SSH_TTY: undefined,
      BROWSER: "false",
      TMPDIR: directory,
      [marker]: mark,
      CI: undefined,
      NO_COLOR: undefined,
      ...options.env,
    }
    return Object.fromEntries(
      Object.entries(merged).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    )
  }
  const at = (options: RunOptions) => join(directory, options.cwd ?? ".")
  const command = (words: ReadonlyArray<string>, options: RunOptions) => [
    process.execPath,
    file(options.program ?? "main.ts"),
    ...words,
  ]
  const processes = () =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => read(`/proc/${pid}/environ`).includes(`${marker}=${mark}`))
      .map((pid) => read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").slice(0, 200))
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      // A browser is the person's, and this one ends by itself.
      const left = processes().filter((line) => !line.startsWith("false http"))
      if (left.length > 0) throw new Error(`still running: ${left.join("\n")}`)
    }),
  )

  const start: World["start"] = (words, options = {}) =>
    Effect.gen(function* () {
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.spawn(command(words, options), {
            cwd: at(options),
            env: environment(options),
            stdin: options.stdin === undefined ? "ignore" : new TextEncoder().encode(options.stdin),
            stdout: "pipe",
            stderr: "pipe",
          }),
        ),
        (started) =>
          Effect.promise(() => {
            started.kill("SIGKILL")
            return started.exited
          }),
      )
      let stderr = ""
      let stdout = ""
      let over = false
      const listeners = new Set<() => void>()
      const told = () => {
        for (const listener of [...listeners]) listener()
      }
      const decoder = new TextDecoder()
      const stderrEnd = child.stderr.pipeTo(
        new WritableStream({
          write: (chunk: Uint8Array) => {
            stderr += decoder.decode(chunk, { stream: true })
            told()
          },
        }),
      )
      const outDecoder = new TextDecoder()
      const stdoutEnd = child.stdout
        .pipeTo(
          new WritableStream({
            write: (chunk: Uint8Array) => {
              stdout += outDecoder.decode(chunk, { stream: true })
              told()
            },
          }),
        )
        .finally(() => {
          over = true
          told()
        })
      const until = (fits: () => boolean) =>
        Effect.callback<void>((resume) => {
          const look = () => {
            if (!over && !fits()) return
            listeners.delete(look)
            resume(Effect.void)
          }
          listeners.add(look)
          look()
          return Effect.sync(() => listeners.delete(look))
        })
      return {
        printed: (fits) => until(() => fits.test(stdout)),
        told: (fits) => until(() => fits.test(stderr)),
        pid: child.pid,
        kill: (signal) => child.kill(signal),
        stderr: () => stderr,
        stdout: () => stdout,
        result: Effect.promise(() =>
          Promise.all([child.exited, stdoutEnd, stderrEnd]).then(([code]) => ({
            code,
            stdout,
            stderr,
          })),
        ),
      }
    })
  const run: World["run"] = (words, options) =>
    Effect.scoped(Effect.flatMap(start(words, options), (running) => running.result))
  const write: World["write"] = (name, content) => {
    const path = join(directory, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content))
    return path
  }

  const terminal: World["terminal"] = (words, options = {}) =>
    Effect.promise(() => {
      let raw = ""
      let answered = 0
      const decoder = new TextDecoder()
      const keys = [...(options.keys ?? [])]
      const child = Bun.spawn(command(words, options), {
        cwd: at(options),
        env: { ...environment(options), TERM: options.env?.["TERM"] ?? "xterm-256color" },
        terminal: {
          cols: options.columns ?? 100,
          rows: 40,
          data: (pty, chunk) => {
            raw += decoder.decode(chunk, { stream: true })
            const [shows, press] = keys[0] ?? []
            if (shows === undefined || press === undefined) return
            const screen = stripVTControlCharacters(raw.slice(answered))
            if (typeof shows === "string" ? !screen.includes(shows) : !shows.test(screen)) return
            answered = raw.length
            keys.shift()
            if (typeof press === "string") pty.write(press)
            else press(screen, (keys) => pty.write(keys))
          },
        },
      })
      return child.exited.then((code) => {
        child.terminal?.close()
        return { code, raw, text: stripVTControlCharacters(raw).replaceAll("\r\n", "\n") }
      })
    })

  return {
    directory,
    write,
    run,
    start,
    terminal,
    processes,
    mcp: (servers, words, options) => run(["--config", write("servers.json", { mcp: servers }), ...words], options),
  }
})
