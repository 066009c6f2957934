/**
 * A configured server, decoded: one readonly model for the two shapes that OpenCode writes, with every default applied.
 *
 * `decode` is pure. It opens no file and reads no environment: finding, merging and substituting is the host's part
 * (`packages/opencode/src/config`). What a person writes is described, as a schema, in `config/entry.ts`.
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Entry from "./config/entry.ts"
import { problemsOf, unknownFields, type Problem } from "./config/problem.ts"
import { canonical } from "./config/shape.ts"
import { isObject } from "./protocol/jsonrpc.ts"
import type { Revision } from "./protocol/revision.ts"

/** How long each part of a server's work may take, in milliseconds. */
export interface Timeout {
  /** Spawning or reaching the server and its `initialize`. Default 30,000. */
  readonly startup: number
  /** Each request of a listing: tools, prompts, resources, templates. Default 30,000. */
  readonly catalog: number
  /** A call without progress: an idle timeout, which each progress notification starts anew. Default 300,000. */
  readonly execution: number
}

/** The most that one thing a server sends may weigh, in bytes. What is over it fails alone. */
export interface Limits {
  /** One stdio line. Default 64 MiB. */
  readonly message: number
  /** One server-sent event. Default 64 MiB. */
  readonly event: number
  /** One HTTP body. Default 64 MiB. */
  readonly body: number
  /** What is kept of a local server's stderr. Default 1 MiB. */
  readonly stderr: number
}

/** Which of a server's tools are offered, by `*` and `?` wildcards over their own names. What `deny` names is out. */
export interface ToolFilter {
  /** Default `["*"]`. */
  readonly allow: ReadonlyArray<string>
  /** Default `[]`. */
  readonly deny: ReadonlyArray<string>
}

/** What a server may ask of the model. */
export interface SamplingPolicy {
  /** Default `"ask"`. */
  readonly approve: "ask" | "always" | "never"
  /** Default 10. */
  readonly requestsPerMinute: number
  /** Default 100,000. */
  readonly tokensPerHour: number
}

/** TLS of a remote server; each value a file's path or the PEM itself. Absent: the system's. */
export interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: Redacted.Redacted<string>
  readonly passphrase?: Redacted.Redacted<string>
  /** SHA-256 of the server's public key (SPKI), base64, with or without `sha256/` before it. */
  readonly pin?: string
}

interface OAuthCommon {
  /** A registered client, or an `https:` URL: then a client ID metadata document. Absent: dynamic registration. */
  readonly clientId?: string
  readonly clientSecret?: Redacted.Redacted<string>
  /** Space-separated (RFC 6749 §3.3). It is what is asked for, whatever a challenge or the metadata name. */
  readonly scope?: string
  /** Port of the callback server, 1 to 65,535. Ignored where `redirectUri` is set. Default 19876. */
  readonly callbackPort?: number
  /** Default `http://127.0.0.1:19876/mcp/oauth/callback`. */
  readonly redirectUri?: string
  /** Where tokens are kept. Default `"file"`. */
  readonly store: "file" | "keychain"
}

/** How a token is obtained, and what that way needs. */
export type OAuth =
  | (OAuthCommon & { readonly grant: "authorization_code" })
  | (OAuthCommon & { readonly grant: "client_credentials" })
  | (OAuthCommon & {
      /** The client authenticates with a signed assertion (RFC 7523 §2.2). */
      readonly grant: "private_key_jwt"
      /** A file's path or the PEM (PKCS #8) itself. */
      readonly privateKey: Redacted.Redacted<string>
      /** Default `"ES256"`. */
      readonly algorithm: string
      readonly keyId?: string
    })
  | (OAuthCommon & {
      /** The workload's own token is exchanged (RFC 7523 §2.1). */
      readonly grant: "workload_identity"
      readonly token?: Redacted.Redacted<string>
      /** Read anew for every exchange, because such tokens rotate. */
      readonly tokenFile?: string
    })
  | (OAuthCommon & {
      /** Enterprise-managed authorization: the identity provider's ID token becomes an ID-JAG (RFC 8693). */
      readonly grant: "enterprise"
      readonly idpIssuer: string
      readonly idpClientId: string
      readonly idpClientSecret?: Redacted.Redacted<string>
      readonly idToken?: Redacted.Redacted<string>
    })

interface Common {
  /** As configured: any string, `__proto__` included. Keep servers in a `Map`, never under a plain object's keys. */
  readonly name: string
  /** Whether it is connected at the start. Default `true`. */
  readonly enabled: boolean
  readonly timeout: Timeout
  /** `"legacy"` (up to 2025-11-25) is the default of a local server, `"auto"` of a remote one. */
  readonly protocol: "auto" | "legacy" | Revision
  /** Paths or `file://` URIs, `false` for none at all, `"auto"` (the default) for what the host finds. */
  readonly roots: "auto" | false | ReadonlyArray<string>
  /** Milliseconds between pings; a ping unanswered for as long ends the connection. Absent: off. */
  readonly keepAlive?: number
  /** Its annotations may relax permission questions. Default `false`. */
  readonly trusted: boolean
  readonly tools: ToolFilter
  readonly sampling: SamplingPolicy
  readonly limits: Limits
}

/** A program started here, spoken to over its standard input and output. */
export interface LocalServer extends Common {
  readonly type: "local"
  /** The program and its arguments. No shell is involved. */
  readonly command: readonly [string, ...Array<string>]
  /** Relative to the project's directory. Absent: that directory. */
  readonly cwd?: string
  readonly environment: ReadonlyMap<string, string>
  /** Whether the program sees the whole environment of this process. Default `true`. */
  readonly inheritEnvironment: boolean
  /** Milliseconds of idleness after which it is stopped until the next call. Absent: never. */
  readonly sleep?: number
  /** One process for all OpenCode processes of the project. Default `false`. */
  readonly shared: boolean
}

/** A server reached over HTTP. */
export interface RemoteServer extends Common {
  readonly type: "remote"
  /** Always `http:` or `https:`, without a fragment. */
  readonly url: URL
  /** Sent to the origin of `url` alone, with every request. Names as written. */
  readonly headers: ReadonlyMap<string, Redacted.Redacted<string>>
  /** `false`: no authorization is attempted. */
  readonly oauth: OAuth | false
  /** A program whose output is a JSON object of headers. */
  readonly headersHelper?: readonly [string, ...Array<string>]
  readonly tls?: Tls
  /** A proxy's URL, or `false` for a direct connection. Absent: what the environment says. */
  readonly proxy?: Redacted.Redacted<string> | false
}

/** One configured server with every default applied. */
export type ServerConfig = LocalServer | RemoteServer

/** Timeouts of the section, for the servers that name none, in milliseconds. */
export interface Defaults {
  readonly timeout?: Partial<Timeout>
}

/** What `decode` made of an entry: a server, or what is wrong with it. Unknown fields are warnings in both. */
export type Decoded =
  | { readonly config: ServerConfig; readonly problems?: never; readonly warnings: ReadonlyArray<Problem> }
  | {
      readonly config?: never
      readonly problems: readonly [Problem, ...Array<Problem>]
      readonly warnings: ReadonlyArray<Problem>
    }

const MiB = 1024 * 1024

/** Default timeouts, in milliseconds. OpenCode 1 has 30 s for all three, which kills long tools. */
export const defaultTimeout: Timeout = { startup: 30_000, catalog: 30_000, execution: 300_000 }

/** Default limits, in bytes. */
export const defaultLimits: Limits = { message: 64 * MiB, event: 64 * MiB, body: 64 * MiB, stderr: MiB }

/**
 * Whether a value can be a timeout: whole milliseconds above 0 that a timer can hold.
 *
 * @example
 * ```ts
 * const { startup } = Config.defaultTimeout
 * const chosen = (value: unknown) => (Config.isTimeout(value) ? value : startup)
 * ```
 */
export const isTimeout: (value: unknown) => value is number = Schema.is(Entry.Milliseconds)

const options = { errors: "all" } as const
const decodeLocal = Schema.decodeUnknownResult(Entry.Local, options)
const decodeRemote = Schema.decodeUnknownResult(Entry.Remote, options)

/**
 * Decodes one entry, in either shape. It never throws.
 *
 * @example
 * ```ts
 * import { describe } from "@opencode-ai/mcp/config/problem"
 *
 * const { config, problems } = Config.decode("files", { type: "local", command: ["server-filesystem", "."] })
 * const status = problems === undefined ? config.timeout.startup : describe(problems[0], ["mcp", "files"])
 * ```
 */
export const decode = (name: string, entry: unknown, defaults: Defaults = {}): Decoded => {
  const given = canonical(entry)
  if (!isObject(given)) {
    return { problems: [{ path: [], expected: "an object", found: given }], warnings: [] }
  }
  if (given["type"] === "local") {
    const warnings = unknownFields(Entry.Local, given)
    const decoded = decodeLocal(given)
    return Result.isSuccess(decoded)
      ? { config: local(name, decoded.success, defaults), warnings }
      : { problems: problemsOf(decoded.failure.issue, given), warnings }
  }
  if (given["type"] === "remote") {
    const warnings = unknownFields(Entry.Remote, given)
    const decoded = decodeRemote(given)
    return Result.isSuccess(decoded)
      ? { config: remote(name, decoded.success, defaults), warnings }
      : { problems: problemsOf(decoded.failure.issue, given), warnings }
  }
  return { problems: [{ path: ["type"], expected: `"local" or "remote"`, found: given["type"] }], warnings: [] }
}

const common = (name: string, entry: Entry.Local | Entry.Remote, defaults: Defaults) => ({
  name,
  enabled: entry.enabled ?? true,
  timeout: timeoutOf(entry.timeout, defaults.timeout),
  roots: entry.roots ?? ("auto" as const),
  ...(entry.keepAlive === undefined ? {} : { keepAlive: entry.keepAlive }),
  trusted: entry.trusted ?? false,
  tools: { allow: entry.tools?.allow ?? ["*"], deny: entry.tools?.deny ?? [] },
  sampling: {
    approve: entry.sampling?.approve ?? ("ask" as const),
    requestsPerMinute: entry.sampling?.requestsPerMinute ?? 10,
    tokensPerHour: entry.sampling?.tokensPerHour ?? 100_000,
  },
  limits: { ...defaultLimits, ...entry.limits },
})

const local = (name: string, entry: Entry.Local, defaults: Defaults): LocalServer => ({
  type: "local",
  ...common(name, entry, defaults),
  protocol: entry.protocol ?? "legacy",
  command: entry.command,
  ...(entry.cwd === undefined ? {} : { cwd: entry.cwd }),
  environment: new Map(Object.entries(entry.environment ?? {})),
  inheritEnvironment: entry.inheritEnvironment ?? true,
  ...(entry.sleep === undefined ? {} : { sleep: entry.sleep }),
  shared: entry.shared ?? false,
})

const remote = (name: string, entry: Entry.Remote, defaults: Defaults): RemoteServer => {
  const url = new URL(entry.url)
  url.hash = ""
  return {
    type: "remote",
    ...common(name, entry, defaults),
    protocol: entry.protocol ?? "auto",
    url,
    headers: new Map(Object.entries(entry.headers ?? {}).map(([key, value]) => [key, Redacted.make(value)])),
    oauth: entry.oauth === false ? false : oauthOf(entry.oauth ?? {}),
    ...(entry.headersHelper === undefined ? {} : { headersHelper: entry.headersHelper }),
    ...(entry.tls === undefined ? {} : { tls: tlsOf(entry.tls) }),
    ...(entry.proxy === undefined ? {} : { proxy: entry.proxy === false ? false : Redacted.make(entry.proxy) }),
  }
}

const timeoutOf = (own: Entry.Timeout | undefined, section: Partial<Timeout> | undefined): Timeout => {
  if (typeof own === "number") return { startup: own, catalog: own, execution: own }
  return { ...defaultTimeout, ...section, ...own }
}

const tlsOf = ({ key, passphrase, ...open }: Entry.Tls): Tls => ({
  ...open,
  ...(key === undefined ? {} : { key: Redacted.make(key) }),
  ...(passphrase === undefined ? {} : { passphrase: Redacted.make(passphrase) }),
})

const oauthOf = (entry: Entry.OAuth): OAuth => {
  const base: OAuthCommon = {
    ...(entry.clientId === undefined ? {} : { clientId: entry.clientId }),
    ...(entry.clientSecret === undefined ? {} : { clientSecret: Redacted.make(entry.clientSecret) }),
    ...(entry.scope === undefined ? {} : { scope: entry.scope }),
    ...(entry.callbackPort === undefined ? {} : { callbackPort: entry.callbackPort }),
    ...(entry.redirectUri === undefined ? {} : { redirectUri: entry.redirectUri }),
    store: entry.store ?? "file",
  }
  // The schema has seen to it that what a grant needs is there.
  switch (entry.grant) {
    case "private_key_jwt":
      return {
        ...base,
        grant: "private_key_jwt",
        privateKey: Redacted.make(entry.privateKey ?? ""),
        algorithm: entry.algorithm ?? "ES256",
        ...(entry.keyId === undefined ? {} : { keyId: entry.keyId }),
      }
    case "workload_identity":
      return {
        ...base,
        grant: "workload_identity",
        ...(entry.token === undefined ? {} : { token: Redacted.make(entry.token) }),
        ...(entry.tokenFile === undefined ? {} : { tokenFile: entry.tokenFile }),
      }
    case "enterprise":
      return {
        ...base,
        grant: "enterprise",
        idpIssuer: entry.idpIssuer ?? "",
        idpClientId: entry.idpClientId ?? "",
        ...(entry.idpClientSecret === undefined ? {} : { idpClientSecret: Redacted.make(entry.idpClientSecret) }),
        ...(entry.idToken === undefined ? {} : { idToken: Redacted.make(entry.idToken) }),
      }
    default:
      return { ...base, grant: entry.grant ?? "authorization_code" }
  }
}
