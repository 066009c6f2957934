/** The browser that a URL is opened in: which program, and that the URL reaches it as it is. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { writeFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { join } from "node:path"
import { attempt, Browser, command, system } from "../../src/auth/browser.ts"

const url = new URL("https://example.com/authorize?client_id=a&state=b")

describe("the program that opens a URL", () => {
  const cases: ReadonlyArray<readonly [NodeJS.Platform, Record<string, string>, ReadonlyArray<string> | string]> = [
    ["darwin", {}, ["/usr/bin/open", url.href]],
    ["darwin", { SSH_CONNECTION: "10.0.0.1 5000 10.0.0.2 22" }, "you are connected over SSH"],
    ["win32", {}, ["C:\\Windows\\System32\\rundll32.exe", "url.dll,FileProtocolHandler", url.href]],
    [
      "win32",
      { SystemRoot: "D:\\Windows" },
      ["D:\\Windows\\System32\\rundll32.exe", "url.dll,FileProtocolHandler", url.href],
    ],
    ["linux", {}, "there is no display"],
    ["linux", { DISPLAY: ":0" }, ["xdg-open", url.href]],
    ["linux", { WAYLAND_DISPLAY: "wayland-0" }, ["xdg-open", url.href]],
    ["linux", { DISPLAY: "localhost:10.0", SSH_TTY: "/dev/pts/1" }, "you are connected over SSH"],
    ["linux", { BROWSER: "/opt/my browser" }, ["/opt/my browser", url.href]],
    ["linux", { BROWSER: "lynx", SSH_TTY: "/dev/pts/1" }, ["lynx", url.href]],
    ["linux", { BROWSER: "", DISPLAY: ":0" }, ["xdg-open", url.href]],
    ["freebsd", { DISPLAY: ":0" }, ["xdg-open", url.href]],
    ["darwin", { BROWSER: "firefox" }, ["firefox", url.href]],
  ]
  test("is that of BROWSER, or the platform's where the person sits before its screen", () => {
    for (const [platform, environment, expected] of cases) {
      const found: unknown = command(url, { platform, environment })
      expect({ platform, environment, found }).toEqual({ platform, environment, found: expected })
    }
  })

  test("is none for what is no web page", () => {
    for (const other of ["file:///etc/passwd", "javascript:alert(1)", "data:text/html,a", "-a:b", "vscode://x"]) {
      if (!URL.canParse(other)) continue
      for (const platform of ["darwin", "linux", "win32"] as const) {
        expect(command(new URL(other), { platform, environment: { BROWSER: "b", DISPLAY: ":0" } })).toBe(
          "it is no web page",
        )
      }
    }
  })
})

/** A program that tells this test its arguments, and then ends, or lasts as long as the test. */
const program = (lasts: boolean) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const told = Deferred.makeUnsafe<unknown>()
    const sockets: Array<Socket> = []
    const server = createServer((socket) => {
      sockets.push(socket)
      let text = ""
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
        if (text.endsWith("\n")) Deferred.doneUnsafe(told, Effect.succeed(JSON.parse(text)))
      })
    })
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
        })
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          sockets.forEach((socket) => socket.destroy())
        }),
    )
    const path = join(directory, "browser program.mjs")
    const code =
      `import { connect } from "node:net"\n` +
      `const socket = connect(${port}, "127.0.0.1")\n` +
      `socket.on("error", () => process.exit())\n` +
      `socket.${lasts ? "write" : "end"}(JSON.stringify(process.argv.slice(2)) + "\\n")\n`
    writeFileSync(path, `#!${process.execPath}\n${code}`, { mode: 0o755 })
    return { path, args: Deferred.await(told) }
  })

describe("a program that BROWSER names", () => {
  const awkward = new URL(
    "https://example.com/a;b?x=$(touch x)&y=`touch y`&q='\"|^%PATH%%20\\&cmd=&calc|dir>f;<!>*~{}[]&é=\u202e#$(z)`",
  )

  it.live("gets the URL as its one argument, with nothing in it read by anybody", () =>
    Effect.gen(function* () {
      const { args, path } = yield* program(false)
      const surroundings = { platform: process.platform, environment: { ...process.env, BROWSER: path } }
      const [told, problem] = yield* Effect.all([args, attempt(awkward, surroundings)], { concurrency: "unbounded" })
      expect(told).toEqual([awkward.href])
      expect(awkward.href).toContain("x=$(touch%20x)&y=`touch%20y`")
      expect(problem).toBeUndefined()
    }),
  )

  it.live("is not waited for", () =>
    Effect.gen(function* () {
      const { args, path } = yield* program(true)
      const surroundings = { platform: process.platform, environment: { ...process.env, BROWSER: path } }
      const [told, problem] = yield* Effect.all([args, attempt(url, surroundings)], { concurrency: "unbounded" })
      expect(told).toEqual([url.href])
      expect(problem).toBeUndefined()
    }),
  )

  it.live("and cannot be started, or fails at once, is none", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      for (const program of [join(directory, "none"), directory, "/bin/false", "a\u0000b"]) {
        const problem = yield* attempt(url, { platform: process.platform, environment: { BROWSER: program } })
        expect([program, problem?.startsWith(program)]).toEqual([program, true])
      }
    }),
  )
})

describe("the browser", () => {
  it.effect("is none unless a host provides one", () =>
    Effect.gen(function* () {
      expect(yield* (yield* Browser).open(url)).toBe(false)
    }),
  )

  it.effect("of the system opens nothing that is no web page", () =>
    Effect.gen(function* () {
      expect(yield* (yield* Browser).open(new URL("file:///etc/passwd"))).toBe(false)
    }).pipe(Effect.provide(system)),
  )
})
