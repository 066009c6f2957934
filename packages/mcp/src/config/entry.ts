/**
 * A server's entry as a person writes it, in OpenCode 1's spelling (`enabled`, camelCase). OpenCode 2's spelling
 * (`disabled`, snake_case inside `oauth`) is brought to this one by `canonical` before it is decoded.
 *
 * These schemas apply no defaults: `decode` in `config.ts` does.
 */
import * as Schema from "effect/Schema"
import { revisions } from "../protocol/revision.ts"

// An identifier is what a person reads after "expected".
const text = Schema.String.annotate({ identifier: "a string" })
// The operating system ends an argument, a variable and a path at NUL.
const noNul = "a string without NUL"
const plain = Schema.String.check(
  Schema.makeFilter((value: string) => !value.includes("\0"), { expected: noNul }),
).annotate({ identifier: "a string" })
const flag = Schema.Boolean.annotate({ identifier: "true or false" })
const strings = Schema.Array(text).annotate({ identifier: "an array of strings" })
const notEmpty = "a string that is not empty"
const nonEmpty = plain.check(Schema.isNonEmpty({ expected: notEmpty })).annotate({ identifier: notEmpty })
const table = Schema.Record(Schema.String, text).annotate({ identifier: "an object of strings" })

const list = (values: ReadonlyArray<string>) =>
  values
    .map((value) => JSON.stringify(value))
    .join(", ")
    .replace(/, ([^,]*)$/, " or $1")

const oneOf = <const L extends ReadonlyArray<string>>(values: L) =>
  Schema.Literals(values).annotate({ identifier: list(values) })

const whole = (maximum: number, expected: string) =>
  Schema.Number.check(
    Schema.makeFilter((value: number) => Number.isInteger(value) && value > 0 && value <= maximum, { expected }),
  ).annotate({ identifier: expected })

const count = whole(Number.MAX_SAFE_INTEGER, "a whole number above 0")
// A timer of the runtime holds no more than 31 bits of milliseconds, and fires at once beyond.
/** A span of time. */
export const Milliseconds = whole(2 ** 31 - 1, "whole milliseconds above 0, at most 2147483647")
const port = whole(65_535, "a port from 1 to 65535")

const program = "an array of strings, the program first"
const command = Schema.TupleWithRest(
  Schema.Tuple([nonEmpty.pipe(Schema.annotateKey({ messageMissingKey: "Expected the program's name" }))]),
  [plain],
).annotate({ identifier: program })

const isHttp = (value: string) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
const url = "an http: or https: URL"
const httpUrl = text.check(Schema.makeFilter(isHttp, { expected: url })).annotate({ identifier: url })

const required = <S extends Schema.Top>(schema: S, expected: string) =>
  schema.pipe(Schema.annotateKey({ messageMissingKey: `Expected ${expected}` }))

const environment = Schema.Record(Schema.String, plain)
  .check(
    Schema.makeFilter((value: Readonly<Record<string, string>>) => {
      const name = Object.keys(value).find((key) => !/^[^=\0]+$/.test(key))
      return name === undefined ? undefined : { path: [name], issue: "Expected the name of a variable, without =" }
    }),
  )
  .annotate({ identifier: "an object of strings" })

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// Tab is the one control character that RFC 9110 §5.5 allows in a value.
const control = /[\u0000-\u0008\u000a-\u001f\u007f]/

const headers = table
  .check(
    Schema.makeFilter((value: Readonly<Record<string, string>>) => {
      const name = Object.keys(value).find((key) => !headerName.test(key))
      if (name !== undefined) return { path: [name], issue: "Expected the name of a header (RFC 9110 §5.1)" }
      const pair = Object.entries(value).find((pair) => control.test(pair[1]))
      return pair === undefined ? undefined : { path: [pair[0]], issue: "Expected a value without control characters" }
    }),
  )
  .annotate({ identifier: "an object of strings" })

const timeouts = Schema.Struct({
  startup: Schema.optionalKey(Milliseconds),
  catalog: Schema.optionalKey(Milliseconds),
  execution: Schema.optionalKey(Milliseconds),
})

/** Milliseconds: one number for start-up, listing and calls alike, or each by its name. */
export const Timeout = Schema.Union([Milliseconds, timeouts]).annotate({
  identifier: "milliseconds, or an object of startup, catalog and execution",
})
export type Timeout = typeof Timeout.Type

const tools = Schema.Struct({
  allow: Schema.optionalKey(strings),
  deny: Schema.optionalKey(strings),
}).annotate({ identifier: "an object of allow and deny" })

const sampling = Schema.Struct({
  approve: Schema.optionalKey(oneOf(["ask", "always", "never"])),
  requestsPerMinute: Schema.optionalKey(count),
  tokensPerHour: Schema.optionalKey(count),
}).annotate({ identifier: "an object of approve, requestsPerMinute and tokensPerHour" })

const limits = Schema.Struct({
  message: Schema.optionalKey(count),
  event: Schema.optionalKey(count),
  body: Schema.optionalKey(count),
  stderr: Schema.optionalKey(count),
}).annotate({ identifier: "an object of message, event, body and stderr" })

const isPin = (value: string) => /^\s*(?:sha256\/)?[A-Za-z0-9+/_-]{43}=?\s*$/i.test(value)
const keyHash = "the SHA-256 of a public key: 44 characters of base64, with or without sha256/ before them"
const pin = text.check(Schema.makeFilter(isPin, { expected: keyHash })).annotate({ identifier: keyHash })

const tls = Schema.Struct({
  ca: Schema.optionalKey(nonEmpty),
  cert: Schema.optionalKey(nonEmpty),
  key: Schema.optionalKey(nonEmpty),
  passphrase: Schema.optionalKey(text),
  pin: Schema.optionalKey(pin),
}).annotate({ identifier: "an object of ca, cert, key, passphrase and pin" })
export type Tls = typeof tls.Type

const grants = [
  "authorization_code",
  "client_credentials",
  "private_key_jwt",
  "workload_identity",
  "enterprise",
] as const

const oauthFields = {
  clientId: Schema.optionalKey(nonEmpty),
  clientSecret: Schema.optionalKey(nonEmpty),
  scope: Schema.optionalKey(text),
  callbackPort: Schema.optionalKey(port),
  redirectUri: Schema.optionalKey(httpUrl),
  grant: Schema.optionalKey(oneOf(grants)),
  store: Schema.optionalKey(oneOf(["file", "keychain"])),
  privateKey: Schema.optionalKey(nonEmpty),
  algorithm: Schema.optionalKey(nonEmpty),
  keyId: Schema.optionalKey(nonEmpty),
  token: Schema.optionalKey(nonEmpty),
  tokenFile: Schema.optionalKey(nonEmpty),
  idpIssuer: Schema.optionalKey(httpUrl),
  idpClientId: Schema.optionalKey(nonEmpty),
  idpClientSecret: Schema.optionalKey(nonEmpty),
  idToken: Schema.optionalKey(nonEmpty),
}

const grantNeeds: Readonly<Record<string, ReadonlyArray<ReadonlyArray<keyof typeof oauthFields>>>> = {
  client_credentials: [["clientId"], ["clientSecret"]],
  private_key_jwt: [["clientId"], ["privateKey"]],
  workload_identity: [["token", "tokenFile"]],
  enterprise: [["idpIssuer"], ["idpClientId"]],
}

const oauthObject = Schema.Struct(oauthFields).check(
  Schema.makeFilter((value) =>
    (grantNeeds[value.grant ?? "authorization_code"] ?? []).flatMap((fields) =>
      fields.some((field) => value[field] !== undefined)
        ? []
        : [{ path: fields.slice(0, 1), issue: `Expected ${fields.join(" or ")}, for the grant ${value.grant}` }],
    ),
  ),
)
export type OAuth = typeof oauthObject.Type

const oauthOrFalse = "an object, or false"
const oauth = Schema.Union([Schema.Literal(false).annotate({ identifier: oauthOrFalse }), oauthObject]).annotate({
  identifier: oauthOrFalse,
})

const common = {
  enabled: Schema.optionalKey(flag),
  timeout: Schema.optionalKey(Timeout),
  protocol: Schema.optionalKey(oneOf(["auto", "legacy", ...revisions])),
  roots: Schema.optionalKey(
    Schema.Union([strings, Schema.Literal(false)]).annotate({
      identifier: "an array of paths or file: URIs, or false",
    }),
  ),
  keepAlive: Schema.optionalKey(Milliseconds),
  trusted: Schema.optionalKey(flag),
  tools: Schema.optionalKey(tools),
  sampling: Schema.optionalKey(sampling),
  limits: Schema.optionalKey(limits),
}

/** A local server's entry. */
export const Local = Schema.Struct({
  type: Schema.Literal("local"),
  command: required(command, program),
  cwd: Schema.optionalKey(nonEmpty),
  environment: Schema.optionalKey(environment),
  inheritEnvironment: Schema.optionalKey(flag),
  sleep: Schema.optionalKey(Milliseconds),
  shared: Schema.optionalKey(flag),
  ...common,
})
export type Local = typeof Local.Type

/** A remote server's entry. */
export const Remote = Schema.Struct({
  type: Schema.Literal("remote"),
  url: required(httpUrl, url),
  headers: Schema.optionalKey(headers),
  oauth: Schema.optionalKey(oauth),
  headersHelper: Schema.optionalKey(command),
  tls: Schema.optionalKey(tls),
  proxy: Schema.optionalKey(
    Schema.Union([httpUrl, Schema.Literal(false)]).annotate({ identifier: `${url}, or false` }),
  ),
  ...common,
})
export type Remote = typeof Remote.Type

/** A server's entry, in OpenCode 1's spelling. */
export const Entry = Schema.Union([Local, Remote])
export type Entry = typeof Entry.Type

/** The fields that an object inside an entry may have; objects that are not here take any. */
export const inner: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["timeout", Object.keys(timeouts.fields)],
  ["tools", Object.keys(tools.fields)],
  ["sampling", Object.keys(sampling.fields)],
  ["limits", Object.keys(limits.fields)],
  ["tls", Object.keys(tls.fields)],
  ["oauth", Object.keys(oauthFields)],
])
