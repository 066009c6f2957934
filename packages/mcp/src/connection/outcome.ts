/** What became of an attempt at connecting: the status of a server that could not be connected, in words that help. */
import type { AuthError, AuthReason } from "../auth/error.ts"
import type { ServerConfig } from "../config.ts"
import type { Status } from "../events.ts"
import { shownUrl } from "../http/error.ts"
import type { SessionError } from "../session/error.ts"
import { broughtBy } from "./authorize.ts"

/** How much of what a server said is quoted in the reason of a failure, in lines. */
const quotedLines = 10

const transportReason = (error: SessionError | AuthError) =>
  error._tag === "SessionError" && error.reason._tag === "Transport" ? error.reason.error.reason : undefined

/** Whether it was closed from this side. */
export const isClosed = (error: SessionError | AuthError): boolean => transportReason(error)?._tag === "Closed"

/** Why it could not connect, in words that say what was tried and what to do. */
export const explain = (
  config: ServerConfig,
  error: SessionError | AuthError,
  stderr: ReadonlyArray<string>,
  oddities: ReadonlyArray<string>,
): string => {
  const target = config.type === "local" ? config.command.join(" ") : shownUrl(config.url.href)
  const reason =
    error._tag === "SessionError" && error.reason._tag === "Timeout"
      ? `${target} did not answer ${error.method} within ${config.timeout.startup} ms; check that it is an MCP server, or raise "timeout" in its entry`
      : error.reason.message
  const quoted =
    transportReason(error)?._tag === "ProcessExited" || stderr.length === 0
      ? []
      : ["its last words on stderr:", ...stderr.slice(-quotedLines)]
  return [reason, ...oddities.map((oddity) => `it ${oddity}`), ...quoted].join("\n")
}

/** Why there are no credentials, where that is why it failed. */
const authReason = (error: SessionError | AuthError): AuthReason | undefined => {
  if (error._tag === "AuthError") return error.reason
  const reason = transportReason(error)
  return reason?._tag === "CredentialsFailed" ? reason.cause.reason : undefined
}

/** What a person has to do, by the reason for which there are no credentials. */
const heldBy: { readonly [Tag in AuthReason["_tag"]]?: "needs_auth" | "needs_client_registration" } = {
  SignInRequired: "needs_auth",
  InsufficientScope: "needs_auth",
  RegistrationRequired: "needs_client_registration",
}

export const statusOf = (config: ServerConfig, error: SessionError | AuthError, text: string): Status => {
  const held = heldBy[authReason(error)?._tag ?? "Unavailable"]
  if (held !== undefined) return { status: held, error: text }
  if (transportReason(error)?._tag !== "Unauthorized") return { status: "failed", error: text }
  if (config.type === "remote" && config.oauth === false) {
    return { status: "failed", error: `${text}; its entry forbids that with "oauth": false` }
  }
  const brought = broughtBy(config)
  return { status: "needs_auth", error: brought === undefined ? text : `${text}; correct ${brought} in its entry` }
}
