/** The real program, `mcp shell --json`, as a program at the other end of its pipe has it. */
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url))
const marker = "MCP_SHELL_TEST"

/** A line of output: a reply or an event. */
export interface Said {
  readonly id?: unknown
  readonly ok?: boolean
  // What a test looks at is of many shapes.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly result?: any
  readonly error?: { readonly tag: string; readonly message: string; readonly code?: number; readonly data?: unknown }
  readonly event?: string
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data?: any
}

export interface Command {
  readonly id?: unknown
  readonly op: string
  readonly [field: string]: unknown
}

export interface Shell {
  readonly child: ChildProcess
  /** Everything it has said so far, in order. */
  readonly said: ReadonlyArray<Said>
  readonly stderr: () => string
  readonly write: (bytes: string | Uint8Array) => void
  readonly send: (...commands: ReadonlyArray<Command>) => void
  /** Begins to read its output, where that was left for later. */
  readonly read: () => void
  /** The first line, past or to come, that fits. */
  readonly first: (fits: (said: Said) => boolean) => Effect.Effect<Said>
  /** The reply to an id. */
  readonly reply: (id: unknown) => Effect.Effect<Said>
  readonly ask: (command: Command) => Effect.Effect<Said>
  /** The first event of this type about this server that fits. */
  readonly event: (type: string, server: string, fits?: (data: Said["data"]) => boolean) => Effect.Effect<Said>
  /** Closes its input. */
  readonly end: () => void
  /** Its exit code, once its output is read to the end. */
  readonly exit: Effect.Effect<number | null>
  /** The processes that it started and their children, with their command lines, whichever of them still run. */
  readonly processes: () => ReadonlyArray<string>
  readonly directory: string
  readonly config: string
}

export interface ShellOptions {
  readonly servers?: { readonly [name: string]: unknown }
  /** Whether the configuration is the project's, found in the working directory. */
  readonly project?: boolean
  /** Where it runs. Default: a directory of its own. */
  readonly directory?: string
  /** The text of the configuration, in place of `servers`. */
  readonly text?: string
  readonly env?: { readonly [name: string]: string }
  /** Flags. */
  readonly words?: ReadonlyArray<string>
  /** Whether its output is read from the start. */
  readonly reads?: boolean
}

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

/** Processes with this mark in their environment, but for `except`; a zombie has none. */
const marked = (mark: string, except: number | undefined): ReadonlyArray<string> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== except)
    .filter((pid) => read(`/proc/${pid}/environ`).includes(`${marker}=${mark}`))
    .map((pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").slice(0, 200)}`)

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

/** Starts a shell; it is killed with the Scope, should it still run. */
export const startShell = (options: ShellOptions = {}): Effect.Effect<Shell, never, Scope.Scope> =>
  Effect.gen(function* () {
    const directory = options.directory ?? (yield* temporaryDirectory)
    const config = join(directory, options.project === true ? "opencode.json" : "servers.json")
    const words = options.project === true ? [] : ["--config", config]
    writeFileSync(config, options.text ?? JSON.stringify({ mcp: options.servers ?? {} }))
    const mark = randomUUID()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [program, "shell", "--json", ...words, ...(options.words ?? [])], {
          cwd: directory,
          env: {
            ...process.env,
            HOME: directory,
            XDG_CONFIG_HOME: join(directory, "config"),
            XDG_STATE_HOME: join(directory, "state"),
            XDG_DATA_HOME: join(directory, "data"),
            [marker]: mark,
            ...options.env,
          },
          stdio: ["pipe", "pipe", "pipe"],
        }),
      ),
      (started) => Effect.sync(() => started.kill("SIGKILL")),
    )
    const said: Array<Said> = []
    const listeners = new Set<() => void>()
    let rest = ""
    let stderr = ""
    let closed = false
    child.once("close", () => {
      closed = true
      for (const listener of [...listeners]) listener()
    })
    child.stdin.on("error", () => undefined)
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    const reads = () => {
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) said.push(JSON.parse(line))
        for (const listener of [...listeners]) listener()
      })
    }
    if (options.reads ?? true) reads()

    const first = (fits: (line: Said) => boolean) =>
      Effect.callback<Said>((resume) => {
        const look = () => {
          const found = said.find(fits)
          if (found === undefined && !closed) return
          listeners.delete(look)
          const why = `it ended without saying that: code ${child.exitCode}\n${stderr}`
          resume(found === undefined ? Effect.die(new Error(why)) : Effect.succeed(found))
        }
        listeners.add(look)
        look()
        return Effect.sync(() => listeners.delete(look))
      })
    const write = (bytes: string | Uint8Array) => void child.stdin.write(bytes)
    const send = (...commands: ReadonlyArray<Command>) =>
      write(commands.map((command) => `${JSON.stringify(command)}\n`).join(""))
    const reply = (id: unknown) => first((line) => line.event === undefined && same(line.id, id))
    return {
      child,
      said,
      stderr: () => stderr,
      write,
      send,
      read: reads,
      first,
      reply,
      ask: (command) => Effect.suspend(() => (send(command), reply(command.id ?? null))),
      event: (type, server, fits = () => true) =>
        first(({ data, event }) => event === type && data.server === server && fits(data)),
      end: () => child.stdin.end(),
      exit: Effect.callback((resume) => {
        const done = () => resume(Effect.succeed(child.exitCode))
        if (closed) done()
        else child.once("close", done)
      }),
      processes: () => marked(mark, child.pid),
      directory,
      config,
    }
  })
