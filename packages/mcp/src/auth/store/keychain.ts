/**
 * The keychain of the platform, by the tool that comes with it: `security` on macOS, `secret-tool` (libsecret) elsewhere.
 *
 * What is kept there is short: the key of one server's credentials, which lie sealed by it in a file, because keychains
 * bound what they keep. No secret is ever an argument of a process.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { spawn } from "node:child_process"
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { type AuthError, fail, StoreFailed } from "../error.ts"
import { attempt, codeOf } from "../../process/system.ts"

/** Short secrets by account. */
export interface Keychain {
  readonly get: (account: string) => Effect.Effect<Redacted.Redacted<string> | undefined, AuthError>
  readonly set: (account: string, secret: Redacted.Redacted<string>) => Effect.Effect<void, AuthError>
  readonly remove: (account: string) => Effect.Effect<void, AuthError>
}

const service = "opencode-mcp"
/** A person may be asked to unlock it. */
const patience = "2 minutes"
const place = "the system keychain"
const instead = `or put "oauth": { "store": "file" } into the server's entry`

interface Ended {
  readonly code: number | null
  readonly output: string
  readonly said: string
}

/** What a tool says, so that it may be shown. */
const plain = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, 200)

const unusable = (detail: string, hint: string, cause?: unknown): AuthError =>
  fail(new StoreFailed({ place, detail, hint: `${hint}, ${instead}.`, cause }))

const run = (
  command: string,
  args: ReadonlyArray<string>,
  install: string,
  input = "",
): Effect.Effect<Ended, AuthError> =>
  Effect.callback<Ended, AuthError>((resume) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], windowsHide: true, env: process.env })
    let output = ""
    let said = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk))
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk))
    child.once("error", (cause) => {
      const missing = codeOf(cause) === "ENOENT"
      const detail = missing ? `cannot be reached: there is no ${command}` : `cannot be reached by ${command}`
      resume(Effect.fail(unusable(detail, missing ? install : "Run it by hand to see why", cause)))
    })
    child.once("close", (code) => resume(Effect.succeed({ code, output, said: plain(said) })))
    // It may have ended without reading.
    child.stdin.on("error", () => undefined)
    child.stdin.end(input)
    return Effect.sync(() => child.kill())
  }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(unusable(`did not answer ${command} in ${patience}`, "Unlock it")),
    }),
  )

const expectEnd = (command: string, { code, said }: Ended): Effect.Effect<void, AuthError> =>
  code === 0
    ? Effect.void
    : Effect.fail(
        unusable(
          `cannot be used: ${command} ended with ${code}${said === "" ? "" : ` (${said})`}`,
          "See to it that it runs and is unlocked",
        ),
      )

const secretOf = (output: string): Redacted.Redacted<string> | undefined =>
  output.trim() === "" ? undefined : Redacted.make(output.trim())

/** The Secret Service of a desktop: GNOME's keyring, KWallet, KeePassXC. */
const secretTool = (): Keychain => {
  const tool = (args: ReadonlyArray<string>, input?: string) =>
    run("secret-tool", args, "Install libsecret's tools (Debian: libsecret-tools)", input)
  const named = (account: string) => ["service", service, "account", account]
  return {
    get: (account) =>
      Effect.flatMap(tool(["lookup", ...named(account)]), (ended) =>
        // It says nothing where there is nothing.
        ended.code === 1 && ended.said === "" && ended.output === ""
          ? Effect.succeed(undefined)
          : Effect.as(expectEnd("secret-tool", ended), secretOf(ended.output)),
      ),
    set: (account, secret) =>
      Effect.flatMap(tool(["store", "--label=OpenCode MCP", ...named(account)], Redacted.value(secret)), (ended) =>
        expectEnd("secret-tool", ended),
      ),
    remove: (account) =>
      Effect.flatMap(tool(["clear", ...named(account)]), (ended) =>
        ended.code === 1 && ended.said === "" ? Effect.void : expectEnd("secret-tool", ended),
      ),
  }
}

/** `errSecItemNotFound`, as `security` ends with it. */
const notFound = 44

/** The keychain of macOS. */
export const macOs = (security = "/usr/bin/security"): Keychain => {
  const tool = (args: ReadonlyArray<string>, input?: string) =>
    run(security, args, "Reinstall macOS's security tool", input)
  const named = (account: string) => ["-s", service, "-a", account]
  return {
    get: (account) =>
      Effect.flatMap(tool(["find-generic-password", ...named(account), "-w"]), (ended) =>
        ended.code === notFound
          ? Effect.succeed(undefined)
          : Effect.as(expectEnd("security", ended), secretOf(ended.output)),
      ),
    // Its arguments would be seen by every process of the machine. Both are hexadecimal.
    set: (account, secret) => {
      const line = ["add-generic-password", "-U", ...named(account), "-w", Redacted.value(secret)].join(" ")
      return Effect.flatMap(tool(["-i"], `${line}\n`), (ended) => expectEnd("security", ended))
    },
    remove: (account) =>
      Effect.flatMap(tool(["delete-generic-password", ...named(account)]), (ended) =>
        ended.code === notFound ? Effect.void : expectEnd("security", ended),
      ),
  }
}

const none = (): Keychain => {
  const refuse = Effect.fail(
    fail(
      new StoreFailed({
        place,
        detail: `cannot be used: there is no support for that of ${process.platform} yet`,
        hint: `Put "oauth": { "store": "file" } into the server's entry.`,
      }),
    ),
  )
  return { get: () => refuse, set: () => refuse, remove: () => refuse }
}

/** The keychain of this platform. */
export const platform = (): Keychain =>
  process.platform === "darwin" ? macOs() : process.platform === "win32" ? none() : secretTool()

/** The key of an account; one is made and kept where there is none. */
export const keyOf = (keychain: Keychain, account: string): Effect.Effect<Redacted.Redacted<string>, AuthError> =>
  Effect.gen(function* () {
    const there = yield* keychain.get(account)
    if (there !== undefined) return there
    const key = Redacted.make(randomBytes(32).toString("hex"))
    yield* keychain.set(account, key)
    const kept = yield* keychain.get(account)
    // `security -i` ends well whatever came of its lines.
    if (kept !== undefined && Redacted.value(kept) === Redacted.value(key)) return key
    return yield* unusable("did not keep what it was given", "See to it that it is unlocked")
  })

/** AES-256-GCM (NIST SP 800-38D); `bound` is what the text belongs to: elsewhere it does not open. */
export const seal = (key: Redacted.Redacted<string>, bound: string, text: string): string => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(Redacted.value(key), "hex"), nonce)
  cipher.setAAD(Buffer.from(bound))
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url")
}

/** `undefined` where the key is not the one, or the text was changed. */
export const open = (
  key: Redacted.Redacted<string>,
  bound: string,
  sealed: string,
): Effect.Effect<string | undefined> =>
  Effect.orElseSucceed(
    attempt(() => {
      const bytes = Buffer.from(sealed, "base64url")
      const decipher = createDecipheriv("aes-256-gcm", Buffer.from(Redacted.value(key), "hex"), bytes.subarray(0, 12), {
        authTagLength: 16,
      })
      decipher.setAAD(Buffer.from(bound))
      decipher.setAuthTag(bytes.subarray(-16))
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString("utf8")
    }),
    () => undefined,
  )
