/** What is kept in the system keychain, by way of a `secret-tool` of the tests' own. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { Credentials } from "../../src/auth/store.ts"
import { make } from "../../src/auth/store/file.ts"
import { macOs, platform } from "../../src/auth/store/keychain.ts"

const place = { server: "bank", url: "https://bank.example/mcp", store: "keychain" } as const

const whole = (access: string): Credentials => ({
  issuer: "https://login.bank.example",
  tokens: { access: Redacted.make(access), refresh: Redacted.make("refresh-secret"), type: "Bearer", scope: "pay" },
  client: { id: "client-1", secret: Redacted.make("client-secret"), origin: "registered" },
  dpopKey: Redacted.make("dpop-secret"),
})

const secrets = ["access-secret", "refresh-secret", "client-secret", "dpop-secret"]

/** Keeps each secret in a file, and every command line in another. */
const secretTool = (directory: string) => `#!/bin/sh
echo "$@" >> "${directory}/argv"
for last; do :; done
case "$1" in
  store) cat > "${directory}/items/$last" ;;
  lookup) [ -f "${directory}/items/$last" ] || exit 1; cat "${directory}/items/$last" ;;
  clear) [ -f "${directory}/items/$last" ] || exit 1; rm "${directory}/items/$last" ;;
esac
`

/** `security` of macOS, as far as it is used: what is not found ends with 44, and `-i` always well. */
const security = (directory: string) => `#!/bin/sh
echo "$@" >> "${directory}/argv"
case "$1" in
  -i) read line; set -- $line; [ "$1 $2 $3 $5 $7" = "add-generic-password -U -s -a -w" ] && echo "$8" > "${directory}/items/$6"; exit 0 ;;
  find-generic-password) [ "$6" = -w ] && [ -f "${directory}/items/$5" ] || exit 44; cat "${directory}/items/$5" ;;
  delete-generic-password) rm "${directory}/items/$5" 2> /dev/null || exit 44 ;;
esac
`

/** A directory whose programs are the only ones that are found. */
const withTool = Effect.fnUntraced(function* (script: ((directory: string) => string) | undefined) {
  const directory = yield* temporaryDirectory
  mkdirSync(join(directory, "items"))
  if (script !== undefined) writeFileSync(join(directory, "secret-tool"), script(directory), { mode: 0o755 })
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const before = process.env["PATH"]
      process.env["PATH"] = script === undefined ? directory : `${directory}:${before}`
      return before
    }),
    (before) => Effect.sync(() => (process.env["PATH"] = before)),
  )
  const path = join(directory, "mcp-auth.json")
  return {
    directory,
    path,
    store: make({ path, keychain: platform() }),
    items: () => readdirSync(join(directory, "items")),
    /** Everything that lies in files, and what was an argument of a process. */
    everything: () =>
      readdirSync(directory)
        .filter((name) => name !== "items")
        .map((name) => readFileSync(join(directory, name), "utf8"))
        .join("\n"),
  }
})

const access = (credentials: Credentials | undefined) =>
  credentials?.tokens === undefined ? undefined : Redacted.value(credentials.tokens.access)

// The keychain of macOS is asked by another program, and that of Windows not at all.
describe.skipIf(process.platform === "darwin" || process.platform === "win32")("credentials in the keychain", () => {
  it.live("are kept and read, and no secret is in a file or an argument", () =>
    Effect.gen(function* () {
      const { everything, items, path, store } = yield* withTool(secretTool)
      yield* store.update(place, () => whole("access-secret"))
      const next = make({ path, keychain: platform() })
      const read = yield* next.read(place)
      expect(access(read)).toBe("access-secret")
      expect([read?.issuer, read?.tokens?.scope, read?.client?.id]).toEqual([
        "https://login.bank.example",
        "pay",
        "client-1",
      ])
      for (const secret of secrets) expect(everything()).not.toContain(secret)
      expect(items().length).toBe(1)
      expect(everything()).not.toContain(readFileSync(join(path, "..", "items", items()[0] ?? ""), "utf8"))
      yield* next.update(place, (current) => ({ ...current, ...whole("access-secret-2") }))
      expect(access(yield* store.read(place))).toBe("access-secret-2")
      for (const secret of secrets) expect(everything()).not.toContain(secret)
    }),
  )

  it.live("are forgotten with their key", () =>
    Effect.gen(function* () {
      const { items, store } = yield* withTool(secretTool)
      yield* store.update(place, () => whole("a"))
      yield* store.update(place, () => undefined)
      expect(yield* store.read(place)).toBe(undefined)
      expect(items()).toEqual([])
      expect(yield* store.list).toEqual([])
    }),
  )

  it.live("lie beside those of servers that are kept in the file", () =>
    Effect.gen(function* () {
      const { path, store } = yield* withTool(secretTool)
      const other = { server: "notes", url: "https://notes.example/mcp", store: "file" } as const
      yield* store.update(place, () => whole("in-keychain"))
      yield* store.update(other, () => whole("in-file"))
      expect(Object.keys(JSON.parse(readFileSync(path, "utf8")))).toEqual(["notes"])
      const all = yield* store.list
      expect(all.map(({ credentials, server, store }) => [server, store, access(credentials)])).toEqual([
        ["bank", "keychain", "in-keychain"],
        ["notes", "file", "in-file"],
      ])
    }),
  )

  it.live("move to it when it is chosen, and back", () =>
    Effect.gen(function* () {
      const { items, path, store } = yield* withTool(secretTool)
      const inFile = { ...place, store: "file" } as const
      yield* store.update(inFile, () => whole("access-secret"))
      expect(access(yield* store.read(place))).toBe("access-secret")
      yield* store.update(place, (current) => ({ ...current, wantedScope: "x" }))
      expect(readFileSync(path, "utf8")).not.toContain("secret")
      expect(access(yield* store.read(inFile))).toBe("access-secret")
      yield* store.update(inFile, (current) => ({ ...current, wantedScope: "y" }))
      expect(readFileSync(path, "utf8")).toContain("access-secret")
      expect(items()).toEqual([])
    }),
  )

  it.live("are nothing to another server, whatever is copied in the file", () =>
    Effect.gen(function* () {
      const { items, path, store } = yield* withTool(secretTool)
      yield* store.update(place, () => whole("of-bank"))
      const evil = { ...place, url: "https://evil.example/mcp" }
      yield* store.update(evil, () => whole("of-evil"))
      const bindings = path.replace(".json", "-bindings.json")
      const file = JSON.parse(readFileSync(bindings, "utf8"))
      file.records[1].sealed = file.records[0].sealed
      writeFileSync(bindings, JSON.stringify(file))
      const [one = "", two = ""] = items().map((name) => join(path, "..", "items", name))
      writeFileSync(one, readFileSync(two))
      expect(access(yield* store.read(evil))).toBe(undefined)
    }),
  )

  it.live("are missed with what to do where there is no keychain, and the rest goes on", () =>
    Effect.gen(function* () {
      const { store } = yield* withTool(undefined)
      const error = yield* Effect.flip(store.update(place, () => whole("access-secret")))
      expect(error.reason._tag).toBe("StoreFailed")
      expect(error.message).toContain("the system keychain cannot be reached: there is no secret-tool")
      expect(error.message).toContain(`"store": "file"`)
      expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain("access-secret")
      const inFile = { ...place, store: "file" } as const
      yield* store.update(inFile, () => whole("a"))
      expect(access(yield* store.read(inFile))).toBe("a")
    }),
  )

  it.live("are listed where the keychain cannot be opened", () =>
    Effect.gen(function* () {
      const { directory, store } = yield* withTool(secretTool)
      yield* store.update(place, () => whole("a"))
      const headless = `#!/bin/sh\nprintf 'secret-tool: Cannot autolaunch D-Bus without X11 \\033[31m$DISPLAY\\n' >&2\nexit 1\n`
      writeFileSync(join(directory, "secret-tool"), headless, { mode: 0o755 })
      const error = yield* Effect.flip(store.read(place))
      expect(error.message).toContain("Cannot autolaunch D-Bus without X11")
      expect(error.message).not.toContain("\u001b")
      const [listed] = yield* store.list
      expect([listed?.server, listed?.url, listed?.credentials.issuer]).toEqual([
        "bank",
        "https://bank.example/mcp",
        "https://login.bank.example",
      ])
    }),
  )

  it.live("are refused where the keychain does not keep what it is given", () =>
    Effect.gen(function* () {
      const { path, store } = yield* withTool(() => `#!/bin/sh\ncat > /dev/null\n[ "$1" = store ]\n`)
      const error = yield* Effect.flip(store.update(place, () => whole("a")))
      expect(error.message).toContain("did not keep what it was given")
      expect(readdirSync(join(path, "..")).filter((name) => name.startsWith("mcp-auth"))).toEqual([])
    }),
  )

  it.live("are asked of macOS by its own tool, which is told no secret by an argument", () =>
    Effect.gen(function* () {
      const { directory, everything, items, path } = yield* withTool(security)
      const store = make({ path, keychain: macOs(join(directory, "secret-tool")) })
      expect(yield* store.read(place)).toBe(undefined)
      yield* store.update(place, () => whole("access-secret"))
      expect(access(yield* store.read(place))).toBe("access-secret")
      for (const secret of secrets) expect(everything()).not.toContain(secret)
      expect(everything()).not.toContain(readFileSync(join(directory, "items", items()[0] ?? ""), "utf8").trim())
      yield* store.update(place, () => undefined)
      expect(items()).toEqual([])
    }),
  )
})
