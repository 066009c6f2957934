/** Headers that a program prints: when it is run, with what, and what becomes of it (A13). */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { AuthHeaders } from "../../src/auth/auth.ts"
import { Auth, AuthLayer, Method } from "../../src/index.ts"

/** A program of a few lines; `runs` counts how often it was started. */
const program = (code: string) =>
  Effect.map(temporaryDirectory, (directory) => {
    const path = join(directory, "helper.mjs")
    const log = join(directory, "runs")
    writeFileSync(
      path,
      `import { appendFileSync } from "node:fs"\nappendFileSync(${JSON.stringify(log)}, process.pid + "\\n")\n${code}`,
    )
    const pids = () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").map(Number) : [])
    return {
      directory,
      command: [process.execPath, path] as const,
      runs: () => pids().length,
      pids,
    }
  })

const printing = (value: unknown) => program(`console.log(${JSON.stringify(JSON.stringify(value))})`)

const built = (options: Omit<Parameters<typeof AuthLayer.helper>[0], "server">) =>
  Effect.map(Layer.build(AuthLayer.helper({ server: "blue", ...options })), (context) => context).pipe(
    Effect.flatMap((context) => Effect.provideContext(Auth, context)),
  )

const refusing = (auth: Auth["Service"], sent: AuthHeaders, status: 401 | 403 = 401) =>
  auth.challenged({ status, url: "https://example.com/mcp", header: undefined, sent })

const until = (condition: () => boolean) =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry(Schedule.spaced("10 millis")),
    Effect.orDie,
  )

/** Why a program gives no headers. */
const refusalOf = (code: string, timeout?: number) =>
  Effect.gen(function* () {
    const { command } = yield* program(code)
    const auth = yield* built({ command, timeout })
    const error = yield* Effect.flip(auth.headers)
    expect(error.reason._tag).toBe("HelperFailed")
    expect(error.message).toContain(`the headers helper ${process.execPath} `)
    expect(`${error.message} ${JSON.stringify(error)} ${error.stack}`).not.toContain("hunter2")
    return error.message
  })

describe("a headers helper", () => {
  it.live("is run once for a connection, and its headers go with every request", () =>
    Effect.gen(function* () {
      const helper = yield* printing({ Authorization: "Bearer 1", "x-tenant": " blue\n" })
      const server = yield* rawHttp({ session: "s" })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { session } = yield* connect({
            type: "remote",
            url: server.url,
            headers: { "x-static": "a", "x-tenant": "red" },
            headersHelper: [...helper.command],
          })
          yield* session.request(Method.ping, {})
          yield* server.first(({ method }) => method === "GET")
        }),
      )
      expect(server.requests.length).toBe(5)
      for (const { headers } of server.requests) {
        expect(headers).toMatchObject({ authorization: "Bearer 1", "x-tenant": "blue", "x-static": "a" })
      }
      expect(helper.runs()).toBe(1)
    }),
  )

  it.live("is run again when the server refuses, and the request is sent once more", () =>
    Effect.gen(function* () {
      const helper = yield* program(
        `import { readFileSync } from "node:fs"\n` +
          `const run = readFileSync(import.meta.dirname + "/runs", "utf8").trim().split("\\n").length\n` +
          `console.log(JSON.stringify({ authorization: "Bearer " + run }))`,
      )
      const refused = { status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' }, text: "" }
      const server = yield* rawHttp({
        any: ({ headers }) => (headers.authorization === "Bearer 1" ? refused : undefined),
      })
      const { session } = yield* connect({ type: "remote", url: server.url, headersHelper: [...helper.command] })
      yield* session.request(Method.ping, {})
      expect(helper.runs()).toBe(2)
      expect(server.requests.map(({ headers }) => headers.authorization).slice(0, 2)).toEqual(["Bearer 1", "Bearer 2"])
    }),
  )

  it.live("that prints again what was refused is not believed: nothing is sent again", () =>
    Effect.gen(function* () {
      const helper = yield* printing({ authorization: "Bearer 1" })
      const auth = yield* built({ command: helper.command })
      expect(auth.current()).toBeUndefined()
      const sent = yield* auth.headers
      expect(auth.current()).toBe(sent)
      expect(yield* refusing(auth, sent)).toBe(false)
      expect(helper.runs()).toBe(2)
      expect(yield* refusing(auth, sent, 403)).toBe(false)
      expect(helper.runs()).toBe(3)
      // A request that was sent before the headers were replaced.
      expect(yield* refusing(auth, { authorization: "Bearer 0" })).toBe(true)
      expect(helper.runs()).toBe(3)
      expect(auth.current()).toBe(sent)
    }),
  )

  it.live("is run once for all who need it at the same time, also when the first gives up", () =>
    Effect.gen(function* () {
      const { directory, ...helper } = yield* program(
        `import { existsSync } from "node:fs"\n` +
          `const wait = () => existsSync(import.meta.dirname + "/go") ? console.log('{"a":"b"}') : setTimeout(wait, 10)\nwait()`,
      )
      const auth = yield* built({ command: helper.command })
      const first = yield* Effect.forkChild(auth.headers, { startImmediately: true })
      const others = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(auth.headers, { startImmediately: true }))
      yield* until(() => helper.runs() === 1)
      yield* Fiber.interrupt(first)
      writeFileSync(join(directory, "go"), "")
      for (const other of others) expect(yield* Fiber.join(other)).toEqual({ a: "b" })
      expect(helper.runs()).toBe(1)
    }),
  )

  it.live("is tried anew after it failed", () =>
    Effect.gen(function* () {
      const { command, directory } = yield* program(
        `import { existsSync } from "node:fs"\n` +
          `if (!existsSync(import.meta.dirname + "/go")) process.exit(3)\nconsole.log('{"a":"b"}')`,
      )
      const auth = yield* built({ command })
      expect((yield* Effect.flip(auth.headers)).message).toContain("ended with exit code 3;")
      writeFileSync(join(directory, "go"), "")
      expect(yield* auth.headers).toEqual({ a: "b" })
    }),
  )

  it.live("is started without a shell, in its directory, and without what this process has in its environment", () =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => (process.env.HELPER_TEST_TOKEN = "inherited")),
        () => Effect.sync(() => delete process.env.HELPER_TEST_TOKEN),
      )
      const { command, directory } = yield* program(
        `const { env, argv } = process\n` +
          `console.log(JSON.stringify({ names: Object.keys(env).join(","), server: env.OPENCODE_MCP_SERVER,` +
          ` own: String(env.OWN), args: argv.slice(2).join(" "), cwd: process.cwd() }))`,
      )
      const auth = yield* built({
        command: [...command, "$(id)", "`id`", "a;b", "*"],
        cwd: directory,
        env: { OWN: "1" },
      })
      const { args, cwd, names = "", own, server } = yield* auth.headers
      expect({ args, own, server }).toEqual({ args: "$(id) `id` a;b *", own: "1", server: "blue" })
      expect(cwd?.endsWith(directory)).toBe(true)
      for (const name of names.split(",")) {
        expect([name, /^(PATH|HOME|LANG|LANGUAGE|LC_\w+|OWN|OPENCODE_MCP_SERVER)$/.test(name)]).toEqual([name, true])
      }
    }),
  )
})

describe("a headers helper that fails is named, with what it did and never with what it printed:", () => {
  it.live("its exit code, and the last it complained of", () =>
    Effect.gen(function* () {
      expect(
        yield* refusalOf(
          `console.log("hunter2")\nconsole.error("debug\\nnot logged in: run\\u001b[31m vault login abcdefghijklmnopqrstuvwxyz0123")\nprocess.exitCode = 4`,
        ),
      ).toContain("ended with exit code 4, saying: not logged in: run\ufffd[31m vault login ***;")
      expect(yield* refusalOf(`process.kill(process.pid, "SIGKILL")`)).toContain("was ended by SIGKILL;")
    }),
  )

  it.live("what it printed is not what was expected", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, string]> = [
        ["", "printed nothing"],
        [`console.log("hunter2")`, "printed what is no JSON"],
        [`console.log('{"a":"hunter2"} {}')`, "printed what is no JSON"],
        [`console.log('["hunter2"]')`, "printed JSON that is no object of headers"],
        [`console.log('"hunter2"')`, "printed JSON that is no object of headers"],
        [`console.log('{"a":"hunter2","b":{"c":"hunter2"}}')`, "printed an object whose value 2 is no string"],
        [`console.log('{"a":"hunter2\\\\nb"}')`, "printed an object whose header 1 HTTP does not allow"],
        [`console.log('{"hunter2 x":"b"}')`, "printed an object whose header 1 HTTP does not allow"],
        [`console.log(JSON.stringify({ a: "hunter2".repeat(10000) }))`, "printed more than 65536 bytes"],
      ]
      for (const [code, message] of cases) expect(yield* refusalOf(code)).toContain(message)
    }),
  )

  it.live("it cannot be started", () =>
    Effect.gen(function* () {
      const failure = (options: Parameters<typeof built>[0]) =>
        Effect.flatMap(built(options), (auth) => Effect.map(Effect.flip(auth.headers), ({ message }) => message))
      expect(yield* failure({ command: ["no-such-program-anywhere"] })).toBe(
        "the headers helper no-such-program-anywhere cannot be started: no such program; run it by hand, or correct " +
          `"headersHelper" in the server's entry`,
      )
      const text = join(yield* temporaryDirectory, "text")
      writeFileSync(text, "hunter2", { mode: 0o644 })
      expect(yield* failure({ command: [text] })).toContain("it may not be executed")
      expect(yield* failure({ command: ["true"], cwd: "/no/such" })).toContain("its directory /no/such does not exist")
      const broken = yield* failure({ command: ["true", "hunter2\u0000"] })
      expect(broken).toContain("cannot be started: an argument holds what no argument can hold")
      expect(broken).not.toContain("hunter2")
    }),
  )

  it.live("it does not end in its time", () =>
    Effect.gen(function* () {
      expect(yield* refusalOf(`setInterval(() => undefined, 1000)`, 500)).toContain(
        "did not end within 0.5 s and was ended;",
      )
    }),
  )
})

describe("a headers helper that runs", () => {
  it.live("ends with the connection that wanted it, and with all that it started", () =>
    Effect.gen(function* () {
      const { command, directory, pids } = yield* program(
        `import { spawn } from "node:child_process"\nimport { appendFileSync as note } from "node:fs"\n` +
          `process.on("SIGTERM", () => undefined)\n` +
          `const child = spawn("sleep", ["600"])\nnote(import.meta.dirname + "/child", child.pid + "\\n")\n` +
          `setInterval(() => undefined, 1000)`,
      )
      const child = join(directory, "child")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const auth = yield* built({ command })
          yield* Effect.forkChild(auth.headers, { startImmediately: true })
          yield* until(() => existsSync(child) && readFileSync(child, "utf8").endsWith("\n"))
        }),
      )
      expect([...pids(), Number(readFileSync(child, "utf8"))].map(isAlive)).toEqual([false, false])
    }),
  )

  it.live("and leaves something behind that holds its output is not waited for longer", () =>
    Effect.gen(function* () {
      const { command, directory } = yield* program(
        `import { spawn } from "node:child_process"\nimport { writeFileSync } from "node:fs"\n` +
          `const child = spawn("sleep", ["600"], { stdio: "inherit", detached: true })\n` +
          `writeFileSync(import.meta.dirname + "/child", String(child.pid))\nchild.unref()\nconsole.log('{"a":"b"}')`,
      )
      const auth = yield* built({ command })
      expect(yield* auth.headers).toEqual({ a: "b" })
      process.kill(Number(readFileSync(join(directory, "child"), "utf8")), "SIGKILL")
    }),
  )
})
