/**
 * A local server: a child process that reads messages from stdin and writes them to stdout, one to a line
 * (2025-11-25, Transports, stdio).
 *
 * Messages that are sent in one turn of the event loop leave in one write. What the process has not read is counted;
 * above a bound `send` refuses, so a server that does not read costs its own calls and no memory. The process leads a
 * group of its own; closing the Scope ends it and everything it started. Restarting is not done here.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import { resolve } from "node:path"
import * as Mark from "../process/mark.ts"
import { programOf } from "../process/program.ts"
import { defaultGrace, endTree, type Grace, leader } from "../process/tree.ts"
import { parse } from "../protocol/json.ts"
import type { RequestId } from "../protocol/jsonrpc.ts"
import {
  Closed,
  fail,
  MessageTooLarge,
  OutputClosed,
  ProcessExited,
  SpawnFailed,
  type TransportError,
} from "./error.ts"
import { makeLineSplitter } from "./lines.ts"
import { encode } from "./outgoing.ts"
import { answeredId } from "./oversized.ts"
import type { Connection, Receiver } from "./transport.ts"
import { makeLineWriter } from "./writer.ts"

/** How a local server is started. */
export interface StdioOptions {
  /** The program and its arguments; no shell is involved. */
  readonly command: readonly [string, ...ReadonlyArray<string>]
  /** The working directory. Default: that of this process. */
  readonly cwd?: string | undefined
  /** The whole environment of the child. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Whether its processes are marked by a variable, so that those that left its group are found. Default: true. */
  readonly marked?: boolean | undefined
  /** The longest message that is read, in bytes. Default: 64 MiB. */
  readonly messageLimit?: number | undefined
  /** How long each step of an ending may take. */
  readonly grace?: Grace | undefined
}

/** 64 MiB: ten times what any server was seen to send, and nothing that hurts. */
const defaultMessageLimit = 64 * 1024 * 1024

/** Lines of stderr that are kept for the reason of an ending. */
const keptStderrLines = 20
const keptStderrLine = 2_000

/** Output of a server that is no JSON-RPC is reported this often, and then no more. */
const reportedJunk = 5

/** How long output may still arrive after the process ended, in milliseconds: a grandchild may hold the pipe open. */
const drain = 200

const codeOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined

/** What kept the process from starting, and what to do about it. */
const refusalOf = ({ command, cwd }: StdioOptions, cause: unknown): readonly [detail: string, hint: string] => {
  const [program] = command
  const directory = cwd === undefined ? undefined : statSync(cwd, { throwIfNoEntry: false })
  if (cwd !== undefined && directory?.isDirectory() !== true) {
    const what = directory === undefined ? "does not exist" : "is not a directory"
    return [`its directory ${cwd} ${what}`, `Create it, or correct "cwd".`]
  }
  switch (codeOf(cause)) {
    case "ENOENT":
      return program.includes("/") && existsSync(resolve(cwd ?? "", program))
        ? ["what its first line asks to be run with does not exist", "Install that, or correct the line."]
        : ["no such program", `Install it, or correct "command"; PATH was searched.`]
    case "EACCES":
      return ["it may not be executed", "Check its permissions (chmod +x)."]
    default:
      return [cause instanceof Error ? cause.message : String(cause), `Check "command" in the server's entry.`]
  }
}

const refusal = (options: StdioOptions, cause: unknown): TransportError => {
  const [detail, hint] = refusalOf(options, cause)
  return fail(new SpawnFailed({ command: options.command[0], detail, hint }))
}

/** Starts the process. What can be seen at once (a NUL byte in an argument) is thrown, everything else is emitted. */
const start = (options: StdioOptions): Effect.Effect<ChildProcessWithoutNullStreams, TransportError> =>
  Effect.flatMap(
    Effect.try({
      try: () => {
        const environment = options.env ?? process.env
        const program = programOf(options.command, { cwd: options.cwd, environment })
        return spawn(program.file, program.args, {
          cwd: options.cwd,
          env: options.env,
          stdio: "pipe",
          detached: process.platform !== "win32",
          windowsHide: true,
          windowsVerbatimArguments: program.verbatim,
        })
      },
      catch: (cause) => refusal(options, cause),
    }),
    (child) =>
      Effect.callback((resume) => {
        const refuse = (cause: Error) => resume(Effect.fail(refusal(options, cause)))
        child.once("error", refuse)
        child.once("spawn", () => {
          child.off("error", refuse)
          resume(Effect.succeed(child))
        })
      }),
  )

const makeReader = (receiver: Receiver, limit: number) => {
  let junk = 0
  const report = (line: string) => {
    junk += 1
    if (junk > reportedJunk) return
    const more = junk === reportedJunk ? " (further lines like it are not reported)" : ""
    receiver.warning(`wrote a line to stdout that is not JSON-RPC: ${line.slice(0, 200)}${more}`)
  }
  const tooLarge = (id: RequestId | undefined): boolean => {
    if (id !== undefined) receiver.failed(id, fail(new MessageTooLarge({ limit })))
    return id !== undefined
  }
  return makeLineSplitter(
    {
      line: (text) => {
        const value = parse(text)
        if (typeof value === "object" && value !== null) receiver.message(value)
        else if (text.trim() !== "") report(text)
      },
      endless: (head) => tooLarge(answeredId(head, "")),
      oversized: (head, tail) => {
        if (!tooLarge(answeredId(head, tail))) receiver.warning(fail(new MessageTooLarge({ limit })).message)
      },
    },
    limit,
  )
}

/** Opens a stdio connection: starts the process, and ends it and its descendants with the Scope. */
export const open = (
  options: StdioOptions,
  receiver: Receiver,
): Effect.Effect<Connection, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const run = Effect.runForkWith(yield* Effect.context<never>())
    let ended = false
    let exited = false
    let draining: Fiber.Fiber<void> | undefined
    const end = (error: TransportError) => {
      if (ended) return
      ended = true
      draining?.interruptUnsafe()
      receiver.ended(error)
    }
    const [command] = options.command
    const { child, writer } = yield* Effect.acquireRelease(
      Effect.gen(function* () {
        const mark = options.marked === false ? undefined : yield* Mark.make
        const env = options.env ?? process.env
        const child = yield* start({ ...options, env: mark === undefined ? env : { ...env, [Mark.variable]: mark } })
        return {
          child,
          mark,
          root: yield* leader(child.pid ?? 0),
          writer: makeLineWriter(child.stdin, receiver.writable),
        }
      }),
      ({ child, mark, root, writer }) => {
        const closeStdin = Effect.sync(() => {
          writer.flush()
          end(fail(new Closed()))
          child.stdin.end()
        })
        const awaitExit = Effect.callback<void>((resume) => {
          if (exited) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
        })
        const closeOutput = Effect.sync(() => {
          child.stdout.destroy()
          child.stderr.destroy()
        })
        const grace = options.grace ?? defaultGrace
        const strays = mark === undefined ? undefined : Mark.startedAs(mark)
        return Effect.andThen(endTree({ root, closeStdin, exited: awaitExit, grace, strays }), closeOutput)
      },
    )
    const stderr: Array<string> = []
    const stderrLine = (line: string) => {
      if (stderr.length === keptStderrLines) stderr.shift()
      stderr.push(line.slice(0, keptStderrLine))
      if (!ended) receiver.stderr(line)
    }
    const stderrLines = makeLineSplitter({ line: stderrLine, oversized: stderrLine }, 64 * 1024)
    child.stderr.on("data", stderrLines.push)
    child.stderr.once("end", stderrLines.end)
    const read = makeReader(receiver, options.messageLimit ?? defaultMessageLimit)
    child.stdout.on("data", (chunk: Buffer) => {
      if (!ended) read.push(chunk)
    })
    // A write to a process that has gone fails here; its exit says why.
    child.stdin.on("error", () => undefined)
    child.on("error", () => undefined)
    /** Ends with what is known then, unless something better came first. */
    const endSoon = (error: () => TransportError) => {
      draining?.interruptUnsafe()
      draining = run(
        Effect.sleep(drain).pipe(
          Effect.andThen(Effect.sync(() => end(error()))),
          Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
        ),
      )
    }
    child.once("exit", (code, signal) => {
      exited = true
      const error = () => {
        stderrLines.end()
        return fail(new ProcessExited({ command, code, signal, stderr }))
      }
      child.once("close", () => end(error()))
      if (!ended) endSoon(error)
    })
    child.stdout.once("end", () => {
      if (!ended) read.end()
      // Most often the exit follows at once and is the better reason.
      if (!exited && !ended) endSoon(() => fail(new OutputClosed({ command })))
    })
    return {
      send: (message) => {
        if (writer.isFull()) return false
        const json = encode(message, receiver)
        if (json !== undefined) writer.line(json)
        return true
      },
      abandoned: () => true,
      negotiated: () => undefined,
      pid: child.pid,
    }
  })
