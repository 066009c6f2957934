import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { authority, selfSigned } from "@opencode-ai/testing/peers/certificates"
import { everything } from "@opencode-ai/testing/peers/published"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { secured } from "@opencode-ai/testing/peers/relay"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { chmodSync } from "node:fs"
import { meaning, missingVariables } from "../../src/cli/doctor/words.ts"
import { json, type Result, world } from "./program.ts"

interface Check {
  readonly check: string
  readonly result: string
  readonly found: string
  readonly advice?: string
}

interface Diagnosis {
  readonly server: string
  readonly status: string
  readonly error?: string
  readonly checks: ReadonlyArray<Check>
  readonly verdict: string
  readonly advice: ReadonlyArray<string>
}

/** What was found of each server, by its name. */
const found = (result: Result) => {
  const { servers }: { servers: ReadonlyArray<Diagnosis> } = json(result)
  return (name: string) => {
    const one = servers.find(({ server }) => server === name)
    if (one === undefined) throw new Error(`nothing was found of ${name}`)
    const check = (wanted: string) => one.checks.filter(({ check }) => check === wanted)[0]
    return { ...one, check, advised: one.advice.join("\n") }
  }
}

const node = (program: string) => ({ type: "local", command: ["node", "-e", program] })
const remote = (url: string, more: object = {}) => ({ type: "remote", url, ...more })

describe("doctor", () => {
  it.live(
    "says of each local server why it does not work, and what to change",
    () =>
      Effect.gen(function* () {
        const { directory, mcp, processes, write } = yield* world
        chmodSync(write("not-executable", "#!/bin/sh\n"), 0o644)
        const secret = "a-value-that-is-secret"
        const result = yield* mcp(
          {
            misspelt: { type: "local", command: ["nodee", "server.js"] },
            uv: { type: "local", command: ["uvx", "mcp-server-time"], environment: { PATH: directory } },
            sentence: { type: "local", command: ["npx -y some-server"] },
            nowhere: { type: "local", command: ["./no/such/server"] },
            script: { type: "local", command: ["./not-executable"] },
            elsewhere: { ...rawStdio(), cwd: "no/such/directory" },
            unset: { ...rawStdio(), environment: { KEY: "{env:DOCTOR_TEST_UNSET}" } },
            crash: node(`console.error("fatal: ${secret} is no database"); process.exit(3)`),
            lacks: node(`console.error("Error: DOCTOR_API_KEY environment variable is required"); process.exit(1)`),
            module: node(`import("no-such-module-at-all")`),
            hang: { ...rawStdio({ on: { initialize: [] } }), timeout: 700 },
            ancient: rawStdio({ protocolVersion: "2023-01-01" }),
            old: rawStdio({ protocolVersion: "2024-11-05" }),
            lists: rawStdio({
              on: { "tools/list": [{ do: "error", code: -32603, message: "the tools are broken" }] },
            }),
            home: rawStdio(),
            malformed: { type: "local", command: "node server.js" },
            off: { type: "local", command: ["nodee"], enabled: false },
          },
          ["doctor", "--json"],
          { env: { SECRET_TOKEN: secret } },
        )
        const of = found(result)
        expect(of("misspelt").check("command")?.found).toBe(`no program "nodee" is on PATH`)
        expect(of("misspelt").advised).toContain(`Did you mean "node"?`)
        expect(of("uv").advised).toMatch(/Install uv/)
        expect(of("sentence").advised).toContain(`"command": ["npx","-y","some-server"]`)
        expect(of("nowhere").advised).toContain(`correct "command" in its entry. It is relative to ${directory}`)
        expect(of("script").advised).toBe(`Run: chmod +x ${directory}/not-executable`)
        expect(of("elsewhere").check("directory")?.found).toContain("no/such/directory does not exist")
        expect(of("elsewhere").advised).toContain(`correct "cwd"`)
        expect(of("unset").check("variables")).toMatchObject({
          result: "warning",
          found: "DOCTOR_TEST_UNSET is not set (environment.KEY)",
        })
        expect(of("unset").verdict).toBe("unset works.")
        expect(of("crash").check("handshake")?.found).toBe("node exited with code 3")
        expect(of("crash").check("stderr")?.found).toBe("fatal: *** is no database")
        expect(of("crash").advised).toMatch(/^Run it by hand to see what it says: node -e /)
        expect(of("lacks").check("environment")?.found).toBe("it says that DOCTOR_API_KEY is missing")
        expect(of("lacks").advised).toMatch(/^Add "environment": { "DOCTOR_API_KEY": "…" } to its entry/)
        expect(of("module").advised).toMatch(/^Node does not find no-such-module-at-all/)
        expect(of("hang").advised).toContain(`raise "timeout" in its entry (700 ms now)`)
        expect(of("ancient").advised).toContain("Update the server")
        expect(of("old").verdict).toBe("old works.")
        expect(of("old").check("revision")?.found).toMatch(/^2024-11-05; what came with later ones/)
        expect(of("lists").status).toBe("connected")
        expect(of("lists").check("lists")?.found).toContain("tools/list failed: ")
        expect(of("lists").check("lists")?.found).toContain("the tools are broken")
        expect(of("lists").advised).toContain("That is the server's mistake")
        expect(of("malformed").check("entry")?.found).toContain("expected an array of strings")
        expect(of("malformed").advised).toMatch(/^Correct it there \(.*servers\.json: mcp\.malformed\)/)
        expect(of("off")).toMatchObject({ status: "disabled", advice: [] })
        const [version] = of("lacks").checks.filter(({ check }) => check === "version")
        expect(version?.found).toMatch(/^v\d+\./)
        expect(result.stdout + result.stderr).not.toContain(secret)
        expect(result.code).toBe(3)
        expect(processes()).toEqual([])
      }),
    60_000,
  )

  it.live(
    "says of each remote server how far the way goes, and what to change",
    () =>
      Effect.gen(function* () {
        const { mcp, write } = yield* world
        const ours = authority()
        const good = yield* rawHttp({ check: false })
        const { url } = good
        const behind = (certificate: { readonly key: string; readonly cert: string }) => secured(url, certificate)
        const known = yield* behind(ours.issue(["127.0.0.1"]))
        const own = yield* behind(selfSigned(["127.0.0.1"]))
        const expired = yield* behind(ours.issue(["127.0.0.1"], { from: -9, to: -2 }))
        const other = yield* behind(ours.issue(["other.test"]))
        const ca = write("ca.pem", ours.cert)
        // No free port: another server of this test may get it.
        const port = 9
        const broken = yield* rawHttp({ check: false, any: () => ({ status: 500, text: "out of order" }) })
        const early = yield* rawHttp({
          check: false,
          any: ({ rpc }) =>
            rpc.method === "initialize"
              ? { status: 401, text: "", headers: { date: new Date(Date.now() + 3_600_000).toUTCString() } }
              : undefined,
        })
        const absent = yield* rawHttp({ check: false, any: () => ({ status: 404, text: "Not Found" }) })
        const authorization = yield* authorizationServer()
        const guarded = yield* protectedMcp(authorization)
        const result = yield* mcp(
          {
            well: remote(known.url, { tls: { ca } }),
            path: remote(absent.url, { oauth: false }),
            broken: remote(broken.url, { oauth: false }),
            refused: remote(`http://127.0.0.1:${port}/mcp`, { headers: { authorization: "{env:DOCTOR_TEST_UNSET}" } }),
            name: remote("https://no-such-host.invalid/mcp"),
            unknown: remote(known.url),
            own: remote(own.url),
            expired: remote(expired.url, { tls: { ca } }),
            other: remote(other.url, { tls: { ca } }),
            lost: remote(known.url, { tls: { ca: "./no-such-ca.pem" } }),
            plain: remote(url.replace("http:", "https:")),
            proxy: remote("https://example.test/mcp", { proxy: `http://me:s3cr3t@127.0.0.1:${port}` }),
            socks: remote("https://example.test/mcp", { proxy: "socks5://127.0.0.1:1080" }),
            variable: remote("https://example.test/mcp"),
            guarded: remote(guarded.url),
            forbidden: remote(guarded.url, { oauth: false }),
            early: remote(early.url, { oauth: false }),
          },
          ["doctor", "--json"],
          {
            env: {
              HTTPS_PROXY: `http://you:s3cr3t@127.0.0.1:${port}`,
              NO_PROXY: "no-such-host.invalid",
              https_proxy: undefined,
              no_proxy: undefined,
            },
          },
        )
        const of = found(result)
        expect(of("well").verdict).toBe("well works.")
        expect(of("well").check("TLS")?.found).toMatch(
          /^TLSv1\.\d, the certificate is trusted, of Test authority, until/,
        )
        expect(of("well").check("proxy")?.found).toMatch(/^none: NO_PROXY, or the address/)
        expect(of("path").check("HTTP")?.found).toMatch(/^404: /)
        expect(of("path").advised).toContain(`Correct the path in "url"`)
        expect(of("broken").advised).toContain("The server itself fails")
        expect(of("refused").check("connection")?.found).toBe(`127.0.0.1:${port}: nothing listens there`)
        expect(of("refused").advised).toContain(`correct the port in "url"`)
        expect(of("refused").advised).toContain("export DOCTOR_TEST_UNSET=…")
        expect(of("name").check("name")?.result).toBe("failed")
        expect(of("name").advised).toMatch(/Correct the host in "url"|Check the network/)
        expect(of("unknown").advised).toContain(`name the authority's certificate ("tls": { "ca": … })`)
        expect(of("own").advised).toContain(`name that certificate ("tls": { "ca": … })`)
        expect(of("expired").advised).toContain("The server's owner has to renew it")
        expect(of("other").advised).toContain(`Correct the host in "url"`)
        expect(of("lost").check("TLS")?.found).toMatch(
          /tls\.ca.* names the file .*no-such-ca\.pem", which is not there/,
        )
        expect(of("plain").advised).toContain("Use http:// instead of https://")
        expect(of("proxy").check("proxy")?.found).toBe(`http://127.0.0.1:${port}/, named by its entry`)
        expect(of("proxy").advised).toContain(`Correct "proxy" in its entry`)
        expect(of("socks").check("entry")?.found).toContain("proxy")
        expect(of("variable").check("proxy")?.found).toContain("named by HTTPS_PROXY")
        expect(of("variable").advised).toContain("Correct HTTPS_PROXY")
        expect(of("guarded")).toMatchObject({ status: "needs_auth", advice: ["Run: mcp auth guarded"] })
        expect(of("guarded").check("sign-in")?.found).toBe(`nobody has signed in at ${authorization.issuer}`)
        expect(of("forbidden").advised).toContain(`"oauth": false`)
        expect(of("early").check("clock")).toMatchObject({ result: "warning" })
        expect(of("early").check("clock")?.found).toMatch(/^this machine's clock is 3\d{3} s behind/)
        expect(result.stdout + result.stderr).not.toContain("s3cr3t")
        expect(result.code).toBe(3)
        expect(authorization.of("registration")).toEqual([])
      }),
    60_000,
  )

  it.live(
    "runs nothing that nobody approved, and looks at one that is switched off where it is named",
    () =>
      Effect.gen(function* () {
        const here = yield* world
        const ran = `${here.directory}/ran`
        const touching = ["node", "-e", `require("fs").writeFileSync(${JSON.stringify(ran)}, "")`]
        here.write("opencode.json", {
          mcp: {
            held: { type: "local", command: touching },
            off: { ...rawStdio(), enabled: false },
          },
        })
        const all = yield* here.run(["doctor"])
        expect(all.stdout).toMatch(/^held\tfailed\ta project's file defines it/m)
        expect(all.stdout).toMatch(/^off\tswitched off$/m)
        expect(all.stdout).toContain("→ See what it runs, and approve it: mcp trust held")
        expect(all.code).toBe(3)
        const held = yield* here.run(["doctor", "held"])
        expect(held.stdout).toContain("✗ approval")
        expect(held.code).toBe(3)
        expect(yield* Effect.promise(() => Bun.file(ran).exists())).toBe(false)
        yield* here.run(["trust", "off"])
        const off = yield* here.run(["doctor", "off"])
        expect(off.stdout).toMatch(/✗ enabled +it is switched off in its entry\n +→ Run: mcp enable off/)
        expect(off.stdout).toMatch(/✓ handshake +raw 1\.0\.0, in \d+ ms, over stdio/)
        expect(off.stdout).toContain("off is switched off; it would work.")
        expect(off.code).toBe(3)
      }),
    60_000,
  )

  it.live(
    "exits by the worst, with 0 where all is well, and tells of what concerns every server",
    () =>
      Effect.gen(function* () {
        const { mcp, run, terminal, write } = yield* world
        const well = yield* mcp({ everything: { ...everything, extra: 1 } }, ["doctor", "everything"])
        expect(well.stdout).toMatch(/✓ lists +\d+ tools, \d+ prompts/)
        expect(well.stdout).toContain("everything works.")
        expect(well.code).toBe(0)
        const broken = rawStdio({ on: { "tools/list": [{ do: "error", code: 1, message: "no" }] } })
        expect((yield* mcp({ broken }, ["doctor"])).code).toBe(1)
        const authorization = yield* authorizationServer()
        const guarded = remote((yield* protectedMcp(authorization)).url)
        expect((yield* mcp({ broken, guarded }, ["doctor"])).code).toBe(4)
        const unknown = yield* mcp({ raw: { ...rawStdio(), extra: 1 } }, ["doctor", "--json"], {
          env: { XDG_STATE_HOME: "/dev/null/state" },
        })
        const { files, machine } = json(unknown)
        expect(files.length).toBe(1)
        const said = (machine as ReadonlyArray<Check>).map(({ advice = "", check, found, result }) =>
          [check, result, found, advice].join(" "),
        )
        expect(said.some((each) => /^program ok opencode .* on Bun/.test(each))).toBe(true)
        expect(said.some((each) => /^configuration warning .*mcp\.raw\.extra: unknown field/.test(each))).toBe(true)
        expect(
          said.some((each) => /^state failed \/dev\/null is no directory .*approvals cannot be kept/.test(each)),
        ).toBe(true)
        expect(unknown.code).toBe(1)
        expect((yield* run(["doctor"])).stdout).toContain("No MCP servers are configured.")
        const { code, stderr } = yield* mcp({ raw: rawStdio() }, ["doctor", "rwa"])
        expect(stderr).toContain(`did you mean "raw"?`)
        expect(code).toBe(2)
        const config = write("hang.json", { mcp: { hang: rawStdio({ on: { initialize: [] } }) } })
        const shown = yield* terminal(["doctor", "--config", config], { keys: [["Looking at hang", "\u0003"]] })
        expect(shown.code).toBe(130)
      }),
    60_000,
  )

  it.live(
    "tells of tools that are held back, and of keys that are shortened",
    () =>
      Effect.gen(function* () {
        const { mcp } = yield* world
        let description = "It says one thing"
        const name = "a_tool_with_a_name_that_is_far_too_long_for_what_providers_take"
        const server = yield* rawHttp({
          check: false,
          on: {
            "tools/list": ({ rpc: { id } }) => ({
              json: { jsonrpc: "2.0", id, result: { tools: [{ name, description, inputSchema: { type: "object" } }] } },
            }),
          },
        })
        const servers = { changing: remote(server.url, { oauth: false }) }
        const before = yield* mcp(servers, ["doctor", "changing"])
        expect(before.stdout).toMatch(
          /! keys +the keys of 1 tools are shortened or told apart by a hash, such as changing_a_tool/,
        )
        expect(before.code).toBe(0)
        description = "It says another thing"
        const after = yield* mcp(servers, ["doctor", "changing"])
        expect(after.stdout).toMatch(/! held tools +changed since they were reviewed, and held back: a_tool_with/)
        expect(after.stdout).toContain("→ See what changed, and offer them again: mcp approve changing")
        expect(after.code).toBe(0)
      }),
    60_000,
  )

  test("reads in a server's last words which variables it misses, and what else they mean", () => {
    const missed = (...lines: ReadonlyArray<string>) => missingVariables(lines)
    expect(missed("Error: BRAVE_API_KEY environment variable is required")).toEqual(["BRAVE_API_KEY"])
    expect(missed("Missing required environment variable: NOTION_TOKEN")).toEqual(["NOTION_TOKEN"])
    expect(missed("Please set SLACK_BOT_TOKEN and SLACK_TEAM_ID environment variables")).toEqual([
      "SLACK_BOT_TOKEN",
      "SLACK_TEAM_ID",
    ])
    expect(missed("GITHUB_PERSONAL_ACCESS_TOKEN not set")).toEqual(["GITHUB_PERSONAL_ACCESS_TOKEN"])
    expect(missed("    raise KeyError(key)", "KeyError: 'DATABASE_URL'")).toEqual(["DATABASE_URL"])
    expect(missed("1 validation error for Settings", "JIRA_URL", "  Field required [type=missing]")).toEqual([
      "JIRA_URL",
    ])
    expect(missed("Server ready", "MAX_RETRIES is 3", "connected to https://example.com/A_B")).toEqual([])
    expect(meaning(["npm error code E404", "npm error 404 Not Found - GET"])).toContain("No package has this name")
    expect(meaning(["Cannot connect to the Docker daemon at unix:///var/run/docker.sock"])).toContain("start it")
    expect(meaning(["ModuleNotFoundError: No module named 'mcp'"])).toContain("Python does not find mcp")
    expect(meaning(["Error: listen EADDRINUSE: address already in use :::3000"])).toContain("Port 3000 is taken")
    expect(meaning(["hello"])).toBe(undefined)
  })
})
