/** Programs that share servers, in processes of their own; and the directory in which they meet. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { mkdirSync, realpathSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { temporaryDirectory } from "@opencode-ai/testing/recording"

const file = fileURLToPath(new URL("program.ts", import.meta.url))

/** What a program says: of an action, or an event. */
export interface Said {
  readonly id?: number
  readonly result?: any
  readonly error?: string
  readonly event?: string
  readonly data?: any
}

export interface Action {
  readonly id: number
  /** What came of it; fails with the error. */
  readonly result: Effect.Effect<any, string>
}

export interface Program {
  readonly pid: number
  readonly said: ReadonlyArray<Said>
  /** Begins an action. */
  readonly begin: (does: string, argument?: unknown) => Action
  readonly does: (does: string, argument?: unknown) => Effect.Effect<any, string>
  /** Calls a tool, and gives its structured content, or its text. */
  readonly call: (tool: string, args?: object) => Effect.Effect<any, string>
  readonly cancel: (action: Action) => void
  /** The first line that fits, past or to come. */
  readonly first: (fits: (said: Said) => boolean) => Effect.Effect<Said>
  readonly kill: (signal: NodeJS.Signals) => void
  /** Ends it as a program ends by itself. */
  readonly end: Effect.Effect<void>
  readonly ended: Effect.Effect<void>
}

/** Where the programs of one test meet, and their project. */
export interface Meeting {
  readonly directory: string
  readonly project: string
  readonly start: (
    entry: object,
    options?: { readonly name?: string; readonly project?: string; readonly environment?: object },
  ) => Effect.Effect<Program, never, Scope.Scope>
}

const started = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = spawn(process.execPath, [...process.execArgv, file, ...args], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
    })
    const ended = Effect.callback<void>((resume) => {
      if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
      child.once("exit", () => resume(Effect.void))
    })
    const said: Array<Said> = []
    const listeners = new Set<(line: Said) => void>()
    let rest = ""
    child.stdin.on("error", () => undefined)
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) {
        const one: Said = JSON.parse(line)
        said.push(one)
        for (const listener of listeners) listener(one)
      }
    })
    const first: Program["first"] = (fits) =>
      Effect.callback((resume) => {
        const found = said.find(fits)
        if (found !== undefined) return resume(Effect.succeed(found))
        const listener = (line: Said) => {
          if (!fits(line)) return
          listeners.delete(listener)
          resume(Effect.succeed(line))
        }
        listeners.add(listener)
        return Effect.sync(() => listeners.delete(listener))
      })
    let last = 0
    const begin: Program["begin"] = (does, argument) => {
      const id = ++last
      child.stdin.write(`${JSON.stringify({ id, does, argument })}\n`)
      const result = Effect.flatMap(
        first((line) => line.id === id),
        ({ error, result }) => (error === undefined ? Effect.succeed(result) : Effect.fail(error)),
      )
      return { id, result }
    }
    const does: Program["does"] = (name, argument) => Effect.suspend(() => begin(name, argument).result)
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.sync(() => child.kill("SIGKILL")),
        ended,
      ),
    )
    return {
      pid: child.pid ?? 0,
      said,
      begin,
      does,
      call: (tool, args = {}) =>
        Effect.map(
          does("call", { tool, arguments: args }),
          ({ content, structuredContent }) => structuredContent ?? content[0].text,
        ),
      cancel: ({ id }) => void child.stdin.write(`${JSON.stringify({ cancel: id })}\n`),
      first,
      kill: (signal) => void child.kill(signal),
      end: Effect.suspend(() => {
        child.stdin.end()
        return ended
      }),
      ended,
    }
  })

export const meeting: Effect.Effect<Meeting, never, Scope.Scope> = Effect.gen(function* () {
  const root = realpathSync(yield* temporaryDirectory)
  const runtime = join(root, "run")
  const project = join(root, "project")
  for (const path of [runtime, project]) mkdirSync(path, { mode: 0o700 })
  return {
    directory: join(runtime, "opencode-mcp"),
    project,
    start: (entry, { environment = {}, name = "", project: other = project } = {}) =>
      Effect.gen(function* () {
        const env = { ...process.env, XDG_RUNTIME_DIR: runtime, TMPDIR: runtime, ...environment }
        const program = yield* started([JSON.stringify({ shared: true, ...entry }), other, name], env)
        yield* program.first(({ id }) => id === 0)
        return program
      }),
  }
})
