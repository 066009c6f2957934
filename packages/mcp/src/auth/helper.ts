/**
 * Headers that a program prints: one JSON object of strings.
 *
 * It is run when a connection first needs them, and again when the server refuses them; whoever needs them meanwhile
 * waits for the same run. No shell is involved, and nothing of this process's environment is passed on but what a
 * program needs to run at all.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import type { Readable } from "node:stream"
import { environment } from "../process/environment.ts"
import { programOf } from "../process/program.ts"
import { endTree, leader } from "../process/tree.ts"
import { parse } from "../protocol/json.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import type { Auth, AuthHeaders, Challenge } from "./auth.ts"
import { type AuthError, fail, HelperFailed } from "./error.ts"
import { readHeaders } from "./headers.ts"

/** How the program is started. */
export interface HelperOptions {
  /** Whose headers it makes: the program finds the name in `OPENCODE_MCP_SERVER`. */
  readonly server: string
  /** The program and its arguments; no shell is involved. */
  readonly command: readonly [string, ...ReadonlyArray<string>]
  /** Its working directory. Default: that of this process. */
  readonly cwd?: string | undefined
  /** Variables of its environment, besides those that any program needs. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** How long it may take, in milliseconds. Default: 10,000. */
  readonly timeout?: number | undefined
  /** Headers of every request, besides; those that the program prints replace them. */
  readonly headers: AuthHeaders
}

const defaultTimeout = 10_000
/** More than any header that a server takes, in bytes. */
const outputLimit = 64 * 1024
/** What is kept of the end of its standard error, in bytes, and shown of its last line, in characters. */
const errorLimit = 4 * 1024
const shownError = 200
/** How long its output may still arrive after it ended, in milliseconds: what it started may hold the pipe open. */
const drain = 200
/** It has no standard input to heed the end of, in milliseconds. */
const grace = { stdin: 0, term: 1_000 }

type Child = ChildProcessByStdio<null, Readable, Readable>

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const realTime = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

const starts: Readonly<Record<string, string>> = {
  ENOENT: "no such program",
  EACCES: "it may not be executed",
  ENOEXEC: "it is no program that this system runs",
  ERR_INVALID_ARG_VALUE: "an argument holds what no argument can hold",
}

/** What keeps a program from starting, in words. A runtime's own message may quote the arguments. */
const refusalOf = ({ cwd }: HelperOptions, cause: unknown): string => {
  if (cwd !== undefined && !existsSync(cwd)) return `cannot be started: its directory ${cwd} does not exist`
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "an unknown error"
  return `cannot be started: ${starts[code] ?? code}`
}

/** What is long and has no gaps may be a credential. */
const mayBeSecret = /[\w.+=~%-]{20,}/g
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** The last line of what it complained about, as it may be shown. */
const complaint = (stderr: string): string => {
  const last = stderr.trim().split("\n").at(-1) ?? ""
  const shown = last.replace(mayBeSecret, "***").replace(invisible, "\ufffd").slice(0, shownError)
  return shown === "" ? "" : `, saying: ${shown}`
}

const start = (options: HelperOptions): Effect.Effect<Child, string> =>
  Effect.try({
    try: () => {
      const env = environment(false, [["OPENCODE_MCP_SERVER", options.server], ...Object.entries(options.env ?? {})])
      const program = programOf(options.command, { cwd: options.cwd, environment: env })
      return spawn(program.file, program.args, {
        cwd: options.cwd,
        env,
        stdio: ["ignore", "pipe", "pipe"],
        detached: process.platform !== "win32",
        windowsHide: true,
        windowsVerbatimArguments: program.verbatim,
      })
    },
    catch: (cause) => refusalOf(options, cause),
  }).pipe(
    Effect.flatMap((child) =>
      Effect.callback<Child, string>((resume) => {
        child.once("error", (cause) => resume(Effect.fail(refusalOf(options, cause))))
        child.once("spawn", () => resume(Effect.succeed(child)))
      }),
    ),
  )

/** Runs a program to its end; whatever else happens, it and all that it started are ended. */
const output = (options: HelperOptions): Effect.Effect<string, string> =>
  Effect.scoped(
    Effect.gen(function* () {
      let ended: Ended | undefined
      let stdout = Buffer.alloc(0)
      let stderr = Buffer.alloc(0)
      const exited = Deferred.makeUnsafe<void>()
      const closed = Deferred.makeUnsafe<void>()
      const tooMuch = Deferred.makeUnsafe<never, string>()
      yield* Effect.acquireRelease(
        Effect.gen(function* () {
          const child = yield* start(options)
          child.stdout.on("data", (chunk: Buffer) => {
            if (stdout.length + chunk.length <= outputLimit) stdout = Buffer.concat([stdout, chunk])
            else Deferred.doneUnsafe(tooMuch, Effect.fail(`printed more than ${outputLimit} bytes`))
          })
          child.stderr.on("data", (chunk: Buffer) => {
            stderr = Buffer.concat([stderr, chunk]).subarray(-errorLimit)
          })
          child.on("error", () => undefined)
          child.once("exit", (code, signal) => {
            ended = { code, signal }
            Deferred.doneUnsafe(exited, Effect.void)
          })
          child.once("close", () => Deferred.doneUnsafe(closed, Effect.void))
          return { child, root: yield* leader(child.pid ?? 0) }
        }),
        ({ child, root }) =>
          Effect.gen(function* () {
            if (ended === undefined) {
              yield* endTree({ root, closeStdin: Effect.void, exited: Deferred.await(exited), grace })
            }
            child.stdout.destroy()
            child.stderr.destroy()
          }),
      )
      const whole = Effect.andThen(Deferred.await(exited), Effect.timeoutOption(Deferred.await(closed), drain))
      const { timeout = defaultTimeout } = options
      yield* Effect.raceFirst(whole, Deferred.await(tooMuch)).pipe(
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () => Effect.fail(`did not end within ${timeout / 1000} s and was ended`),
        }),
      )
      if (ended?.signal != null)
        return yield* Effect.fail(`was ended by ${ended.signal}${complaint(stderr.toString())}`)
      if (ended?.code !== 0) {
        return yield* Effect.fail(`ended with exit code ${ended?.code}${complaint(stderr.toString())}`)
      }
      return stdout.toString("utf8")
    }),
  ).pipe(realTime)

/** Reads what it printed. What is wrong is told by its place: the text is a secret. */
const read = (text: string): Effect.Effect<AuthHeaders, string> =>
  Effect.gen(function* () {
    // Some shells begin with a mark of their byte order.
    const printed = text.replace(/^\ufeff/, "").trim()
    if (printed === "") return yield* Effect.fail("printed nothing, where one JSON object of headers was expected")
    const value = parse(printed)
    if (value === undefined) return yield* Effect.fail("printed what is no JSON")
    if (!isObject(value)) {
      return yield* Effect.fail("printed JSON that is no object of headers")
    }
    const headers: Array<readonly [string, string]> = []
    for (const [at, [name, one]] of Object.entries(value).entries()) {
      if (typeof one !== "string") return yield* Effect.fail(`printed an object whose value ${at + 1} is no string`)
      const header = yield* Effect.mapError(
        readHeaders({ [name]: one }),
        () => `printed an object whose header ${at + 1} HTTP does not allow`,
      )
      headers.push(...Object.entries(header))
    }
    return Object.fromEntries(headers)
  })

/** What the program makes of it now. */
const run = (options: HelperOptions): Effect.Effect<AuthHeaders, AuthError> =>
  Effect.flatMap(output(options), read).pipe(
    Effect.mapBoth({
      onSuccess: (headers) => ({ ...options.headers, ...headers }),
      onFailure: (detail) => fail(new HelperFailed({ command: options.command[0], detail })),
    }),
  )

const isSame = (a: AuthHeaders, b: AuthHeaders): boolean => {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/** The headers of a connection; the program ends with the Scope. */
export const make = (options: HelperOptions): Effect.Effect<Auth["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    let held: AuthHeaders | undefined
    let running: Deferred.Deferred<AuthHeaders, AuthError> | undefined

    const renew: Effect.Effect<AuthHeaders, AuthError> = Effect.suspend(() => {
      if (running !== undefined) return Deferred.await(running)
      const current = Deferred.makeUnsafe<AuthHeaders, AuthError>()
      running = current
      const work = run(options).pipe(
        Effect.tap((headers) =>
          Effect.sync(() => {
            if (held === undefined || !isSame(held, headers)) held = headers
          }),
        ),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            running = undefined
            Deferred.doneUnsafe(current, exit)
          }),
        ),
      )
      // Whoever asked first may give up; others wait for it still.
      return Effect.andThen(Effect.forkIn(work, scope), Deferred.await(current))
    })

    return {
      current: () => held,
      headers: Effect.suspend(() => (held === undefined ? renew : Effect.succeed(held))),
      challenged: ({ sent }: Challenge) =>
        Effect.suspend(() =>
          held !== undefined && !isSame(held, sent)
            ? Effect.succeed(true)
            : Effect.map(renew, (headers) => !isSame(headers, sent)),
        ),
    }
  })
