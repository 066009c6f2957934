/** What a person is told of authorization, and what is not started for it. */
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { person } from "@opencode-ai/testing/person"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { json, world } from "../cli/program.ts"

const urlIn = (text: string): string => /^https?:\/\/\S+redirect_uri=\S+$/m.exec(text.replaceAll("\r", ""))?.[0] ?? ""

const guarded = Effect.flatMap(authorizationServer(), (authorization) =>
  Effect.map(protectedMcp(authorization), ({ url }) => ({ authorization, url })),
)

describe("a server of a project that is switched off, and that nobody approved", () => {
  it.live("is not started by looking at it, nor by signing in to it", () =>
    Effect.gen(function* () {
      const { url } = yield* guarded
      const here = yield* world
      const touch = (name: string) => ["sh", "-c", `touch ${join(here.directory, name)}; echo '{}'`]
      here.write("project/opencode.json", {
        mcp: {
          local: { type: "local", command: touch("ran"), enabled: false },
          remote: { type: "remote", url, headersHelper: touch("helped"), enabled: false },
          docs: { type: "remote", url, enabled: false },
        },
      })
      const run = (...words: ReadonlyArray<string>) => here.run(words, { cwd: "project" })
      for (const words of [
        ["debug", "local"],
        ["debug", "remote"],
        ["auth", "remote"],
        ["auth", "docs"],
      ]) {
        const { code, stderr, stdout } = yield* run(...words)
        expect(stdout + stderr).toContain(`mcp trust ${words[1]}`)
        expect(code).not.toBe(0)
      }
      const line = JSON.stringify({ id: 1, op: "auth.start", server: "docs" })
      const shell = yield* here.run(["shell", "--json"], { cwd: "project", stdin: `${line}\n` })
      const reply = shell.stdout.split("\n").find((each) => each.startsWith(`{"id":1`))
      expect(reply).toContain("mcp trust docs")
      expect(existsSync(join(here.directory, "ran"))).toBe(false)
      expect(existsSync(join(here.directory, "helped"))).toBe(false)
    }),
  )
})

describe("a server whose entry brings the credentials", () => {
  it.live("is not said to need a sign-in that there is none for, but what to correct", () =>
    Effect.gen(function* () {
      const { url } = yield* guarded
      const { mcp } = yield* world
      const servers = {
        header: { type: "remote", url, headers: { Authorization: "Bearer of-nobody" } },
        helper: { type: "remote", url, headersHelper: ["sh", "-c", `echo '{"Authorization":"Bearer of-nobody"}'`] },
      }
      const listed = yield* mcp(servers, ["list"])
      expect(listed.stdout).toContain(`; correct the header "Authorization" in its entry`)
      expect(listed.stdout).toContain(`; correct "headersHelper" in its entry`)
      expect(listed.stdout).not.toContain("mcp auth")
      const called = yield* mcp(servers, ["call", "header", "echo", "message=hi"])
      expect(called.stderr).toContain(`correct the header "Authorization"`)
      expect(called.stderr).not.toContain("mcp auth")
      expect(called.code).toBe(4)
      expect((yield* mcp(servers, ["tools"])).stderr).not.toContain("mcp auth")
      const debugged = yield* mcp(servers, ["debug", "header"])
      expect(debugged.stdout).toContain(`Correct the header "Authorization" in the server's entry.`)
      expect(debugged.stdout).not.toContain("mcp auth")
    }),
  )
})

describe("auth of a server that needs no person", () => {
  it.live("says so, and whether it is connected", () =>
    Effect.gen(function* () {
      const client = { client_id: "ci", client_secret: "a-secret-of-the-client", redirect_uris: [], response_types: [] }
      const authorization = yield* authorizationServer({
        clients: [{ ...client, grant_types: ["client_credentials"], scope: "tools" }],
      })
      const { url } = yield* protectedMcp(authorization)
      const { mcp } = yield* world
      const entry = (clientSecret: string) => ({
        docs: { type: "remote", url, oauth: { grant: "client_credentials", clientId: "ci", clientSecret } },
      })
      const right = yield* mcp(entry(client.client_secret), ["auth", "docs"])
      expect(right.stdout).toContain("docs is connected; nobody signs in to docs, its entry has the grant")
      expect(right.code).toBe(0)
      yield* mcp(entry(client.client_secret), ["logout", "docs"])
      const wrong = yield* mcp(entry("another-secret"), ["auth", "docs"])
      expect(wrong.stderr).toContain("its entry has the grant client_credentials (failed)")
      expect(wrong.stderr).not.toContain("another-secret")
      expect(wrong.code).toBe(3)
    }),
  )
})

describe("debug", () => {
  it.live("goes on where the credentials cannot be read, and says so in its place", () =>
    Effect.gen(function* () {
      const { url } = yield* guarded
      const { mcp, write } = yield* world
      write("home/.data/opencode/mcp-auth.json", `{"docs": {"tok`)
      const result = yield* mcp({ docs: { type: "remote", url } }, ["debug", "docs", "--json"])
      const said = json(result)
      expect(said.steps.map(({ step }: { readonly step: string }) => step)).toEqual([
        "the first message (initialize)",
        "what is kept of a sign-in",
        "connecting",
      ])
      expect(said.steps[1].verdict).toContain("Repair it, or remove it")
    }),
  )
})

describe("the prompt of the shell", () => {
  it.live("takes the flags that are typed before its own", () =>
    Effect.gen(function* () {
      const { url } = yield* guarded
      const { run, write } = yield* world
      const config = write("servers.json", { mcp: { docs: { type: "remote", url } } })
      const words = ["shell", "--config", config, "--interaction-timeout", "200"]
      const { code, stderr } = yield* run(words, { stdin: "auth docs --interaction-timeout 1\n" })
      expect(stderr).toContain("nobody came back within 1 s")
      expect(code).toBe(4)
    }),
  )

  it.live(
    "signs in to a server, looks at it, and forgets the sign-in, with the servers that it has",
    () =>
      Effect.gen(function* () {
        const { authorization, url } = yield* guarded
        const here = yield* world
        const config = here.write("servers.json", { mcp: { docs: { type: "remote", url } } })
        const { code, text } = yield* here.terminal(["shell", "--config", config], {
          keys: [
            [/docs needs_auth/, "auth docs\r"],
            [
              /paste> $/,
              (screen, press) =>
                void Effect.runPromise(person().authorize(urlIn(screen))).then((callback) => press(`${callback}\r`)),
            ],
            [/Signed in to docs, and connected\.[^]*mcp> /, "call docs echo message=inside\r"],
            [/inside\n?[^]*mcp> /, "debug docs\r"],
            [/docs works\.[^]*mcp> /, "auth list\r"],
            [/authenticated[^]*mcp> /, "logout docs\r"],
            [/forgot the tokens[^]*docs needs_auth[^]*mcp> /, "auth\r"],
            [/which server\? There is "docs"[^]*mcp> /, "help auth\r"],
            [/Sign in to a server[^]*mcp> /, "exit\r"],
          ],
        })
        expect(text).not.toContain("unknown command")
        expect(authorization.of("token").length).toBe(1)
        expect(code).not.toBe(1)
        expect(here.processes()).toEqual([])
      }),
    60_000,
  )
})
