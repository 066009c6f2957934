/** What is kept in files: A12, B9, A10, and the lines 12, 13, 15 and 16 of the attacks. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { type Credentials, CredentialStore, type Tokens } from "../../src/auth/store.ts"
import type { AuthError } from "../../src/auth/error.ts"
import { make } from "../../src/auth/store/file.ts"

const place = { server: "issues", url: "https://example.com/mcp" }

const tokens = (access: string, more: Partial<Tokens> = {}): Tokens => ({
  access: Redacted.make(access),
  refresh: Redacted.make(`${access}-refresh`),
  expiresAt: 1_900_000_000_000,
  issuedAt: 1_899_996_400_000,
  scope: "read write",
  type: "Bearer",
  ...more,
})

const whole: Credentials = {
  issuer: "https://login.example.com",
  tokens: tokens("at-1", { type: "DPoP" }),
  client: {
    id: "client-1",
    secret: Redacted.make("client-secret"),
    secretExpiresAt: 2_000_000_000_000,
    method: "client_secret_post",
    redirectUris: ["http://127.0.0.1:19876/mcp/oauth/callback"],
    origin: "registered",
  },
  dpopKey: Redacted.make("dpop-private-key"),
  wantedScope: "admin",
  refusedScope: "delete",
  pending: {
    state: "state-1",
    codeVerifier: Redacted.make("verifier-1"),
    redirectUri: "http://127.0.0.1:19876/mcp/oauth/callback",
    scope: "read",
    issuer: "https://login.example.com",
    client: { id: "client-1", origin: "registered" },
  },
}

/** With its secrets, and without what is undefined. */
const plain = (value: unknown): unknown => {
  if (Redacted.isRedacted(value)) return `secret:${String(Redacted.value(value))}`
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(members.map(([name, member]) => [name, plain(member)]))
}

const files = Effect.map(temporaryDirectory, (directory) => {
  const path = join(directory, "opencode", "mcp-auth.json")
  return {
    directory: join(directory, "opencode"),
    path,
    bindings: join(directory, "opencode", "mcp-auth-bindings.json"),
    store: make({ path }),
    json: (): Record<string, Record<string, unknown>> => JSON.parse(readFileSync(path, "utf8")),
    openCode: (value: unknown) => {
      mkdirSync(join(directory, "opencode"), { recursive: true })
      writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value, null, 2))
    },
  }
})

const entry = { tokens: { accessToken: "oc-at", refreshToken: "oc-rt", expiresAt: 1_800_000_000.5, scope: "read" } }

describe("credentials in files", () => {
  it.live("are read by the next process as they were kept", () =>
    Effect.gen(function* () {
      const { path, store } = yield* files
      expect(yield* store.read(place)).toBe(undefined)
      yield* store.update(place, () => whole)
      expect(plain(yield* make({ path }).read(place))).toEqual(plain(whole))
      expect((yield* make({ path }).list).map(({ server, url }) => ({ server, url }))).toEqual([place])
    }),
  )

  it.live("stand in OpenCode's file as OpenCode writes them, and the rest beside it", () =>
    Effect.gen(function* () {
      const { json, store } = yield* files
      yield* store.update(place, () => whole)
      expect(json()).toEqual({
        issues: {
          tokens: { accessToken: "at-1", refreshToken: "at-1-refresh", expiresAt: 1_900_000_000, scope: "read write" },
          clientInfo: { clientId: "client-1", clientSecret: "client-secret", clientSecretExpiresAt: 2_000_000_000 },
          codeVerifier: "verifier-1",
          oauthState: "state-1",
          serverUrl: "https://example.com/mcp",
        },
      })
      yield* store.update(place, (current) => ({ ...current, pending: undefined }))
      expect(Object.keys(json()["issues"] ?? {}).sort()).toEqual(["clientInfo", "serverUrl", "tokens"])
    }),
  )

  it.live("of OpenCode alone are used for its URL, and bound to no issuer", () =>
    Effect.gen(function* () {
      const { openCode, store } = yield* files
      openCode({
        issues: {
          ...entry,
          clientInfo: { clientId: "c", clientSecretExpiresAt: 0 },
          serverUrl: "https://example.com/mcp",
        },
        nobody: entry,
      })
      expect(plain(yield* store.read(place))).toEqual({
        tokens: {
          access: "secret:oc-at",
          refresh: "secret:oc-rt",
          expiresAt: 1_800_000_000_500,
          scope: "read",
          type: "Bearer",
        },
        client: { id: "c", origin: "registered" },
      })
      expect(yield* store.read({ server: "issues", url: "https://elsewhere.example/mcp" })).toBe(undefined)
      expect(yield* store.read({ server: "nobody", url: "https://example.com/mcp" })).toBe(undefined)
      expect((yield* store.list).map(({ server }) => server)).toEqual(["issues"])
    }),
  )

  it.live("leave what nobody knows, and other servers, as they are", () =>
    Effect.gen(function* () {
      const { json, openCode, store } = yield* files
      const other = { ...entry, serverUrl: "https://other.example", later: [1, { a: null }] }
      openCode({
        issues: {
          tokens: { accessToken: "a", kind: "x" },
          clientInfo: { clientId: "client-1", clientIdIssuedAt: 5 },
          serverUrl: "https://example.com/mcp",
          lastUsed: 7,
        },
        "other ü": other,
        odd: "text",
      })
      yield* store.update(place, () => whole)
      expect(json()).toEqual({
        issues: {
          tokens: {
            accessToken: "at-1",
            refreshToken: "at-1-refresh",
            expiresAt: 1_900_000_000,
            scope: "read write",
            kind: "x",
          },
          clientInfo: {
            clientId: "client-1",
            clientIdIssuedAt: 5,
            clientSecret: "client-secret",
            clientSecretExpiresAt: 2_000_000_000,
          },
          codeVerifier: "verifier-1",
          oauthState: "state-1",
          serverUrl: "https://example.com/mcp",
          lastUsed: 7,
        },
        "other ü": other,
        odd: "text",
      } as never)
      yield* store.update(place, () => undefined)
      expect(json()).toEqual({ "other ü": other, odd: "text" } as never)
      expect(yield* store.read(place)).toBe(undefined)
    }),
  )

  it.live("are nothing to another URL under the same name, which has its own", () =>
    Effect.gen(function* () {
      const { json, store } = yield* files
      const other = { server: "issues", url: "https://evil.example/mcp" }
      yield* store.update(place, () => whole)
      expect(yield* store.read(other)).toBe(undefined)
      yield* store.update(other, (current) => ({ ...current, tokens: tokens("for-other") }))
      expect(json()["issues"]?.["clientInfo"]).toBe(undefined)
      expect(json()["issues"]?.["codeVerifier"]).toBe(undefined)
      expect(plain(yield* store.read(other))).toEqual(plain({ tokens: tokens("for-other") }))
      expect(plain(yield* store.read(place))).toEqual(plain(whole))
      yield* store.update(place, () => undefined)
      expect(plain(yield* store.read(other))).toEqual(plain({ tokens: tokens("for-other") }))
    }),
  )

  it.live("that OpenCode has for another URL under the same name are not lost to it", () =>
    Effect.gen(function* () {
      const { openCode, store } = yield* files
      openCode({ issues: { ...entry, serverUrl: "https://old.example/mcp" } })
      yield* store.update(place, () => ({ tokens: tokens("new") }))
      const old = yield* store.read({ server: "issues", url: "https://old.example/mcp" })
      expect(old?.tokens === undefined ? "" : Redacted.value(old.tokens.access)).toBe("oc-at")
    }),
  )

  it.live("that OpenCode has replaced are OpenCode's, without what belonged to the old ones", () =>
    Effect.gen(function* () {
      const { json, openCode, store } = yield* files
      yield* store.update(place, () => ({ ...whole, pending: undefined }))
      const file = json()
      openCode({ ...file, issues: { ...file["issues"], ...entry } })
      expect(plain(yield* store.read(place))).toEqual({
        // The client was registered with that authorization server, and with no other.
        issuer: "https://login.example.com",
        tokens: {
          access: "secret:oc-at",
          refresh: "secret:oc-rt",
          expiresAt: 1_800_000_000_500,
          scope: "read",
          type: "Bearer",
        },
        client: plain(whole.client),
        wantedScope: "admin",
        refusedScope: "delete",
      })
      openCode({ issues: { ...entry, clientInfo: { clientId: "another" }, serverUrl: place.url } })
      const read = yield* store.read(place)
      expect(read?.issuer).toBe(undefined)
      expect(plain(read?.client)).toEqual({ id: "another", origin: "registered" })
    }),
  )

  it.live("that OpenCode has removed are gone", () =>
    Effect.gen(function* () {
      const { bindings, json, openCode, store } = yield* files
      openCode({ other: entry })
      yield* store.update(place, () => whole)
      const { issues: _, ...rest } = json()
      openCode(rest)
      expect(yield* store.read(place)).toBe(undefined)
      expect(yield* store.list).toEqual([])
      // Nor do they lie about beside it when something is written next.
      yield* store.update({ ...place, server: "another" }, () => ({ wantedScope: "x" }))
      for (const secret of ["at-1", "client-secret", "dpop-private-key", "verifier-1"]) {
        expect(readFileSync(bindings, "utf8")).not.toContain(secret)
      }
    }),
  )

  it.live("are kept where a process dies between its two files", () =>
    Effect.gen(function* () {
      const { json, openCode, path, store } = yield* files
      openCode({ other: entry })
      const first = { text: readFileSync(path, "utf8"), time: statSync(path).mtimeMs / 1000 - 5 }
      yield* store.update(place, () => whole)
      // As if the second was not written yet.
      writeFileSync(path, first.text)
      utimesSync(path, first.time, first.time)
      expect(plain(yield* store.read(place))).toEqual(plain(whole))
      yield* store.update(place, (current) => ({ ...current, pending: undefined }))

      const second = readFileSync(path, "utf8")
      const renewed = { ...whole, pending: undefined, tokens: tokens("at-2", { type: "DPoP" }) }
      yield* store.update(place, () => renewed)
      writeFileSync(path, second)
      expect(plain(yield* store.read(place))).toEqual(plain(renewed))
      yield* store.update(place, (current) => ({ ...current, wantedScope: "z" }))
      expect(json()["issues"]?.["tokens"]).toEqual({
        accessToken: "at-2",
        refreshToken: "at-2-refresh",
        expiresAt: 1_900_000_000,
        scope: "read write",
      })
    }),
  )

  it.live("are changed on top of what OpenCode writes between the reading and the writing", () =>
    Effect.gen(function* () {
      const { json, openCode, store } = yield* files
      yield* store.update(place, () => ({ tokens: tokens("at-1") }))
      let times = 0
      yield* store.update(place, (current) => {
        times++
        if (times === 1) openCode({ ...json(), other: entry })
        return { ...current, wantedScope: `${current?.wantedScope ?? ""}x` }
      })
      expect(times).toBe(1)
      expect(Object.keys(json()).toSorted()).toEqual(["issues", "other"])
      expect((yield* store.read(place))?.wantedScope).toBe("x")

      // Only where it comes with something else for the same server is the change made again, to that.
      yield* store.update(place, (current) => {
        times++
        if (times === 2) openCode({ ...json(), issues: { ...entry, serverUrl: place.url } })
        return { ...current, refusedScope: "y" }
      })
      expect(times).toBe(3)
      const read = yield* store.read(place)
      expect(read?.tokens === undefined ? "" : Redacted.value(read.tokens.access)).toBe("oc-at")
      expect(read?.refusedScope).toBe("y")
    }),
  )

  it.live("survive OpenCode, which writes what it had read before", () =>
    Effect.gen(function* () {
      const { json, openCode, store } = yield* files
      openCode({ other: entry })
      const before = json()
      yield* store.update(place, () => whole)
      openCode({ ...before, another: entry })
      expect(plain(yield* store.read(place))).toEqual(plain(whole))
      yield* store.update(place, (current) => ({ ...current, tokens: tokens("at-2") }))
      expect(Object.keys(json()).sort()).toEqual(["another", "issues", "other"])

      const stale = json()
      yield* store.update(place, (current) => ({ ...current, tokens: tokens("at-3") }))
      openCode({ ...stale, other: { ...entry, new: true } })
      const read = yield* store.read(place)
      expect(read?.tokens === undefined ? "" : Redacted.value(read.tokens.access)).toBe("at-3")
      yield* store.update(place, () => undefined)
      openCode(stale)
      expect(yield* store.read(place)).toBe(undefined)
    }),
  )

  it.live("keep their time of issue and their issuer through a change of something else", () =>
    Effect.gen(function* () {
      const { store } = yield* files
      yield* store.update(place, () => whole)
      yield* store.update(place, (current) => ({ ...current, wantedScope: "more" }))
      expect(plain(yield* store.read(place))).toEqual(plain({ ...whole, wantedScope: "more" }))
    }),
  )

  it.live("of names that are no ordinary ones touch no prototype", () =>
    Effect.gen(function* () {
      const { json, store } = yield* files
      for (const server of ["__proto__", "constructor", "toString", ""]) {
        const odd = { ...place, server }
        expect(yield* store.read(odd)).toBe(undefined)
        yield* store.update(odd, () => ({ tokens: tokens(`of ${server}`) }))
        expect(plain(yield* store.read(odd))).toEqual(plain({ tokens: tokens(`of ${server}`) }))
      }
      expect(Object.keys(json()).sort()).toEqual(["", "__proto__", "constructor", "toString"])
      expect(Object.keys({})).toEqual([])
    }),
  )

  it.live("do not hold the secret of a configured client", () =>
    Effect.gen(function* () {
      const { bindings, path, store } = yield* files
      const client = { id: "mine", secret: Redacted.make("configured-secret"), origin: "configured" } as const
      yield* store.update(place, () => ({ tokens: tokens("a"), client }))
      expect(readFileSync(path, "utf8") + readFileSync(bindings, "utf8")).not.toContain("configured-secret")
      expect((yield* store.read(place))?.client?.id).toBe("mine")
    }),
  )
})

describe("the files", () => {
  it.live("are for this person alone, whatever they were", () =>
    Effect.gen(function* () {
      const { bindings, directory, openCode, path, store } = yield* files
      yield* store.update(place, () => whole)
      const mode = (file: string) => (statSync(file).mode & 0o777).toString(8)
      expect([mode(directory), mode(path), mode(bindings)]).toEqual(["700", "600", "600"])
      openCode({ other: entry })
      chmodSync(path, 0o666)
      chmodSync(bindings, 0o644)
      yield* store.read(place)
      expect([mode(path), mode(bindings)]).toEqual(["600", "600"])
      chmodSync(path, 0o666)
      yield* store.update(place, () => ({ tokens: tokens("b") }))
      expect([mode(path), mode(bindings)]).toEqual(["600", "600"])
    }),
  )

  it.live("are found behind a link, which stays one", () =>
    Effect.gen(function* () {
      const { directory, path, store } = yield* files
      const real = join(directory, "..", "elsewhere", "real.json")
      mkdirSync(join(directory, "..", "elsewhere"), { recursive: true })
      mkdirSync(directory, { recursive: true })
      symlinkSync(real, path)
      yield* store.update(place, () => whole)
      expect(lstatSync(path).isSymbolicLink()).toBe(true)
      expect(Object.keys(JSON.parse(readFileSync(real, "utf8")))).toEqual(["issues"])
      expect(plain(yield* store.read(place))).toEqual(plain(whole))
    }),
  )

  it.live("that make no sense are left as they are, with a copy, and it is said what to do", () =>
    Effect.gen(function* () {
      const { directory, openCode, path, store } = yield* files
      const broken = `{ "issues": { "tokens": { "accessToken": "very-secret" `
      openCode(broken)
      for (const effect of [store.read(place), store.update(place, () => whole), store.list]) {
        const error = yield* Effect.flip(Effect.asVoid<unknown, AuthError, never>(effect))
        expect(error.message).toContain(path)
        expect(error.message).toContain("Repair it, or remove it and sign in again")
        expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain("very-secret")
      }
      expect(readFileSync(path, "utf8")).toBe(broken)
      const copies = readdirSync(directory).filter((name) => name.includes("corrupt"))
      expect(copies.map((name) => readFileSync(join(directory, name), "utf8"))).toEqual([broken])
      expect(copies.map((name) => statSync(join(directory, name)).mode & 0o777)).toEqual([0o600])
      expect(readdirSync(directory).filter((name) => name.endsWith(".lock"))).toEqual([])
    }),
  )

  it.live("beside OpenCode's that make no sense are not overwritten either", () =>
    Effect.gen(function* () {
      const { bindings, store } = yield* files
      yield* store.update(place, () => whole)
      for (const broken of ["[", "[]", `{ "version": 2, "records": {} }`]) {
        writeFileSync(bindings, broken)
        expect((yield* Effect.flip(store.update(place, () => ({})))).message).toContain(bindings)
        expect(readFileSync(bindings, "utf8")).toBe(broken)
      }
    }),
  )

  it.live("that OpenCode was about to fill lose nothing of ours", () =>
    Effect.gen(function* () {
      const { json, openCode, store } = yield* files
      yield* store.update(place, () => whole)
      openCode("")
      expect(plain(yield* store.read(place))).toEqual(plain(whole))
      yield* store.update(place, (current) => ({ ...current, wantedScope: "x" }))
      expect(Object.keys(json())).toEqual(["issues"])
    }),
  )

  it.live("that cannot be had are named, with what to do", () =>
    Effect.gen(function* () {
      const { directory } = yield* files
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, "file"), "")
      const store = make({ path: join(directory, "file", "mcp-auth.json") })
      const error = yield* Effect.flip(store.update(place, () => whole))
      expect(error.message).toContain(join(directory, "file", "mcp-auth.json"))
      expect(error.message).toContain("ENOTDIR")
      expect(error.message).toContain("See to it")
      expect(inspect(error, { depth: 9 })).not.toContain("at-1")
      const directoryError = yield* Effect.flip(make({ path: directory }).read(place))
      expect(directoryError.message).toContain(`the credentials in ${directory} cannot be read (EISDIR)`)
    }),
  )

  it.live("are rid of what writers that died have left", () =>
    Effect.gen(function* () {
      const { directory, path, store } = yield* files
      yield* store.update(place, () => whole)
      const left = [".mcp-auth.json.1-abc.tmp", ".mcp-auth-bindings.json.2-def.tmp"].map((name) =>
        join(directory, name),
      )
      for (const name of left) writeFileSync(name, "half")
      yield* store.update(place, () => ({}))
      expect(left.filter((name) => existsSync(name))).toEqual([])
      expect(readdirSync(directory).sort()).toEqual(["mcp-auth-bindings.json", "mcp-auth.json"])
      expect(existsSync(path)).toBe(true)
    }),
  )

  it.live("show no secret by way of what is read from them", () =>
    Effect.gen(function* () {
      const { store } = yield* files
      yield* store.update(place, () => whole)
      const shown = [yield* store.read(place), yield* store.list].map(
        (value) => inspect(value, { depth: 9 }) + JSON.stringify(value),
      )
      for (const secret of ["at-1", "client-secret", "dpop-private-key", "verifier-1"]) {
        expect(shown.join()).not.toContain(secret)
      }
    }),
  )

  it.live("are not written where nothing changes", () =>
    Effect.gen(function* () {
      const { path, store } = yield* files
      yield* store.update(place, () => whole)
      const before = statSync(path, { bigint: true }).mtimeNs
      yield* store.update(place, (current) => current)
      yield* store.update({ ...place, server: "none" }, () => undefined)
      expect(statSync(path, { bigint: true }).mtimeNs).toBe(before)
    }),
  )

  it.live("come as a Layer", () =>
    Effect.gen(function* () {
      const { path } = yield* files
      const keep = Effect.gen(function* () {
        const store = yield* CredentialStore
        yield* store.update(place, () => whole)
      })
      yield* Effect.provide(keep, CredentialStore.file({ path }))
      const read = Effect.flatMap(CredentialStore, (store) => store.read(place))
      expect(plain(yield* Effect.provide(read, CredentialStore.layer({ path })))).toEqual(plain(whole))
      expect(yield* Effect.provide(read, CredentialStore.memory)).toBe(undefined)
    }),
  )
})
