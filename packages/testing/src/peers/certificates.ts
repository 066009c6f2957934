/** Certificates made on the spot: authorities that nobody trusts, and what they sign. X.509 v3 with keys on P-256. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"

export interface Certificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
  /** As the field `tls.pin` has it, without `sha256/`. */
  readonly pin: string
}

export interface Authority extends Certificate {
  /** A certificate for these host names and addresses; the first is its common name. */
  readonly issue: (names: ReadonlyArray<string>, validity?: Validity) => Certificate
  readonly name: string
}

/** Days from now, negative for the past. Default: from yesterday for a year. */
export interface Validity {
  readonly from: number
  readonly to: number
}

const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, Math.floor(length / 256), length % 256]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>) => der(0x30, ...parts)

const oid = (...bytes: ReadonlyArray<number>) => der(0x06, Buffer.from(bytes))

/** ecdsa-with-SHA256. */
const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))

const named = (name: string) => sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(name)))))

const day = 24 * 60 * 60 * 1000

const time = (days: number) => {
  const text = new Date(Date.now() + days * day).toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "")
  return der(0x18, Buffer.from(text))
}

const alternative = (name: string) =>
  /^\d+\.\d+\.\d+\.\d+$/.test(name) ? der(0x87, Buffer.from(name.split(".").map(Number))) : der(0x82, Buffer.from(name))

const extension = (id: number, value: Uint8Array, critical = false) =>
  sequence(oid(0x55, 0x1d, id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value))

const pem = (label: string, bytes: Buffer) =>
  `-----BEGIN ${label}-----\n${(bytes.toString("base64").match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${label}-----\n`

const signed = (options: {
  readonly issuer: string
  readonly by: KeyObject | undefined
  readonly subject: string
  readonly names: ReadonlyArray<string> | undefined
  readonly validity: Validity
}) => {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const spki = pair.publicKey.export({ type: "spki", format: "der" })
  const { issuer, names, subject, validity } = options
  const extensions =
    names === undefined
      ? [extension(0x13, sequence(der(0x01, Buffer.from([0xff]))), true)]
      : [extension(0x11, sequence(...names.map(alternative)))]
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    named(issuer),
    sequence(time(validity.from), time(validity.to)),
    named(subject),
    spki,
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign("sha256", content, options.by ?? pair.privateKey)
  const certificate = sequence(content, algorithm, der(0x03, Buffer.from([0]), signature))
  return {
    pair,
    cert: pem("CERTIFICATE", certificate),
    key: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    pin: createHash("sha256").update(spki).digest("base64"),
  }
}

const usual: Validity = { from: -1, to: 365 }

/** An authority of its own. */
export const authority = (name = "Test authority"): Authority => {
  const own = signed({ issuer: name, by: undefined, subject: name, names: undefined, validity: usual })
  return {
    name,
    cert: own.cert,
    key: own.key,
    pin: own.pin,
    issue: (names, validity = usual) => {
      const { cert, key, pin } = signed({
        issuer: name,
        by: own.pair.privateKey,
        subject: names[0] ?? "",
        names,
        validity,
      })
      return { cert, key, pin }
    },
  }
}

/** A certificate that only its own key speaks for. */
export const selfSigned = (names: ReadonlyArray<string>): Certificate => {
  const { cert, key, pin } = signed({
    issuer: names[0] ?? "",
    by: undefined,
    subject: names[0] ?? "",
    names,
    validity: usual,
  })
  return { cert, key, pin }
}
