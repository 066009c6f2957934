import { describe, expect, test } from "@opencode-ai/testing/runner"
import { inspect } from "node:util"
import * as Redacted from "effect/Redacted"
import { decode, defaultLimits, type Defaults, type LocalServer, type RemoteServer } from "../../src/config.ts"
import { describe as say, describeUnknown } from "../../src/config/problem.ts"

const local = (fields: object, defaults?: Defaults): LocalServer => {
  const { config, problems } = decode("s", { type: "local", command: ["run"], ...fields }, defaults)
  if (config?.type !== "local") throw new Error(problems?.map((problem) => say(problem)).join("; "))
  return config
}

const remote = (fields: object): RemoteServer => {
  const { config, problems } = decode("s", { type: "remote", url: "https://example.com/mcp", ...fields })
  if (config?.type !== "remote") throw new Error(problems?.map((problem) => say(problem)).join("; "))
  return config
}

const problems = (entry: unknown) => (decode("s", entry).problems ?? []).map((problem) => say(problem))
const warnings = (entry: unknown) => decode("s", entry).warnings.map((warning) => describeUnknown(warning))

describe("a local server", () => {
  test("has every default", () => {
    expect(local({})).toEqual({
      type: "local",
      name: "s",
      enabled: true,
      command: ["run"],
      environment: new Map(),
      inheritEnvironment: true,
      shared: false,
      timeout: { startup: 30_000, catalog: 30_000, execution: 300_000 },
      protocol: "legacy",
      roots: "auto",
      trusted: false,
      tools: { allow: ["*"], deny: [] },
      sampling: { approve: "ask", requestsPerMinute: 10, tokensPerHour: 100_000 },
      limits: defaultLimits,
    })
  })

  test("keeps what is configured", () => {
    const fields = {
      command: ["npx", "-y", "a b", ""],
      cwd: "sub",
      environment: { A: "1", B: "" },
      inheritEnvironment: false,
      keepAlive: 1000,
      sleep: 60_000,
      shared: true,
      trusted: true,
      protocol: "2025-06-18",
      roots: false,
    }
    expect(local(fields)).toMatchObject({ ...fields, environment: new Map(Object.entries(fields.environment)) })
    expect(local({ roots: ["/a", "file:///b"] }).roots).toEqual(["/a", "file:///b"])
    expect(local({ tools: { deny: ["rm*"] } }).tools).toEqual({ allow: ["*"], deny: ["rm*"] })
    expect(local({ sampling: { approve: "never" } }).sampling.requestsPerMinute).toBe(10)
    expect(local({ limits: { stderr: 1 } }).limits).toEqual({ ...defaultLimits, stderr: 1 })
  })

  test("is off with enabled: false and with disabled: true", () => {
    expect(local({ enabled: false }).enabled).toBe(false)
    expect(local({ disabled: true }).enabled).toBe(false)
    expect(local({ disabled: false }).enabled).toBe(true)
  })
})

describe("timeouts", () => {
  test("a number bounds start-up, listing and calls alike", () => {
    expect(local({ timeout: 5 }).timeout).toEqual({ startup: 5, catalog: 5, execution: 5 })
  })
  test("an object bounds each; the section's come next, then the defaults", () => {
    const defaults = { timeout: { startup: 1, catalog: 2 } }
    expect(local({ timeout: { startup: 9 } }, defaults).timeout).toEqual({ startup: 9, catalog: 2, execution: 300_000 })
  })
})

describe("a remote server", () => {
  test("has its own defaults", () => {
    const { headers, oauth, protocol, proxy, tls, url } = remote({})
    expect([url.href, headers.size, protocol, oauth, tls, proxy]).toEqual([
      "https://example.com/mcp",
      0,
      "auto",
      { grant: "authorization_code", store: "file" },
      undefined,
      undefined,
    ])
  })

  test("hides its secrets from whoever prints it", () => {
    const config = remote({
      headers: { "X-Key": "s3cret" },
      oauth: { clientId: "me", clientSecret: "s3cret" },
      tls: { ca: "ca.pem", key: "s3cret", passphrase: "s3cret" },
      proxy: "http://u:s3cret@proxy:1",
    })
    expect(JSON.stringify([config, ...config.headers])).not.toContain("s3cret")
    expect(inspect(config)).not.toContain("s3cret")
    const key = config.headers.get("X-Key")
    expect(key === undefined ? undefined : Redacted.value(key)).toBe("s3cret")
  })

  test("takes oauth in OpenCode 2's spelling", () => {
    const snake = { client_id: "a", client_secret: "b", callback_port: 8080, redirect_uri: "http://127.0.0.1/x" }
    const camel = { clientId: "a", clientSecret: "b", callbackPort: 8080, redirectUri: "http://127.0.0.1/x" }
    expect(JSON.stringify(remote({ oauth: snake }))).toBe(JSON.stringify(remote({ oauth: camel })))
    expect(remote({ oauth: snake }).oauth).toMatchObject({ clientId: "a", callbackPort: 8080 })
    expect(remote({ oauth: false }).oauth).toBe(false)
  })

  test("knows what each grant needs", () => {
    const key = { grant: "private_key_jwt", clientId: "a", privateKey: "pem" }
    expect(remote({ oauth: key }).oauth).toMatchObject({ grant: "private_key_jwt", algorithm: "ES256" })
    const entry = { type: "remote", url: "http://h", oauth: { grant: "enterprise", idpIssuer: "https://i" } }
    expect(problems(entry)).toEqual([
      "oauth.idpClientId: expected idpClientId, for the grant enterprise, found nothing",
    ])
  })
})

describe("what is wrong", () => {
  test.each<[unknown, ReadonlyArray<string>]>([
    ["npx x", ["expected an object, found a string"]],
    [null, ["expected an object, found null"]],
    [{}, [`type: expected "local" or "remote", found nothing`]],
    [{ type: "stdio" }, [`type: expected "local" or "remote", found "stdio"`]],
    [{ type: "local" }, ["command: expected an array of strings, the program first, found nothing"]],
    [{ type: "local", command: "npx x" }, ["command: expected an array of strings, the program first, found a string"]],
    [{ type: "local", command: [] }, ["command[0]: expected the program's name, found nothing"]],
    [{ type: "local", command: [""] }, ["command[0]: expected a string that is not empty, found an empty string"]],
    [{ type: "local", command: ["a", 1] }, ["command[1]: expected a string, found 1"]],
    [{ type: "local", command: ["a\0b"] }, ["command[0]: expected a string without NUL, found a string"]],
    [
      { type: "local", command: ["a"], environment: { "A=B": "c" } },
      [`environment["A=B"]: expected the name of a variable, without =, found a string`],
    ],
    [{ type: "remote", url: "ftp://h" }, ["url: expected an http: or https: URL, found a string"]],
    [{ type: "remote", url: "" }, ["url: expected an http: or https: URL, found an empty string"]],
    [{ type: "remote", url: "http://h", oauth: true }, ["oauth: expected an object, or false, found true"]],
    [
      { type: "remote", url: "http://h", headers: { "a b": "c" } },
      [`headers["a b"]: expected the name of a header (RFC 9110 §5.1), found a string`],
    ],
    [
      { type: "remote", url: "http://h", headers: { a: "b\r\nc: d" } },
      ["headers.a: expected a value without control characters, found a string"],
    ],
    [
      { type: "local", command: ["a"], timeout: "30s", enabled: "yes", protocol: "2024-01-01" },
      [
        `enabled: expected true or false, found "yes"`,
        `timeout: expected milliseconds, or an object of startup, catalog and execution, found "30s"`,
        `protocol: expected "auto", "legacy", "2024-11-05", "2025-03-26", "2025-06-18" or "2025-11-25", found "2024-01-01"`,
      ],
    ],
    [
      { type: "local", command: ["a"], timeout: { startup: -1 } },
      ["timeout.startup: expected whole milliseconds above 0, at most 2147483647, found -1"],
    ],
    [
      { type: "local", command: ["a"], timeout: 2 ** 31 },
      ["timeout: expected whole milliseconds above 0, at most 2147483647, found 2147483648"],
    ],
  ])("%j", (entry, expected) => expect(problems(entry)).toEqual([...expected]))

  test("never tells a value that may be secret", () => {
    const entry = {
      type: "remote",
      url: "s3cret",
      headers: { a: ["s3cret"] },
      oauth: { clientSecret: { a: "s3cret" } },
    }
    expect(problems(entry)).toHaveLength(3)
    expect(problems(entry).join()).not.toContain("s3cret")
  })
})

describe("an unknown field", () => {
  const entry = { type: "local", command: ["a"] }
  test.each<[object, string]>([
    [{ timeuot: 1 }, "timeuot: unknown field, ignored; did you mean timeout?"],
    [{ env: {} }, "env: unknown field, ignored; did you mean environment?"],
    [{ args: [] }, "args: unknown field, ignored; did you mean command?"],
    [{ headers: {} }, "headers: ignored, only a remote server has it"],
    [{ quux: 1 }, "quux: unknown field, ignored"],
    [{ timeout: { start: 1 } }, "timeout.start: unknown field, ignored; did you mean startup?"],
  ])("%j is a warning and no error", (fields, expected) => {
    expect(warnings({ ...entry, ...fields })).toEqual([expected])
    expect(decode("s", { ...entry, ...fields }).config).toBeDefined()
  })
  test("of OpenCode's own is none", () => expect(warnings({ ...entry, codemode: true })).toEqual([]))
})

test("keys named like a prototype's members stay data", () => {
  const entry: unknown = JSON.parse(
    `{"type":"local","command":["a"],"environment":{"__proto__":"x","constructor":"y"},"__proto__":{"enabled":false}}`,
  )
  const { config, warnings } = decode("__proto__", entry)
  expect(config).toMatchObject({ name: "__proto__", enabled: true })
  expect(config?.type === "local" ? [...config.environment] : []).toEqual([
    ["__proto__", "x"],
    ["constructor", "y"],
  ])
  expect(warnings.map((each) => each.path)).toEqual([["__proto__"]])
  expect(Object.hasOwn(Object.prototype, "enabled")).toBe(false)
})
