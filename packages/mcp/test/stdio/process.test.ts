import * as Effect from "effect/Effect"
import { config, connect, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import type { LocalPeer } from "@opencode-ai/testing/peers/launch"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1, sdkV2 } from "@opencode-ai/testing/peers/served"
import { describe, expect } from "@opencode-ai/testing/runner"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Mcp, Method } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"
import { local } from "../support/stdio.ts"

const about = (entry: object) =>
  Effect.gen(function* () {
    const { session } = yield* connect(entry)
    const { structuredContent } = yield* session.request(Method.callTool, { name: "process" })
    const found: { readonly cwd: string; readonly argv: Array<string>; readonly env: Record<string, string> } =
      Object(structuredContent)
    return found
  })

/** What becomes of an entry that cannot work. */
const failed = (entry: object) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const status = yield* mcp.add(config("peer", entry))
    expect(status.status).toBe("failed")
    return "error" in status ? (status.error ?? "") : ""
  })

const service = testEffect(testMcp())

describe("a command", () => {
  const odd = [
    "a b",
    "",
    `"quoted" and 'single'`,
    "new\nline\ttab",
    "& | ; < > ( ) ^ % $HOME `id` $(id) %PATH% !x!",
    "--flag=ü 漢 🙂",
    "\\ \\\\ \\n",
    "*",
    "~",
  ]
  it.live("gets its arguments verbatim: no shell is involved", () =>
    Effect.gen(function* () {
      const { command } = sdkV2()
      const { argv } = yield* about({ ...sdkV2(), command: [...command, ...odd] })
      expect(argv.slice(1)).toEqual(odd)
    }),
  )

  it.live("runs in the directory of its entry, and else in the project's", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      mkdirSync(join(directory, "a b"))
      expect((yield* about({ ...sdkV1(), cwd: join(directory, "a b") })).cwd).toBe(join(directory, "a b"))
      expect((yield* about(sdkV1())).cwd).toBe(process.cwd())
    }),
  )

  service.live("that does not exist is said to, with what to do", () =>
    Effect.gen(function* () {
      const text = yield* failed({ type: "local", command: ["no-such-program-anywhere", "x"] })
      expect(text).toContain("no-such-program-anywhere")
      expect(text).toContain("no such program")
      expect(text).toContain("PATH")
    }),
  )
  service.live("whose directory does not exist is told apart from one that does not", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporaryDirectory, "none")
      const text = yield* failed({ ...rawStdio(), cwd: directory })
      expect(text).toContain(`its directory ${directory} does not exist`)
      expect(text).toContain(`"cwd"`)
    }),
  )
  service.live("whose directory is a file says so", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory, "file")
      writeFileSync(file, "")
      const text = yield* failed({ ...rawStdio(), cwd: file })
      expect(text).toContain(`${file} is not a directory`)
    }),
  )
  service.live("that may not be executed is said to", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory, "server.sh")
      writeFileSync(file, "#!/bin/sh\n")
      chmodSync(file, 0o644)
      expect(yield* failed({ type: "local", command: [file] })).toContain("may not be executed")
    }),
  )
  service.live("whose first line asks for what is not there says that, and not that it is missing itself", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory, "server.py")
      writeFileSync(file, "#!/no/such/interpreter\n")
      chmodSync(file, 0o755)
      expect(yield* failed({ type: "local", command: [file] })).toContain("its first line")
    }),
  )
  it.live("with a byte that no argument may hold is refused, and nothing else happens", () =>
    Effect.gen(function* () {
      const { message } = yield* failure(local({ type: "local", command: ["echo", "a\0b"] }))
      expect(message).toContain("could not start echo")
    }),
  )
})

describe("the environment", () => {
  const secret = { OPENCODE_TEST_SECRET: "s", OPENCODE_TEST_OTHER: "o" }
  const withEnvironment = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => Object.assign(process.env, secret)),
      () => effect,
      () =>
        Effect.sync(() => {
          for (const name of Object.keys(secret)) delete process.env[name]
        }),
    )
  it.live("is this process's, and what the entry adds", () =>
    Effect.gen(function* () {
      const { env } = yield* about({ ...sdkV1(), environment: { OPENCODE_TEST_OTHER: "mine", ADDED: "1" } })
      expect(env).toMatchObject({ OPENCODE_TEST_SECRET: "s", OPENCODE_TEST_OTHER: "mine", ADDED: "1" })
    }).pipe(withEnvironment),
  )
  it.live("that is not inherited is what finds programs and names the language, and what the entry adds", () =>
    Effect.gen(function* () {
      const { env } = yield* about({ ...sdkV1(), inheritEnvironment: false, environment: { ADDED: "1" } })
      expect(env.ADDED).toBe("1")
      expect(env.PATH).toBe(process.env.PATH ?? "")
      expect(env.HOME).toBe(process.env.HOME ?? "")
      const allowed = /^(PATH|HOME|LANG|LANGUAGE|LC_\w+|TZ|USER|SHELL|TERM|ADDED|PWD|SHLVL|_)$/
      expect(Object.keys(env).filter((name) => !allowed.test(name))).toEqual([])
    }).pipe(withEnvironment),
  )
})

describe("a server that ends by itself", () => {
  const endings: ReadonlyArray<{ readonly name: string; readonly peer: LocalPeer; readonly text: string }> = [
    {
      name: "at once with a code, and words",
      peer: rawStdio({
        start: [
          { do: "stderr", text: "one\ntwo\n" },
          { do: "exit", code: 3 },
        ],
      }),
      text: "exited with code 3; its last words:\none\ntwo",
    },
    {
      name: "with words that end in no newline",
      peer: rawStdio({
        start: [
          { do: "stderr", text: "fatal: no configuration" },
          { do: "exit", code: 1 },
        ],
      }),
      text: "exited with code 1; its last words:\nfatal: no configuration",
    },
    {
      name: "without a word",
      peer: rawStdio({ start: [{ do: "exit", code: 0 }] }),
      text: "exited with code 0 and wrote nothing to stderr",
    },
    {
      name: "by a signal",
      peer: rawStdio({ start: [{ do: "signal", signal: "SIGKILL" }] }),
      text: "was ended by SIGKILL",
    },
    {
      name: "in the handshake",
      peer: rawStdio({ on: { initialize: [{ do: "exit", code: 4 }] } }),
      text: "exited with code 4",
    },
  ]
  it.live.each(endings)("says how: %s", ({ peer, text }) =>
    Effect.gen(function* () {
      const { message, reason } = yield* failure(local(peer))
      expect(reason._tag).toBe("Transport")
      expect(message).toContain(text)
    }),
  )

  it.live("quotes its last lines alone, however much it wrote", () =>
    Effect.gen(function* () {
      const lines = Array.from({ length: 500 }, (_, at) => `line ${at}`).join("\n")
      const { message } = yield* failure(
        local(
          rawStdio({
            start: [
              { do: "stderr", text: `${lines}\n` },
              { do: "exit", code: 1 },
            ],
          }),
        ),
      )
      expect(message).toContain("line 499")
      expect(message).not.toContain("line 479\n")
    }),
  )

  it.live("in a call fails it at once, and nothing of it is left", () =>
    Effect.gen(function* () {
      const script = {
        on: {
          "tools/call": [
            { do: "stderr", text: "boom\n" },
            { do: "exit", code: 9 },
          ],
        },
      } as const
      const { session } = yield* local(rawStdio(script))
      const { message } = yield* failure(session.request(Method.callTool, { name: "echo" }))
      expect(message).toContain("exited with code 9; its last words:\nboom")
      expect(isAlive(session.pid ?? 0)).toBe(false)
      expect((yield* Effect.flip(session.ended)).reason._tag).toBe("ProcessExited")
    }),
  )

  it.live("after its last answer has answered", () =>
    Effect.gen(function* () {
      const script = {
        on: {
          "tools/call": [
            { do: "result", result: { content: [] } },
            { do: "exit", code: 0 },
          ],
        },
      } as const
      const { session } = yield* local(rawStdio(script))
      expect(yield* session.request(Method.callTool, { name: "echo" })).toEqual({ content: [] })
    }),
  )

  it.live("in the middle of its last line has answered too, if the line was whole", () =>
    Effect.gen(function* () {
      const last = `{"jsonrpc":"2.0","id":$id,"result":{"content":[]}}`
      const script = {
        on: {
          "tools/call": [
            { do: "write", parts: [last] },
            { do: "exit", code: 0 },
          ],
        },
      } as const
      const { session } = yield* local(rawStdio(script))
      expect(yield* session.request(Method.callTool, { name: "echo" })).toEqual({ content: [] })
    }),
  )

  it.live("closes its output and lives on has ended too", () =>
    Effect.gen(function* () {
      const code = `
        process.stdin.once("data", () => { require("node:fs").closeSync(1) })
        setTimeout(() => {}, 60_000)`
      const { reason } = yield* failure(local({ type: "local", command: ["node", "-e", code] }))
      expect(reason).toMatchObject({ _tag: "Transport" })
      expect(reason.message).toContain("closed its standard output")
    }),
  )
})
