/**
 * The official SDK's OAuth functions as Effects: loaded when a server first asks for authorization, and with what they
 * reject with told as a typed reason. Each is given a `fetch` of ours (`network.ts`), so it goes where the guard lets it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { HttpError } from "../http/error.ts"
import type { FetchLike } from "../http/fetch-like.ts"
import { secondsOf } from "../http/retry-after.ts"
import { parse } from "../protocol/json.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import { type AuthError, type AuthReason, DocumentRefused, fail, OAuthRefused, StepFailed } from "./error.ts"

/** The functions of the SDK. */
export type Sdk = typeof import("@modelcontextprotocol/client")

/** What is done, for the error that tells of it. */
export interface Step {
  /** As a person calls it: "the refresh". */
  readonly step: string
  /** Whom it asks, as it may be shown. */
  readonly url: string
  /** What the server's words must not repeat. */
  readonly secrets?: ReadonlyArray<string>
}

/** More of a server's words than this is of no use to anybody. */
const quoted = 500

/** OAuth errors that say nothing about what was asked: it may be asked again. */
const passing: ReadonlySet<string> = new Set(["server_error", "temporarily_unavailable", "slow_down"])

const hints: Readonly<Record<string, string>> = {
  invalid_grant: "Sign in again.",
  invalid_client: `Sign in again, or correct "clientId" and "clientSecret" in the server's entry.`,
  unauthorized_client: "The client has to be allowed this grant at the authorization server.",
  invalid_scope: `Correct "scope" in the server's entry, or ask its operator which scopes there are.`,
  access_denied: "Sign in again and agree, or leave the server unused.",
  invalid_target: "The authorization server does not know this server: ask its operator.",
}

/** The last answer that a step got: the SDK tells of some of them in words alone. */
interface Answered {
  readonly status: number
  /** `Retry-After` (RFC 9110, 10.2.3). */
  readonly retryAfter: string | null
}

/** Too many requests, or a server in trouble: it has not judged what was asked, whatever its body says. */
const isPassing = ({ status }: Answered): boolean => status === 429 || status >= 500

/** What an `Authorization` header says, wherever it is repeated. */
const credentials = /\b(Basic|Bearer|DPoP) +[\w.~+/=-]{6,}/gi

/** A server's words, shortened, without what they repeat of secrets. */
export const withoutSecrets = (text: string, secrets: ReadonlyArray<string> = []): string =>
  secrets
    .filter((secret) => secret !== "")
    .flatMap((secret) => [secret, new URLSearchParams([["", secret]]).toString().slice(1)])
    .reduce((masked, secret) => masked.replaceAll(secret, "***"), text)
    .replace(credentials, "$1 ***")
    .slice(0, quoted)

/** What a step was answered with is not what the standards say. */
export const answerRefused = (
  { step, url }: Step,
  field: string | undefined,
  expected: string,
  received: string,
): DocumentRefused =>
  new DocumentRefused({
    document: `the answer to ${step}`,
    url,
    field,
    expected,
    received,
    hint: "Ask the operator of the authorization server.",
  })

/** The reason of an OAuth error, whoever told it. */
export const refusal = (step: Step, error: string, description: string | undefined): AuthReason =>
  passing.has(error)
    ? new StepFailed({ step: step.step, url: step.url, detail: `${step.url} answered ${error}; try again later` })
    : new OAuthRefused({
        step: step.step,
        url: step.url,
        error: withoutSecrets(error, step.secrets),
        description: description === undefined ? undefined : withoutSecrets(description, step.secrets),
        hint: hints[error] ?? "Ask the operator of the authorization server.",
      })

/** The first thing that zod found wrong, without zod's types. */
const firstIssue = (error: unknown): { readonly path: string | undefined; readonly message: string } | undefined => {
  if (!isObject(error) || !Array.isArray(error.issues)) return undefined
  const issue: unknown = error.issues[0]
  if (!isObject(issue) || !Array.isArray(issue.path)) return undefined
  return { path: issue.path.length === 0 ? undefined : issue.path.join("."), message: String(issue.message) }
}

const reasonOf = (sdk: Sdk, step: Step, error: unknown, answered: Answered | undefined, now: number): AuthReason => {
  if (answered !== undefined && isPassing(answered)) {
    const retryAfter = secondsOf(answered.retryAfter, now)
    const when = retryAfter === undefined ? "later" : `in ${retryAfter} s`
    const detail = `${step.url} answered HTTP ${answered.status}; try again ${when}`
    return new StepFailed({ step: step.step, url: step.url, detail, retryAfter })
  }
  if (error instanceof HttpError) {
    return new StepFailed({ step: step.step, url: step.url, detail: error.message, reason: error.reason })
  }
  if (sdk.OAuthError.isInstance(error)) {
    // What could not be read as an OAuth error: the SDK quotes the whole body then.
    if (error.message.includes("Invalid OAuth error response")) {
      const status = /HTTP (\d{3})/.exec(error.message)?.[1]
      const detail = `${step.url} answered ${status === undefined ? "with an error" : `HTTP ${status}`} that is no OAuth error`
      return new StepFailed({ step: step.step, url: step.url, detail })
    }
    // Without a description the SDK's message is the code.
    return refusal(step, error.code, error.message === "" || error.message === error.code ? undefined : error.message)
  }
  if (sdk.InsecureTokenEndpointError.isInstance(error)) {
    return answerRefused(step, "token_endpoint", "an https URL", "one that is not")
  }
  if (sdk.IssuerMismatchError.isInstance(error)) {
    return new DocumentRefused({
      document: error.kind === "metadata" ? "the authorization server's metadata" : "the callback",
      url: step.url,
      field: error.kind === "metadata" ? "issuer" : "iss",
      expected: error.expected ?? "one",
      received: withoutSecrets(error.received ?? "none", step.secrets),
      hint: "Somebody may be standing between this client and the authorization server: nothing was sent there.",
    })
  }
  if (sdk.RegistrationRejectedError.isInstance(error)) {
    const said = parse(error.body)
    const code = isObject(said) && typeof said.error === "string" ? said.error : `HTTP ${error.status}`
    const description =
      isObject(said) && typeof said.error_description === "string" ? said.error_description : undefined
    return refusal(step, code, description)
  }
  const issue = firstIssue(error)
  if (issue !== undefined)
    return answerRefused(step, issue.path, "what RFC 6749 and RFC 7591 define", `"${issue.message}"`)
  if (error instanceof SyntaxError) return answerRefused(step, undefined, "a JSON object", "something else")
  const text = error instanceof Error ? error.message : String(error)
  return new StepFailed({ step: step.step, url: step.url, detail: withoutSecrets(text, step.secrets) })
}

/** Runs one of the SDK's functions. What it is given for a `fetch` is to go through `watch`, which sees what the SDK hides. */
export const attempt = <A>(
  step: Step,
  use: (sdk: Sdk, watch: (fetch: FetchLike) => FetchLike) => Promise<A>,
): Effect.Effect<A, AuthError> =>
  Effect.gen(function* () {
    const sdk = yield* Effect.promise(() => import("@modelcontextprotocol/client"))
    const now = yield* Clock.currentTimeMillis
    let answered: Answered | undefined
    const watch =
      (fetch: FetchLike): FetchLike =>
      (url, init) => {
        answered = undefined
        return fetch(url, init).then((response) => {
          answered = { status: response.status, retryAfter: response.headers.get("retry-after") }
          return response
        })
      }
    return yield* Effect.tryPromise({
      try: () => use(sdk, watch),
      catch: (error) => fail(reasonOf(sdk, step, error, answered, now)),
    })
  })
