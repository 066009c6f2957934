import { hostileAuthorization } from "@opencode-ai/testing/peers/hostile-authorization"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { person, type PersonOptions } from "@opencode-ai/testing/person"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { type Act, json, type Running, world } from "./program.ts"

/** The address that a sign-in shows, alone on its line. */
const urlIn = (text: string): string => /^https?:\/\/\S+redirect_uri=\S+$/m.exec(text.replaceAll("\r", ""))?.[0] ?? ""
const shown = /redirect_uri=\S+\r?\n/

const guarded = (entry: object = {}) =>
  Effect.gen(function* () {
    const authorization = yield* authorizationServer()
    const server = yield* protectedMcp(authorization)
    const here = yield* world
    const config = here.write("servers.json", { mcp: { docs: { type: "remote", url: server.url, ...entry } } })
    const mcp = (words: ReadonlyArray<string>) => here.run([...words, "--config", config])
    /** Begins to sign in, and waits until the address is there. */
    const begin = (words: ReadonlyArray<string> = []) =>
      Effect.gen(function* () {
        const running = yield* here.start(["auth", "docs", "--config", config, ...words])
        yield* running.printed(shown)
        return { running, url: urlIn(running.stdout()) }
      })
    const signIn = Effect.gen(function* () {
      const { running, url } = yield* begin()
      yield* person().visit(url)
      return yield* running.result
    })
    return { ...here, authorization, server, config, mcp, begin, signIn }
  })

const portOf = (url: string): number => Number(new URL(new URL(url).searchParams.get("redirect_uri") ?? "").port)

/** Listens on a port of loopback, if nobody else does. */
const attempt = (port: number): Effect.Effect<number, Error, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>, Error>((resume) => {
        const server = createServer()
        server.once("error", (error) => resume(Effect.fail(error)))
        server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void))),
    ),
    (server) => Object(server.address()).port,
  )

const occupy = (port: number) => Effect.orDie(attempt(port))

/** A port of one test's own: whatever else signs in on this machine uses the usual one. */
const ownPort = Effect.map(Effect.scoped(occupy(0)), (callbackPort) => ({ oauth: { callbackPort } }))

const isFree = (port: number) => Effect.scoped(Effect.as(occupy(port), true))

/** What a person at a terminal does who pastes what the browser came to. */
const pasting =
  (options: PersonOptions = {}): Act =>
  (screen, press) =>
    void Effect.runPromise(person().authorize(urlIn(screen), options)).then((callback) => press(`${callback}\r`))

/** What a person does in a browser that comes back by itself. */
const visiting: Act = (screen) => void Effect.runPromise(person().visit(urlIn(screen)))

describe("auth", () => {
  it.live("shows the address, waits for the browser, and says that it is signed in and connected", () =>
    Effect.gen(function* () {
      const { begin, directory, mcp } = yield* guarded(yield* ownPort)
      const { running, url } = yield* begin()
      expect((yield* person().visit(url)).text).toContain("Signed in")
      const { code, stderr, stdout } = yield* running.result
      expect(stderr).toContain(`host: ${new URL(url).host}`)
      expect(stderr).not.toContain("error:")
      expect(stdout).toContain("Signed in to docs, and connected.")
      expect(code).toBe(0)
      expect(yield* isFree(portOf(url))).toBe(true)
      expect((yield* mcp(["call", "docs", "echo", "message=hi"])).stdout).toContain("hi")
      const file = join(directory, "home", ".data", "opencode", "mcp-auth.json")
      expect(statSync(file).mode & 0o777).toBe(0o600)
    }),
  )

  it.live("offers the other command for what is near to it", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const { code, stderr } = yield* mcp({ docs: { type: "remote", url: "http://127.0.0.1:9/" } }, ["auth", "lst"])
      expect(stderr).toContain(`no server "lst" is configured; there is "docs"; did you mean mcp auth list?`)
      expect(code).toBe(2)
    }),
  )

  it.live("gives a script one object on standard output, and the address beside it", () =>
    Effect.gen(function* () {
      const { config, start } = yield* guarded()
      const running: Running = yield* start(["auth", "docs", "--json", "--config", config])
      yield* running.told(shown)
      yield* person().visit(urlIn(running.stderr()))
      const result = yield* running.result
      expect(json(result)).toEqual({ server: "docs", authorization: "authenticated", status: "connected" })
      expect(result.code).toBe(0)
    }),
  )

  it.live("takes what is pasted on a terminal, and asks again for what is not it", () =>
    Effect.gen(function* () {
      const { config, terminal } = yield* guarded()
      let url = ""
      const { code, text } = yield* terminal(["auth", "docs", "--config", config], {
        keys: [
          [/paste> $/, (screen, press) => ((url = urlIn(screen)), press("two words\r"))],
          [/not accepted[\s\S]*paste> $/, "http://127.0.0.1/callback?code=abc&state=another\r"],
          [/not accepted[\s\S]*paste> $/, "not-a-code\r"],
          [/invalid_grant[\s\S]*paste> $/, (_, press) => pasting()(`${url}\n`, press)],
        ],
      })
      expect(text).toContain("that is neither an address nor a code")
      expect(text).toContain("the callback is not of this sign-in")
      expect(text).toContain("✓ Signed in to docs, and connected.")
      expect(code).toBe(0)
    }),
  )

  it.live("takes an address of many kilobytes, which no line of a terminal could hold, and the code alone", () =>
    Effect.gen(function* () {
      const { config, terminal } = yield* guarded()
      let url = ""
      const { code, text } = yield* terminal(["auth", "docs", "--config", config], {
        keys: [
          [
            /paste> $/,
            (screen, press) => {
              url = urlIn(screen)
              press(`http://127.0.0.1/callback?state=another&code=${"x".repeat(20_000)}\r`)
            },
          ],
          [
            /its state is unknown[\s\S]*paste> $/,
            (_, press) =>
              void Effect.runPromise(person().authorize(url)).then((callback) =>
                press(`${new URL(callback).searchParams.get("code")}\r`),
              ),
          ],
        ],
      })
      expect(text).toContain("Signed in to docs, and connected.")
      expect(code).toBe(0)
    }),
  )

  it.live("lets the browser come back while it waits for a paste", () =>
    Effect.gen(function* () {
      const { config, terminal } = yield* guarded()
      const { code, text } = yield* terminal(["auth", "--config", config], {
        keys: [
          ["Sign in to which server?", "\r"],
          [/paste> $/, visiting],
        ],
      })
      expect(text).toContain("Signed in to docs, and connected.")
      expect(code).toBe(0)
    }),
  )

  it.live("says over SSH what to do, and opens nothing there", () =>
    Effect.gen(function* () {
      const { config, terminal } = yield* guarded()
      const { code, text } = yield* terminal(["auth", "docs", "--config", config], {
        env: { SSH_CONNECTION: "10.0.0.1 50000 10.0.0.2 22", BROWSER: undefined },
        keys: [[/paste> $/, pasting()]],
      })
      expect(text).toMatch(/You are connected over SSH, so no browser was opened/)
      expect(text).toMatch(/ssh -L \d+:127\.0\.0\.1:\d+/)
      expect(code).toBe(0)
    }),
  )

  it.live("gives the program in BROWSER the address as its one argument", () =>
    Effect.gen(function* () {
      const { config, directory, start, write } = yield* guarded()
      const browser = write("my browser", `#!/bin/sh\nfor each in "$@"; do printf '%s\\n' "$each"; done > opened\n`)
      chmodSync(browser, 0o700)
      const running = yield* start(["auth", "docs", "--config", config], { env: { BROWSER: browser } })
      yield* running.told(/was asked to open it/)
      yield* running.printed(shown)
      const url = urlIn(running.stdout())
      expect(readFileSync(join(directory, "opened"), "utf8")).toBe(`${url}\n`)
      yield* person().visit(url)
      expect((yield* running.result).code).toBe(0)
    }),
  )

  it.live("opens nothing but a page: what a server names otherwise is refused, and no shell reads what it names", () =>
    Effect.gen(function* () {
      const here = yield* world
      const browser = here.write("browser", `#!/bin/sh\nprintf '%s' "$1" > opened\n`)
      chmodSync(browser, 0o700)
      const named = (endpoint: (origin: string) => string) =>
        hostileAuthorization({
          oauth: (_, right) => {
            const document = Object(right.json)
            return { json: { ...document, authorization_endpoint: endpoint(new URL(document.issuer).origin) } }
          },
        })
      for (const endpoint of ["javascript:alert(1)", "file:///etc/passwd", "http://example.com/authorize"]) {
        const server = yield* named(() => endpoint)
        const servers = { docs: { type: "remote", url: server.url } }
        const { code, stderr } = yield* here.mcp(servers, ["auth", "docs"], { env: { BROWSER: browser } })
        expect(stderr).toContain("authorization_endpoint")
        expect(code).toBe(4)
        expect(existsSync(join(here.directory, "opened"))).toBe(false)
      }
      const server = yield* named((origin) => `${origin}/authorize/$(touch$IFS'pwned');&--help`)
      const config = here.write("servers.json", { mcp: { docs: { type: "remote", url: server.url } } })
      const words = ["auth", "docs", "--config", config, "--interaction-timeout", "5"]
      const running = yield* here.start(words, { env: { BROWSER: browser } })
      yield* running.told(/was asked to open it/)
      yield* running.printed(shown)
      expect(readFileSync(join(here.directory, "opened"), "utf8")).toBe(urlIn(running.stdout()))
      expect(urlIn(running.stdout())).toContain("$(touch")
      expect(existsSync(join(here.directory, "pwned"))).toBe(false)
      running.kill("SIGINT")
      expect((yield* running.result).code).toBe(130)
    }),
  )

  it.live("gives up after --interaction-timeout, and frees the port", () =>
    Effect.gen(function* () {
      const { begin } = yield* guarded(yield* ownPort)
      const { running, url } = yield* begin(["--interaction-timeout", "0.2"])
      const { code, stderr } = yield* running.result
      expect(stderr).toContain("timed out")
      expect(code).toBe(4)
      expect(yield* isFree(portOf(url))).toBe(true)
    }),
  )

  it.live("tells hosts of a page that no browser was opened for", () =>
    Effect.gen(function* () {
      const { begin } = yield* guarded()
      const { running, url } = yield* begin(["--log-level", "debug"])
      yield* person().visit(url)
      const { stderr } = yield* running.result
      expect(stderr).toContain(`mcp.browser.open.failed {"server":"docs","url":"${url}"}`)
      expect(stderr).toMatch(/mcp\.auth\.required .*asks for authorization/)
    }),
  )

  it.live("takes another port where its own is busy, and the client can be registered for it", () =>
    Effect.gen(function* () {
      // Whatever else signs in on this machine may have it at this moment.
      yield* Effect.retry(attempt(19_876), Schedule.spaced("20 millis"))
      const { begin } = yield* guarded()
      const { running, url } = yield* begin()
      expect(portOf(url)).not.toBe(19_876)
      yield* person().visit(url)
      expect((yield* running.result).code).toBe(0)
    }),
  )

  it.live("names a configured port that is busy", () =>
    Effect.gen(function* () {
      const port = yield* occupy(0)
      const { mcp } = yield* guarded({ oauth: { callbackPort: port } })
      const { code, stderr } = yield* mcp(["auth", "docs"])
      expect(stderr).toMatch(new RegExp(`error: .*port ${port}\\b`))
      expect(code).toBe(3)
    }),
  )

  it.live.each(["SIGINT", "SIGTERM"] as const)("frees the port when it is interrupted: %s", (signal) =>
    Effect.gen(function* () {
      const { begin } = yield* guarded(yield* ownPort)
      const { running, url } = yield* begin()
      running.kill(signal)
      expect((yield* running.result).code).toBe(signal === "SIGINT" ? 130 : 143)
      expect(yield* isFree(portOf(url))).toBe(true)
    }),
  )

  it.live("ends with Ctrl-C on a terminal, and leaves that as it was", () =>
    Effect.gen(function* () {
      const { config, terminal } = yield* guarded(yield* ownPort)
      let port = 0
      const { code, raw, text } = yield* terminal(["auth", "docs", "--config", config], {
        keys: [[/paste> $/, (screen, press) => ((port = portOf(urlIn(screen))), press("\u0003"))]],
      })
      expect(code).toBe(130)
      expect(text).toContain("interrupted")
      // What is pasted is marked only as long as somebody reads it.
      expect(raw.lastIndexOf("\u001b[?2004l")).toBeGreaterThan(raw.lastIndexOf("\u001b[?2004h"))
      expect(yield* isFree(port)).toBe(true)
    }),
  )

  it.live("tells of a person who says no", () =>
    Effect.gen(function* () {
      const { begin, mcp } = yield* guarded()
      const { running, url } = yield* begin()
      expect((yield* person().visit(url, { decision: "deny" })).text).toContain("Not signed in")
      const { code, stderr } = yield* running.result
      expect(stderr).toContain("access_denied")
      expect(code).toBe(4)
      expect(json(yield* mcp(["auth", "list", "--json"]))[0].status).toBe("not_authenticated")
    }),
  )

  it.live("neither ends nor fails by the callback of somebody else", () =>
    Effect.gen(function* () {
      const { begin } = yield* guarded()
      const { running, url } = yield* begin()
      const ada = person()
      const callback = yield* ada.authorize(url)
      const forged = new URL(callback)
      forged.searchParams.set("state", "another")
      expect((yield* ada.open(forged.href)).status).toBe(400)
      expect((yield* ada.open(callback)).status).toBe(200)
      expect((yield* running.result).code).toBe(0)
    }),
  )

  it.live("is a matter of a name where nobody can choose, and of remote servers", () =>
    Effect.gen(function* () {
      const { mcp } = yield* guarded()
      const unnamed = yield* mcp(["auth"])
      expect(unnamed.stderr).toContain(`which server? There is "docs"; type mcp auth <server>`)
      expect(unnamed.code).toBe(2)
      const wrong = yield* mcp(["auth", "dcos"])
      expect(wrong.stderr).toContain(`did you mean "docs"?`)
      expect(wrong.code).toBe(2)
    }),
  )
})

describe("a server that nobody has signed in to", () => {
  it.live("is named with what to do", () =>
    Effect.gen(function* () {
      const { mcp } = yield* guarded()
      const called = yield* mcp(["call", "docs", "echo", "message=hi"])
      expect(called.stderr).toMatch(/error: docs asks for authorization.*run mcp auth docs$/m)
      expect(called.code).toBe(4)
      const listed = yield* mcp(["list"])
      expect(listed.stdout).toContain("needs authorization")
      expect(listed.code).toBe(0)
    }),
  )
})

describe("a call that lacks a scope", () => {
  it.live("says so where nobody can be asked, and the next sign-in asks for both", () =>
    Effect.gen(function* () {
      const { begin, mcp, signIn } = yield* guarded({ oauth: { scope: "tools" } })
      expect((yield* signIn).code).toBe(0)
      const called = yield* mcp(["call", "docs", "admin", "--json"])
      expect(json(called).error).toMatchObject({ tag: "InsufficientScope", data: { missing: ["admin"] } })
      expect(called.stderr).toContain("run mcp auth docs")
      expect(called.code).toBe(4)
      const { running, url } = yield* begin()
      expect(new URL(url).searchParams.get("scope")?.split(" ")).toEqual(expect.arrayContaining(["tools", "admin"]))
      yield* person().visit(url)
      expect((yield* running.result).code).toBe(0)
      expect((yield* mcp(["call", "docs", "admin"])).code).toBe(0)
    }),
  )

  it.live("asks the person at a terminal, and goes on", () =>
    Effect.gen(function* () {
      const { config, server, signIn, terminal } = yield* guarded({ oauth: { scope: "tools" } })
      yield* signIn
      const { code, text } = yield* terminal(["call", "docs", "admin", "--config", config], {
        keys: [
          ["Sign in again to grant it?", "y\r"],
          [/paste> $/, visiting],
        ],
      })
      expect(text).toContain("docs wants more than was granted for this call:")
      expect(text).toContain('"done":true')
      expect(code).toBe(0)
      expect(server.executions("admin")).toBe(1)
    }),
  )

  it.live("fails where the person does not want to", () =>
    Effect.gen(function* () {
      const { config, server, signIn, terminal } = yield* guarded({ oauth: { scope: "tools" } })
      yield* signIn
      const { code, text } = yield* terminal(["call", "docs", "admin", "--config", config], {
        keys: [["Sign in again to grant it?", "n\r"]],
      })
      expect(text).toContain("it needs the scopes admin")
      expect(code).toBe(4)
      expect(server.executions("admin")).toBe(0)
    }),
  )
})

describe("what is kept", () => {
  it.live("is listed without a secret, and forgotten", () =>
    Effect.gen(function* () {
      const { authorization, mcp, signIn, terminal, config } = yield* guarded()
      expect((yield* mcp(["auth", "list"])).stdout).toBe("docs\tnot authenticated\n")
      yield* signIn
      const listed = yield* mcp(["auth", "list", "--json"])
      expect(json(listed)).toMatchObject([
        { server: "docs", configured: true, status: "authenticated", issuer: authorization.issuer, renewable: true },
      ])
      const table = yield* terminal(["auth", "list", "--config", config], { columns: 120 })
      expect(table.text).toMatch(/docs +authenticated +http:\/\/127\.0\.0\.1:\d+ .* in 59 min, renewed by itself +file/)
      const debugged = yield* mcp(["debug", "docs"])
      expect(debugged.code).toBe(0)
      for (const secret of authorization.secrets) {
        for (const said of [listed.stdout, table.raw, debugged.stdout, debugged.stderr])
          expect(said).not.toContain(secret)
      }
      const wrong = yield* mcp(["logout", "dosc"])
      expect(wrong.stderr).toContain(`did you mean "docs"?`)
      expect(wrong.code).toBe(2)
      const left = yield* mcp(["logout", "docs"])
      expect(left.stdout).toMatch(/^docs \(.*\): forgot the tokens and the registered client of http:/)
      expect(left.code).toBe(0)
      expect((yield* mcp(["logout", "docs"])).stdout).toBe("Nobody was signed in to docs.\n")
      expect((yield* mcp(["call", "docs", "echo", "message=hi"])).code).toBe(4)
    }),
  )

  it.live("may be OpenCode's own, and have run out", () =>
    Effect.gen(function* () {
      const { config, mcp, server, terminal, write } = yield* guarded()
      write("home/.data/opencode/mcp-auth.json", {
        docs: {
          tokens: { accessToken: "the-access-token", expiresAt: 1_600_000_000, scope: "tools" },
          serverUrl: server.url,
        },
      })
      const [listed] = json(yield* mcp(["auth", "list", "--json"]))
      expect(listed).toMatchObject({ status: "expired", scopes: ["tools"], renewable: false })
      expect(listed.expiresAt).toBe("2020-09-13T12:26:40.000Z")
      const { text } = yield* terminal(["auth", "list", "--config", config], { columns: 40 })
      expect(text).toMatch(/docs +expired/)
      for (const line of text.trimEnd().split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(40)
      expect((yield* mcp(["auth", "list"])).stdout).toMatch(/^docs\texpired\t\ttools\t\d+ d ago\tfile\n$/)
    }),
  )

  it.live("is listed and forgotten of a server that the configuration has no more", () =>
    Effect.gen(function* () {
      const { run, signIn, write } = yield* guarded()
      yield* signIn
      const other = write("other.json", { mcp: {} })
      const listed = json(yield* run(["auth", "list", "--json", "--config", other]))
      expect(listed).toMatchObject([{ server: "docs", configured: false, status: "authenticated" }])
      const left = json(yield* run(["logout", "docs", "--json", "--config", other]))
      expect(left).toMatchObject({ server: "docs", removed: [{ url: listed[0].url }] })
      expect(json(yield* run(["auth", "list", "--json", "--config", other]))).toEqual([])
    }),
  )
})
