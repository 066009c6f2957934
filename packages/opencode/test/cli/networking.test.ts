/** TLS and proxies at the command line: what a person writes into an entry or the environment, and what `list` says. */
import { it } from "@opencode-ai/testing/effect"
import { authority } from "@opencode-ai/testing/peers/certificates"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { proxy, secured } from "@opencode-ai/testing/peers/relay"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json, world } from "./program.ts"

const ours = authority()
const home = ours.issue(["127.0.0.1", "server.test"])
const client = ours.issue(["someone"])

const behindTls = (options: object = {}) =>
  Effect.gen(function* () {
    // Several servers of one test share it: their ids are the same.
    const { url } = yield* rawHttp({ check: false })
    return yield* secured(url, { key: home.key, cert: home.cert, ...options })
  })

it.live("list connects by the entry's authority, client certificate and pin, and says why it does not", () =>
  Effect.gen(function* () {
    const { mcp, write } = yield* world
    const { port, url } = yield* behindTls()
    const strict = yield* behindTls({ requestCert: true, rejectUnauthorized: true, ca: ours.cert })
    write("ca.pem", ours.cert)
    const cert = write("client.pem", client.cert)
    const key = write("client-key.pem", client.key)
    const pin = `sha256/${client.pin}`
    const remote = (tls?: object, to = url) => ({ type: "remote", url: to, oauth: false, tls })
    const result = yield* mcp(
      {
        known: remote({ ca: "ca.pem", pin: home.pin }),
        identified: remote({ ca: "./ca.pem", cert, key }, strict.url),
        unknown: remote(),
        pinned: remote({ ca: "ca.pem", pin }),
        nobody: remote({ ca: "ca.pem" }, strict.url),
        lost: remote({ ca: "ca.pem", cert, key: "./no-such-key.pem" }),
        pasted: remote({ ca: "ca.pem", cert, key: client.key.replaceAll("-----BEGIN", "") }),
        malformed: remote({ pin: "sha256/abc" }),
      },
      ["list", "--json"],
    )
    const servers: ReadonlyArray<{ name: string; status: string; error?: string }> = json(result)
    const told = Object.fromEntries(servers.map(({ error, name, status }) => [name, error ?? status]))
    expect(told["known"]).toBe("connected")
    expect(told["identified"]).toBe("connected")
    expect(new Set(strict.clients)).toEqual(new Set(["someone"]))
    expect(told["unknown"]).toContain("not trusted here")
    expect(told["pinned"]).toContain(
      `127.0.0.1:${port} is not the pinned one: expected ${pin}, found sha256/${home.pin}`,
    )
    expect(told["nobody"]).toContain("it asks for a client certificate")
    expect(told["lost"]).toMatch(/"tls.key" names the file ".*\/no-such-key.pem", which is not there/)
    expect(told["pasted"]).toContain(`"tls.key" names a file, which is not there`)
    expect(told["malformed"]).toMatch(/pin.*expected.*SHA-256/)
    expect(result.stdout + result.stderr).not.toContain(client.key.split("\n")[1] ?? "no key")
    expect(result.code).toBe(0)
  }),
)

it.live("list goes through the proxy of the entry or of the environment, and shows no password", () =>
  Effect.gen(function* () {
    const { mcp, write } = yield* world
    const { port, url } = yield* behindTls()
    const ca = write("ca.pem", ours.cert)
    const way = yield* proxy({ credentials: "me:s3cr3t" })
    const by = way.url.replace("//", "//me:s3cr3t@")
    const distant = `https://server.test:${port}/mcp`
    const remote = (to: string, more: object = {}) => ({ type: "remote", url: to, oauth: false, tls: { ca }, ...more })
    const result = yield* mcp(
      {
        environment: remote(distant),
        entry: remote(distant, { proxy: by }),
        near: remote(url),
        excepted: remote(`https://no.server.test:${port}/mcp`),
        none: remote(distant, { proxy: false }),
        refused: remote(distant, { proxy: by.replace("s3cr3t", "wr0ng!") }),
      },
      ["list", "--json"],
      { env: { HTTPS_PROXY: by, https_proxy: undefined, NO_PROXY: "no.server.test", no_proxy: undefined } },
    )
    const servers: ReadonlyArray<{ name: string; status: string; error?: string }> = json(result)
    const told = Object.fromEntries(servers.map(({ error, name, status }) => [name, error ?? status]))
    expect(told["environment"]).toBe("connected")
    expect(told["entry"]).toBe("connected")
    expect(told["near"]).toBe("connected")
    expect(told["excepted"]).toMatch(/no such host|name server/)
    expect(told["none"]).toMatch(/no such host|name server/)
    expect(told["refused"]).toContain("it does not accept this user name and password (HTTP 407)")
    expect(new Set(way.asked.map(({ target }) => target))).toEqual(new Set([`server.test:${port}`]))
    expect(result.stdout + result.stderr).not.toMatch(/s3cr3t|wr0ng!|czNjcjN0/)
  }),
)
