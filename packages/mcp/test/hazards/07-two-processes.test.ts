/** Two processes and one rotating refresh token: one refresh, and an answer for each call. */
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { make } from "../../src/auth/store/file.ts"
import { grants, host, signedIn } from "../auth/authorized.ts"

const program = fileURLToPath(new URL("07-process.ts", import.meta.url))

const end = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** A client in a process of its own, that is connected. */
const client = (path: string, url: string) =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, [program, path, url], { stdio: ["pipe", "pipe", "inherit"] })),
      end,
    )
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
    /** The next line that begins with one of these words. */
    const next = (...words: ReadonlyArray<string>): Effect.Effect<string> =>
      Effect.callback((resume) => {
        const look = () => {
          const line = output.split("\n").find((one) => words.some((word) => one.startsWith(word)))
          if (line === undefined) return void child.stdout.once("data", () => setImmediate(look))
          output = output.replace(`${line}\n`, "")
          resume(Effect.succeed(line))
        }
        look()
      })
    expect(yield* next("connected", "failed", "needs_auth")).toBe("connected")
    return {
      calls: (count: number) => {
        child.stdin.write(`${count}\n`)
        return next("answered", "failed")
      },
      kill: end(child),
    }
  })

/** A person is signed in, and two processes are connected with what that left in the file. */
const two = Effect.gen(function* () {
  const path = join(yield* temporaryDirectory, "mcp-auth.json")
  const service = yield* signedIn({}, {}, host(make({ path })))
  const { url } = service.server
  const [first, second] = yield* Effect.all([client(path, url), client(path, url)], { concurrency: 2 })
  yield* service.authorization.advance("2 hours")
  return { ...service, first, second }
})

describe("two processes with an expired token that rotates", () => {
  it.live("refresh it once, and sixteen calls are answered", () =>
    Effect.gen(function* () {
      const { authorization, first, second, server } = yield* two
      const said = yield* Effect.all([first.calls(8), second.calls(8)], { concurrency: 2 })
      expect(said).toEqual(["answered 8", "answered 8"])
      expect(grants(authorization)).toEqual(["authorization_code", "refresh_token"])
      expect(server.executions("echo")).toBe(16)
    }),
  )

  it.live("recover where the one that refreshes is killed in the middle of it", () =>
    Effect.gen(function* () {
      const { authorization, first, second } = yield* two
      const killed = Deferred.makeUnsafe<void>()
      let refreshes = 0
      yield* authorization.set({
        before: ({ grantType }) =>
          grantType === "refresh_token" && refreshes++ === 0
            ? Effect.as(Deferred.await(killed), { drop: true } as const)
            : undefined,
      })
      const lost = yield* Effect.forkChild(first.calls(1))
      yield* authorization.first(({ grantType }) => grantType === "refresh_token")
      // It waits for its turn, which the other does not give back.
      const waiting = yield* Effect.forkChild(second.calls(8))
      yield* first.kill
      yield* Deferred.succeed(killed, undefined)
      expect(yield* Fiber.join(waiting)).toBe("answered 8")
      expect(grants(authorization)).toEqual(["authorization_code", "refresh_token", "refresh_token"])
      yield* Fiber.interrupt(lost)
    }),
  )
})
