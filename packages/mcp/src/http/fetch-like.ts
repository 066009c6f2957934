/** The guarded request in the shape of `fetch`, for code that takes one: the official SDK's OAuth functions. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpError, InvalidRequest, shownUrl } from "./error.ts"
import { type OutboundOptions, type OutboundResponse, request } from "./outbound.ts"

/** The official SDK's `FetchLike`. */
export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>

/** Statuses that have no body (Fetch, 2.2.3). */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

/** The answer as a `Response`: with the URL that it came from, and a `json` that says what came instead. */
const responseOf = ({ headers, json, status, text, url }: OutboundResponse): Response =>
  Object.defineProperties(new Response(bodiless.has(status) ? null : text, { status, headers }), {
    url: { value: url },
    json: { value: () => Effect.runPromise(json) },
  })

const unsendable = (url: string) =>
  new HttpError({ reason: new InvalidRequest({ url: shownUrl(url), detail: "its body cannot be read" }) })

/** Bun gives it to a request and to no response. */
const form = "application/x-www-form-urlencoded;charset=UTF-8"

/** The body of an init as text, and the content type that `fetch` gives it. */
const carried = (url: string, init: RequestInit | undefined) =>
  Effect.gen(function* () {
    if (init?.body === undefined || init.body === null) return { body: undefined, contentType: undefined }
    const { body: given } = init
    const read = yield* Effect.try({ try: () => new Response(given), catch: () => unsendable(url) })
    const body = yield* Effect.tryPromise({ try: () => read.text(), catch: () => unsendable(url) })
    return {
      body,
      contentType: read.headers.get("content-type") ?? (given instanceof URLSearchParams ? form : undefined),
    }
  })

/**
 * A `fetch` through the guard. It runs with the services of the Effect that made it.
 *
 * It differs from `fetch`: it rejects with an `HttpError` and never with a `TypeError` (which some callers take for a
 * browser's refusal, and retry); it follows redirects in its own way, whatever `redirect` says; the body is there,
 * whole, when it resolves, and its `json` rejects with an `HttpError` too. Aborting `signal` closes the connection.
 */
export const make = (options: OutboundOptions): Effect.Effect<FetchLike> =>
  Effect.map(Effect.context<never>(), (context) => {
    const run = Effect.runPromiseExitWith(context)
    return (input, init) => {
      const url = String(input)
      const method = (init?.method ?? "GET").toUpperCase()
      const sent = Effect.flatMap(carried(url, init), (content) =>
        request({
          ...options,
          ...content,
          url,
          method,
          headers: init?.headers,
        }),
      )
      return run(sent, { signal: init?.signal ?? undefined }).then((exit) => {
        if (Exit.isSuccess(exit)) return responseOf(exit.value)
        const aborted = init?.signal?.aborted === true && Cause.hasInterruptsOnly(exit.cause)
        return Promise.reject<Response>(aborted ? init.signal?.reason : Cause.squash(exit.cause))
      })
    }
  })
