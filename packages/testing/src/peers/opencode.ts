/**
 * The released OpenCode, headless, with a home of its own: a host that nobody here wrote, for what is loaded into it.
 *
 * It is installed when first needed (`scripts/opencode.ts`). Where it cannot be, a test that needs it is skipped and says
 * why; where `CI` is set it fails.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { it, type Tester } from "../effect.ts"
import { temporaryDirectory } from "../recording.ts"

/** OpenCode did not start, or did not answer as it should. */
export class OpenCodeError extends Data.TaggedError("OpenCodeError")<{ readonly detail: string }> {
  override get message() {
    return this.detail
  }
}

const script = fileURLToPath(new URL("../../../../scripts/opencode.ts", import.meta.url))

const find = (): { readonly path: string } | { readonly missing: string } => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [script], { encoding: "utf8" })
  return status === 0 ? { path: stdout.trim() } : { missing: `there is no OpenCode: ${stderr.trim()}` }
}
const found = find()

type Register = (...test: Parameters<Tester<never>>) => void

/** Registers a test that needs OpenCode, as `it.live` does; `register`: what it needs besides, as `inChromium`. */
export const itOpenCode = (...[name, body, timeout, register = it.live]: [...Parameters<Register>, Register?]): void =>
  "missing" in found && !process.env["CI"]
    ? it.live.skip(`${name}: ${found.missing}`, body, timeout)
    : register(name, body, timeout)

/** What a run of `opencode run` came to. */
export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A running `opencode serve`. */
export interface Serving {
  readonly pid: number
  readonly url: string
  /** A request to its server; what is not answered with a status below 300 fails. */
  readonly ask: (method: string, path: string, body?: unknown) => Effect.Effect<unknown, OpenCodeError>
  /** Ends it as Ctrl-C does, and waits for its end. */
  readonly stop: Effect.Effect<void>
}

export interface OpenCode {
  /** The project's directory, and of its person: both temporary. */
  readonly directory: string
  readonly home: string
  /** One of its commands, to its end. Interrupting it kills it. */
  readonly command: (...args: ReadonlyArray<string>) => Effect.Effect<Ran>
  /** A session of one prompt, as a command. */
  readonly run: (prompt: string) => Effect.Effect<Ran>
  readonly serve: Effect.Effect<Serving, OpenCodeError, Scope.Scope>
  /** Its log until now. */
  readonly log: () => string
}

const ended = (child: ChildProcess): Effect.Effect<number | null> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.succeed(child.exitCode))
    child.once("exit", (code) => resume(Effect.succeed(code)))
  })

const kill = (child: ChildProcess) =>
  Effect.andThen(
    Effect.sync(() => child.kill("SIGKILL")),
    ended(child),
  )

/** OpenCode with this configuration, as the person's own. No browser of the machine's is ever opened: `BROWSER` is in `more`. */
export const openCode = (
  config: object,
  more: Readonly<Record<string, string>> = {},
): Effect.Effect<OpenCode, never, Scope.Scope> =>
  Effect.gen(function* () {
    const root = realpathSync(yield* temporaryDirectory)
    const [home, directory] = [join(root, "home"), join(root, "project")]
    const own = join(home, "config", "opencode")
    for (const each of [own, directory]) mkdirSync(each, { recursive: true })
    writeFileSync(join(own, "opencode.json"), JSON.stringify({ permission: "allow", share: "disabled", ...config }))
    // As if the package of types that OpenCode installs beside a configuration were there: no test asks a registry.
    mkdirSync(join(own, "node_modules"))
    const dependencies = { "@opencode-ai/plugin": "1.18.33" }
    writeFileSync(join(own, "package.json"), JSON.stringify({ dependencies }))
    writeFileSync(join(own, "package-lock.json"), JSON.stringify({ packages: { "": { dependencies } } }))
    const others = /^(OPENCODE|XDG)_|_proxy$|^(BROWSER|DISPLAY|WAYLAND_DISPLAY)$/i
    const inherited = Object.entries(process.env).filter(([name]) => !others.test(name))
    const env = {
      ...Object.fromEntries(inherited),
      // It goes by this, and not by where it was started.
      PWD: directory,
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_DATA_HOME: join(home, "data"),
      XDG_STATE_HOME: join(home, "state"),
      XDG_CACHE_HOME: join(home, "cache"),
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
      ...more,
    }
    const start = (...args: ReadonlyArray<string>) =>
      Effect.sync(() => {
        const binary = "path" in found ? found.path : "opencode"
        return spawn(binary, args, { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] })
      })
    const collect = (child: ChildProcess) => {
      const output = { stdout: "", stderr: "" }
      child.stdout?.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()))
      child.stderr?.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()))
      return output
    }
    const command = (...args: ReadonlyArray<string>) =>
      Effect.acquireUseRelease(
        start(...args),
        (child) => {
          const output = collect(child)
          return Effect.map(ended(child), (code) => ({ code, ...output }))
        },
        kill,
      )
    return {
      directory,
      home,
      command,
      run: (prompt) => command("run", "--title", "test", prompt),
      serve: Effect.gen(function* () {
        const child = yield* Effect.acquireRelease(start("serve", "--hostname", "127.0.0.1", "--port", "0"), kill)
        const output = collect(child)
        const url = yield* Effect.callback<string, OpenCodeError>((resume) => {
          const look = () => {
            const [, url] = /listening on (http:\/\/\S+)/.exec(output.stdout + output.stderr) ?? []
            if (url !== undefined) resume(Effect.succeed(url))
          }
          child.stdout?.on("data", look)
          child.stderr?.on("data", look)
          child.once("exit", () => resume(Effect.fail(new OpenCodeError({ detail: JSON.stringify(output) }))))
        })
        return {
          pid: child.pid ?? 0,
          url,
          ask: (method, path, body) =>
            Effect.tryPromise({
              try: async (signal) => {
                const headers = { "content-type": "application/json", "x-opencode-directory": directory }
                const text = body === undefined ? {} : { body: JSON.stringify(body) }
                const response = await fetch(`${url}${path}`, { method, headers, signal, ...text })
                const said = await response.text()
                if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${said}`)
                return said === "" ? undefined : JSON.parse(said)
              },
              catch: (error) => new OpenCodeError({ detail: String(error) }),
            }),
          stop: Effect.andThen(
            Effect.sync(() => child.kill("SIGINT")),
            Effect.asVoid(ended(child)),
          ),
        }
      }),
      log: () => {
        const logs = join(home, "data", "opencode", "log")
        return readdirSync(logs)
          .map((file) => readFileSync(join(logs, file), "utf8"))
          .join("\n")
      },
    }
  })
