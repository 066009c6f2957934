/**
 * TLS of a server's own: authorities, a client certificate, a pin. It reads and checks what the entry names, before
 * anything is connected to, and judges no connection (`connector.ts` does).
 */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto"
import { readFile, stat } from "node:fs/promises"
import { homedir } from "node:os"
import { resolve } from "node:path"
import { createSecureContext, getCACertificates, type SecureContext, type TLSSocket } from "node:tls"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { HttpError, InvalidSetting } from "./error.ts"
import { isPath, isPem } from "./pem.ts"

/** What an entry says: each but `passphrase` and `pin` is a file's path, or the PEM itself. */
export interface TlsSettings {
  /** Authorities that are trusted beside the system's. */
  readonly ca?: string | undefined
  /** A client certificate and its key: shown to hosts that the person configured, and to no others. */
  readonly cert?: string | undefined
  readonly key?: Redacted.Redacted<string> | undefined
  readonly passphrase?: Redacted.Redacted<string> | undefined
  /** SHA-256 of the server's public key (SPKI), base64, with or without `sha256/` before it. */
  readonly pin?: string | undefined
  /** What paths are relative to. Default: the working directory of the process. */
  readonly directory?: string | undefined
}

/** TLS, ready for use. */
export interface Security {
  /** For any host. `undefined`: the runtime's own. */
  readonly trust: SecureContext | undefined
  /** The same with the client certificate. */
  readonly identity: SecureContext | undefined
  readonly pin: string | undefined
}

/** TLS of a server whose entry says nothing. */
export const none: Security = { trust: undefined, identity: undefined, pin: undefined }

/** Certificates are a few kilobytes, all authorities of a system half a megabyte. In bytes. */
const limit = 4 * 1024 * 1024

const told: Readonly<Record<string, string>> = {
  ENOENT: "which is not there",
  ENOTDIR: "which is not there",
  EACCES: "which may not be read",
  EPERM: "which may not be read",
  EISDIR: "which is a directory",
}

const correct = "Correct it in the server's entry."

const wrong = (field: string, detail: string, hint = correct): HttpError =>
  new HttpError({ reason: new InvalidSetting({ field, detail, hint }) })

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown"

/** A value of the entry, and where its text came from. */
interface Text {
  readonly text: string
  /** " of /a/file", where it is one. */
  readonly of: string
}

const read = (field: string, value: string, directory: string | undefined): Effect.Effect<Text, HttpError> =>
  Effect.gen(function* () {
    if (isPem(value)) return { text: value, of: "" }
    const path = /^~[/\\]/.test(value) ? resolve(homedir(), value.slice(2)) : resolve(directory ?? "", value)
    // What was meant to be a path may be the key itself.
    const isShown = field === "tls.key" ? isPath(value) : !/[\r\n]/.test(value)
    const shown = isShown ? `the file ${JSON.stringify(path.slice(0, 1_024))}` : "a file"
    const asked = <A>(work: () => Promise<A>) =>
      Effect.tryPromise({
        try: work,
        catch: (error) => {
          const code = codeOf(error)
          return wrong(field, `names ${shown}, ${told[code] ?? `which cannot be read (${code})`}`)
        },
      })
    const { size } = yield* asked(() => stat(path))
    if (size > limit) return yield* wrong(field, `names ${shown}, which is too large to be one`)
    return { text: yield* asked(() => readFile(path, "latin1")), of: isShown ? ` (${path})` : "" }
  })

const blocks = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

const certificates = (field: string, { of, text }: Text): Effect.Effect<ReadonlyArray<X509Certificate>, HttpError> => {
  const found = text.match(blocks) ?? []
  if (found.length === 0) return Effect.fail(wrong(field, `holds no certificate in PEM${of}`))
  return Effect.try({
    try: () => found.map((pem) => new X509Certificate(pem)),
    catch: () => wrong(field, `holds a certificate that cannot be read${of}`),
  })
}

const privateKey = (text: Text, passphrase: string | undefined): Effect.Effect<KeyObject, HttpError> =>
  Effect.try({
    try: () => createPrivateKey({ key: text.text, ...(passphrase === undefined ? {} : { passphrase }) }),
    catch: () => {
      if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text.text)) {
        return wrong("tls.key", `holds no private key in PEM${text.of}`)
      }
      const encrypted = /ENCRYPTED/.test(text.text)
      if (!encrypted) return wrong("tls.key", `holds a private key that cannot be read${text.of}`)
      if (passphrase !== undefined) return wrong("tls.passphrase", `does not open the private key${text.of}`)
      const hint = `Add "passphrase" to "tls" in the server's entry.`
      return wrong("tls.key", `holds a private key that is encrypted${text.of}`, hint)
    },
  })

/** The certificate that belongs to the key, and those of its authorities. */
const identityOf = (settings: TlsSettings): Effect.Effect<{ cert: string; key: string } | undefined, HttpError> =>
  Effect.gen(function* () {
    const { cert, directory, key } = settings
    if (cert === undefined && key === undefined) return undefined
    if (key === undefined) return yield* wrong("tls.cert", `needs "tls.key" beside it`, `Add "key" to "tls".`)
    if (cert === undefined) return yield* wrong("tls.key", `needs "tls.cert" beside it`, `Add "cert" to "tls".`)
    const chain = yield* read("tls.cert", cert, directory)
    const [own] = yield* certificates("tls.cert", chain)
    const pem = yield* read("tls.key", Redacted.value(key), directory)
    const passphrase = settings.passphrase === undefined ? undefined : Redacted.value(settings.passphrase)
    const secret = yield* privateKey(pem, passphrase)
    if (own?.checkPrivateKey(secret) !== true) {
      return yield* wrong("tls.key", `is not the key of the certificate in "tls.cert"${pem.of}`)
    }
    return { cert: chain.text, key: secret.export({ type: "pkcs8", format: "pem" }).toString() }
  })

/** The bytes of a pin in the one spelling that pins are compared in, or nothing where it is none. */
export const canonicalPin = (pin: string): string | undefined => {
  const text = pin.trim().replace(/^sha256\//i, "")
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined
  return Buffer.from(text, "base64").toString("base64")
}

const contextOf = (options: Parameters<typeof createSecureContext>[0]): Effect.Effect<SecureContext, HttpError> =>
  Effect.try({
    try: () => createSecureContext(options),
    catch: (error) => wrong("tls", `cannot be used (${codeOf(error)})`),
  })

/** Reads and checks what the entry names. Fails with `InvalidSetting`, which names the field, and the file. */
export const load = (settings: TlsSettings | undefined): Effect.Effect<Security, HttpError> =>
  Effect.gen(function* () {
    if (settings === undefined) return none
    const pin = settings.pin === undefined ? undefined : canonicalPin(settings.pin)
    if (settings.pin !== undefined && pin === undefined) {
      return yield* wrong("tls.pin", "is no SHA-256 of a public key: expected 44 characters of base64")
    }
    const authorities =
      settings.ca === undefined
        ? undefined
        : yield* Effect.flatMap(read("tls.ca", settings.ca, settings.directory), (text) => certificates("tls.ca", text))
    const ca =
      authorities === undefined
        ? {}
        : { ca: [...getCACertificates("default"), ...authorities.map((one) => one.toString())] }
    const identity = yield* identityOf(settings)
    return {
      pin,
      trust: authorities === undefined ? undefined : yield* contextOf(ca),
      identity: identity === undefined ? undefined : yield* contextOf({ ...ca, ...identity }),
    }
  })

/** The pin of the key that the other end showed. */
export const pinOf = (socket: TLSSocket): string | undefined =>
  Result.getOrUndefined(
    Result.try(() => {
      const key = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" })
      return key === undefined ? undefined : createHash("sha256").update(key).digest("base64")
    }),
  )
