/** The SDK's own client, as the first user of the peers: whatever it does is for the peers to answer rightly. */
import {
  Client,
  type DpopSession,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Person, type PersonError, type PersonOptions, person } from "../../../src/person.ts"
import { redirectUri } from "./talk.ts"

/** What a promise of the SDK rejected with. */
export class SdkError extends Data.TaggedError("SdkError")<{ readonly cause: unknown }> {
  override get message() {
    return String(this.cause)
  }
}

const attempt = <A>(use: () => Promise<A>): Effect.Effect<A, SdkError> =>
  Effect.tryPromise({ try: use, catch: (cause) => new SdkError({ cause }) })

export interface SdkClient {
  /** Connects, with the person's help where it is asked for. */
  readonly connect: Effect.Effect<Client, SdkError | PersonError, Scope.Scope>
  readonly tokens: () => StoredOAuthTokens | undefined
  readonly urls: ReadonlyArray<URL>
}

export interface SdkOptions extends PersonOptions {
  readonly person?: Person
  readonly dpop?: DpopSession
}

export const sdkClient = (url: string, { person: who = person(), dpop, ...options }: SdkOptions = {}): SdkClient => {
  let information: StoredOAuthClientInformation | undefined
  let tokens: StoredOAuthTokens | undefined
  let verifier = ""
  let discovery: OAuthDiscoveryState | undefined
  const urls: Array<URL> = []
  const provider: OAuthClientProvider = {
    redirectUrl: redirectUri,
    clientMetadata: {
      client_name: "the SDK",
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    },
    clientInformation: () => information,
    saveClientInformation: (saved) => {
      information = saved
    },
    tokens: () => tokens,
    saveTokens: (saved) => {
      tokens = saved
    },
    redirectToAuthorization: (to) => void urls.push(to),
    saveCodeVerifier: (saved) => {
      verifier = saved
    },
    codeVerifier: () => verifier,
    saveDiscoveryState: (saved) => {
      discovery = saved
    },
    discoveryState: () => discovery,
    ...(dpop === undefined ? {} : { dpop: () => dpop }),
  }
  const connection = () => {
    const client = new Client({ name: "sdk", version: "1.0.0" })
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider })
    const connected = Effect.acquireRelease(
      attempt(() => client.connect(transport)),
      () => Effect.promise(() => client.close()),
    )
    return { transport, connected: Effect.as(connected, client) }
  }
  const signIn = Effect.gen(function* () {
    const { connected, transport } = connection()
    const asked = urls.length
    const failure = yield* Effect.flip(Effect.andThen(connected, Effect.die(new Error("Nobody asked for a sign-in"))))
    const asks = urls[asked]
    if (asks === undefined) return yield* failure
    const callback = new URL(yield* who.authorize(asks.href, options))
    yield* attempt(() => transport.finishAuth(callback.searchParams))
  })
  return {
    connect: Effect.suspend(() => (tokens === undefined ? signIn : Effect.void)).pipe(
      Effect.flatMap(() => connection().connected),
    ),
    tokens: () => tokens,
    urls,
  }
}

export const call = (client: Client, name: string, args: Record<string, unknown> = {}) =>
  attempt(() => client.callTool({ name, arguments: args }))
