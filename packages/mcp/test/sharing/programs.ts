/** Programs that share servers, in this process or in some of their own; and the directory in which they meet. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { mkdirSync, realpathSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { act, type Line, type Said } from "./actor.ts"

const main = fileURLToPath(new URL("main.ts", import.meta.url))

export interface Action {
  readonly id: number
  /** What came of it; fails with the error. */
  readonly result: Effect.Effect<unknown, string>
}

export interface Program {
  readonly pid: number
  readonly said: ReadonlyArray<Said>
  readonly begin: (does: string, argument?: unknown) => Action
  readonly does: (does: string, argument?: unknown) => Effect.Effect<unknown, string>
  readonly cancel: (action: Action) => void
  readonly beginCall: (tool: string, args?: object) => Action
  /** Calls a tool, and gives its structured content; where it has none, its text as `text`. */
  readonly call: (tool: string, args?: object) => Effect.Effect<Record<string, unknown>, string>
  /** The first that fits of what it says, past or to come. */
  readonly first: (fits: (said: Said) => boolean) => Effect.Effect<Said>
  readonly kill: Effect.Effect<void>
  /** Ends it as a program ends by itself. */
  readonly end: Effect.Effect<void>
}

export interface ProgramOptions {
  readonly name?: string
  readonly project?: string
  readonly environment?: NodeJS.ProcessEnv
}

/** Where the programs of one test meet, and their project. */
export interface Meeting {
  readonly directory: string
  /** A program in this process, with a server that is shared. */
  readonly here: (entry: object, options?: ProgramOptions) => Effect.Effect<Program, never, Scope.Scope>
  /** One in a process of its own. */
  readonly start: (entry: object, options?: ProgramOptions) => Effect.Effect<Program, never, Scope.Scope>
}

/** What a program says, and who waits for it. */
const makeEars = () => {
  const said: Array<Said> = []
  const listeners = new Set<(line: Said) => void>()
  const hear = (line: Said) => {
    said.push(line)
    for (const listener of listeners) listener(line)
  }
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
  return { said, hear, first }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const contentOf = (result: unknown): Record<string, unknown> => {
  if (!isRecord(result)) return {}
  if (isRecord(result.structuredContent)) return result.structuredContent
  const block: unknown = Array.isArray(result.content) ? result.content[0] : undefined
  return { text: isRecord(block) ? block.text : undefined }
}

const program = (
  ears: ReturnType<typeof makeEars>,
  take: (line: Line) => void,
  life: Pick<Program, "pid" | "kill" | "end">,
): Program => {
  let last = 0
  const begin: Program["begin"] = (does, argument) => {
    const id = ++last
    take({ id, does, argument })
    const result = Effect.flatMap(
      ears.first((line) => line.id === id),
      ({ error, result }) => (error === undefined ? Effect.succeed(result) : Effect.fail(error)),
    )
    return { id, result }
  }
  const beginCall: Program["beginCall"] = (tool, args = {}) => begin("call", { tool, arguments: args })
  return {
    ...life,
    said: ears.said,
    first: ears.first,
    begin,
    beginCall,
    does: (does, argument) => Effect.suspend(() => begin(does, argument).result),
    cancel: ({ id }) => take({ cancel: id }),
    call: (tool, args) =>
      Effect.map(
        Effect.suspend(() => beginCall(tool, args).result),
        contentOf,
      ),
  }
}

const inProcess = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.gen(function* () {
    const ears = makeEars()
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
    })
    const ended = Effect.callback<void>((resume) => {
      if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
      child.once("exit", () => resume(Effect.void))
    })
    child.stdin.on("error", () => undefined)
    let rest = ""
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) ears.hear(JSON.parse(line))
    })
    const kill = Effect.suspend(() => {
      child.kill("SIGKILL")
      return ended
    })
    const end = Effect.suspend(() => {
      child.stdin.end()
      return ended
    })
    yield* Effect.addFinalizer(() => kill)
    yield* ears.first(({ id }) => id === 0)
    return program(ears, (line) => void child.stdin.write(`${JSON.stringify(line)}\n`), {
      pid: child.pid ?? 0,
      kill,
      end,
    })
  })

export const meeting: Effect.Effect<Meeting, never, Scope.Scope> = Effect.gen(function* () {
  const root = realpathSync(yield* temporaryDirectory)
  const runtime = join(root, "run")
  const own = join(root, "project")
  for (const path of [runtime, own]) mkdirSync(path, { mode: 0o700 })
  const before = process.env["XDG_RUNTIME_DIR"]
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      process.env["XDG_RUNTIME_DIR"] = runtime
    }),
    () =>
      Effect.sync(() => {
        if (before === undefined) delete process.env["XDG_RUNTIME_DIR"]
        else process.env["XDG_RUNTIME_DIR"] = before
      }),
  )
  return {
    directory: join(runtime, "opencode-mcp"),
    here: (entry, { name = "", project = own } = {}) =>
      Effect.gen(function* () {
        const ears = makeEars()
        const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
        const options = { entry: { shared: true, ...entry }, directory: project, name, say: ears.hear }
        const end = Scope.close(scope, Exit.void)
        return program(ears, yield* Scope.provide(act(options), scope), { pid: process.pid, kill: end, end })
      }),
    start: (entry, { environment = {}, name = "", project = own } = {}) =>
      inProcess([JSON.stringify({ shared: true, ...entry }), project, name], { ...process.env, ...environment }),
  }
})

/** The server's process, as the server says. */
export const pidOf = (program: Program): Effect.Effect<number, string> =>
  Effect.map(program.call("process"), ({ pid }) => Number(pid))

/** The server's process, as the program knows it. */
export const knownPid = (program: Program): Effect.Effect<number, string> =>
  Effect.map(program.does("servers"), (servers) => {
    const server: unknown = Array.isArray(servers) ? servers[0] : undefined
    return isRecord(server) ? Number(server.pid) : 0
  })

/** How often the server was sent each method. */
export const counts = (program: Program): Effect.Effect<Record<string, unknown>, string> =>
  Effect.map(program.call("recorded"), ({ counts }) => (isRecord(counts) ? counts : {}))

export const isEvent =
  (type: string) =>
  ({ event }: Said): boolean =>
    event === type
