/**
 * Requests that the server refuses until the person has visited a page (2025-11-25, Elicitation, URL Elicitation Required
 * Error), and the completions of such visits.
 *
 * A completion is heard once, and only where the server had asked for it; any other is ignored. The ids are those of one
 * session: no other can complete them.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { answering } from "../capability/answering.ts"
import type { Capabilities } from "../capability/capabilities.ts"
import type { Origin } from "../capability/origin.ts"
import { idLimit } from "../capability/visit.ts"
import { brief } from "../protocol/json.ts"
import { isObject, type JsonObject, urlElicitationRequired } from "../protocol/jsonrpc.ts"
import type { TransportError } from "../transport/error.ts"
import { ElicitationDeclined, lost, Protocol, SessionError } from "./error.ts"
import type { Recover } from "./entry.ts"

/** How many visits of one session may be under way; of more the oldest is forgotten. */
const visitLimit = 1_000

const create = "elicitation/create"

/** A visit that was asked for, and how often. */
interface Visit {
  readonly over: Deferred.Deferred<void>
  asked: number
}

export interface UrlElicitations {
  /**
   * The server asks something: where it is a visit, its completion is heard from now on. What this gives is told how the
   * request was answered: a visit that the person did not agree to is forgotten.
   */
  readonly asked: (method: string, params: unknown) => (exit: Exit.Exit<object, unknown>) => void
  /** The server says that a visit is over. False where it had not asked for it, or had said so before. */
  readonly completed: (elicitationId: string) => boolean
  readonly recover: Recover<Protocol>
}

type Asked = JsonObject & { readonly elicitationId: string }

const isVisit = (params: unknown): params is Asked =>
  isObject(params) &&
  params.mode === "url" &&
  typeof params.elicitationId === "string" &&
  params.elicitationId.length <= idLimit

/** What has to be visited first, each once, or why that cannot be told. */
const elicitationsOf = (data: unknown): ReadonlyArray<Asked> | string => {
  const listed: unknown = isObject(data) ? data.elicitations : undefined
  if (!Array.isArray(listed)) return "its data.elicitations is no list"
  if (listed.length === 0) return "its data.elicitations is empty"
  const all: ReadonlyArray<unknown> = listed
  const fit = all.filter(isVisit)
  const wrong = all.findIndex((one) => !isVisit(one))
  if (wrong === -1) return [...new Map(fit.map((one) => [one.elicitationId, one])).values()]
  return `its data.elicitations[${wrong}] is no elicitation of mode "url" with an elicitationId: ${brief(all[wrong])}`
}

/** The error of the server, which says why nobody was asked about it. */
const explained = (error: SessionError, { code, data, text }: Protocol, why: string): SessionError =>
  new SessionError({
    server: error.server,
    method: error.method,
    reason: new Protocol({ code, text: `${text}: ${why}`, ...(data === undefined ? {} : { data }) }),
  })

/** The visits of one session. `timeout` is how long a completion is waited for, in milliseconds. */
export const make = (options: {
  readonly timeout: number
  readonly origin: () => Origin
  readonly capabilities: Capabilities["Service"]
  /** Fails when the session ends. */
  readonly ended: Effect.Effect<never, TransportError>
}): UrlElicitations => {
  const visits = new Map<string, Visit>()

  const begin = (elicitationId: string): Visit => {
    const visit = visits.get(elicitationId) ?? { over: Deferred.makeUnsafe<void>(), asked: 0 }
    visit.asked += 1
    visits.set(elicitationId, visit)
    const [oldest] = visits.keys()
    if (visits.size > visitLimit && oldest !== undefined) visits.delete(oldest)
    return visit
  }

  const forget = (elicitationId: string, visit: Visit) => {
    visit.asked -= 1
    if (visit.asked === 0 && visits.get(elicitationId) === visit) visits.delete(elicitationId)
  }

  const recover: Recover<Protocol> = (reason, { again, error, options: requestOptions, past }) => {
    if (reason.code !== urlElicitationRequired || past?.isRepeated === true) return undefined
    const { request } = requestOptions ?? {}
    const origin: Origin = { ...options.origin(), ...(request === undefined ? {} : { request }) }
    if (origin.declared.elicitation?.url === undefined) return undefined
    const elicitations = elicitationsOf(reason.data)
    if (typeof elicitations === "string") return Effect.fail(explained(error, reason, elicitations))

    const refused = (detail: string) => explained(error, reason, `the visit that it asks for was refused: ${detail}`)
    const go = ({ elicitationId, message, mode, url }: Asked, visit: Visit) =>
      Effect.gen(function* () {
        const waited = {
          over: Deferred.await(visit.over),
          end: () => Deferred.doneUnsafe(visit.over, Effect.void),
        }
        const ask = Effect.suspend(() =>
          options.capabilities.handle(create, { mode, message, url, elicitationId }, { ...origin, visit: waited }),
        )
        const answer: object = yield* Effect.mapError(answering(ask), ({ message }) => refused(message))
        const action = "action" in answer ? String(answer.action) : "cancel"
        if (action !== "accept") {
          const { code, data } = reason
          const { method, server } = error
          const declined = new ElicitationDeclined({ code, data, action, url: String(url) })
          return yield* new SessionError({ server, method, reason: declined })
        }
        // On the person's word where no completion comes.
        yield* Effect.timeoutOption(Deferred.await(visit.over), options.timeout)
      }).pipe(
        Effect.onExit((exit) => Effect.sync(() => (Exit.isSuccess(exit) ? undefined : forget(elicitationId, visit)))),
      )
    // Before the person is asked, and before another message is read: the page may be done with before the answer is.
    const begun = elicitations.map((elicitation) => ({ elicitation, visit: begin(elicitation.elicitationId) }))
    const all = Effect.forEach(begun, ({ elicitation, visit }) => go(elicitation, visit), {
      concurrency: "unbounded",
      discard: true,
    })
    const { method, server } = error
    const gone = Effect.mapError(options.ended, (ending) => lost(server, method, ending))
    return Effect.andThen(Effect.raceFirst(all, gone), again)
  }

  return {
    asked: (method, params) => {
      if (method !== create || !isVisit(params)) return () => undefined
      const { elicitationId } = params
      const visit = begin(elicitationId)
      return (exit) => {
        // The answer of a task comes later, and has no action yet.
        const agreed = Exit.isSuccess(exit) && (!("action" in exit.value) || exit.value.action === "accept")
        if (!agreed) forget(elicitationId, visit)
      }
    },
    completed: (elicitationId) => {
      const visit = visits.get(elicitationId)
      if (visit === undefined) return false
      visits.delete(elicitationId)
      Deferred.doneUnsafe(visit.over, Effect.void)
      return true
    },
    recover,
  }
}
