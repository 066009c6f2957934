/**
 * Requests that the server refuses until the person has visited a page (2025-11-25, Elicitation, URL Elicitation Required
 * Error), and the completions of such visits.
 *
 * A completion is heard once, and only where the server had asked for it; any other is ignored.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Capabilities } from "../capability/capabilities.ts"
import type { Origin } from "../capability/origin.ts"
import { isObject, type JsonObject, urlElicitationRequired } from "../protocol/jsonrpc.ts"
import { ElicitationDeclined, type Protocol, SessionError } from "./error.ts"
import type { Recover } from "./requests.ts"

/** How many visits of one session may be under way; of more the oldest is forgotten. */
const visitLimit = 1_000

export interface UrlElicitations {
  /** The server asks for a visit. */
  readonly asked: (elicitationId: string) => void
  /** The server says that a visit is over. False where it had not asked for it, or had said so before. */
  readonly completed: (elicitationId: string) => boolean
  readonly recover: Recover
}

const elicitationsOf = ({ code, data }: Protocol): ReadonlyArray<JsonObject & { readonly elicitationId: string }> => {
  if (code !== urlElicitationRequired || !isObject(data) || !Array.isArray(data.elicitations)) return []
  const all: ReadonlyArray<unknown> = data.elicitations
  const fit = all.filter(
    (one): one is JsonObject & { readonly elicitationId: string } =>
      isObject(one) && one.mode === "url" && typeof one.elicitationId === "string",
  )
  return fit.length === all.length ? fit : []
}

/** The visits of one session. `timeout` is how long a completion is waited for, in milliseconds. */
export const make = (options: {
  readonly timeout: number
  readonly origin: () => Origin
  readonly capabilities: Capabilities["Service"]
}): UrlElicitations => {
  /** What is awaited, and who waits for it. */
  const visits = new Map<string, Deferred.Deferred<void>>()

  const asked = (elicitationId: string): Deferred.Deferred<void> => {
    const known = visits.get(elicitationId)
    if (known !== undefined) return known
    const visit = Deferred.makeUnsafe<void>()
    visits.set(elicitationId, visit)
    const [oldest] = visits.keys()
    if (visits.size > visitLimit && oldest !== undefined) visits.delete(oldest)
    return visit
  }

  const recover: Recover = (error, reason, again, requestOptions) => {
    const elicitations = elicitationsOf(reason)
    if (elicitations.length === 0) return undefined
    const { request } = requestOptions ?? {}
    const origin: Origin = { ...options.origin(), ...(request === undefined ? {} : { request }) }
    if (origin.declared.elicitation?.url === undefined) return undefined
    const declined = (action: string, url: unknown) =>
      new SessionError({
        server: error.server,
        method: error.method,
        reason: new ElicitationDeclined({ code: reason.code, data: reason.data, action, url: String(url) }),
      })
    const visit = (elicitation: JsonObject & { readonly elicitationId: string }) =>
      Effect.gen(function* () {
        // Before the person is asked: the page may be done with before the answer is.
        const over = asked(elicitation.elicitationId)
        const answer: object = yield* Effect.mapError(
          options.capabilities.handle("elicitation/create", elicitation, origin),
          () => error,
        )
        const action = "action" in answer ? answer.action : undefined
        if (action !== "accept") {
          visits.delete(elicitation.elicitationId)
          return yield* declined(String(action), elicitation.url)
        }
        // On the person's word where no completion comes.
        yield* Effect.timeoutOption(Deferred.await(over), options.timeout)
      })
    return Effect.andThen(Effect.forEach(elicitations, visit, { discard: true }), again)
  }

  return {
    asked: (elicitationId) => void asked(elicitationId),
    completed: (elicitationId) => {
      const visit = visits.get(elicitationId)
      if (visit === undefined) return false
      visits.delete(elicitationId)
      Deferred.doneUnsafe(visit, Effect.void)
      return true
    },
    recover,
  }
}
