/** From a request on the wire to a question for the model, within what the server may ask and the person approves. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { internalError, type JsonObject, userRejected } from "../protocol/jsonrpc.ts"
import type { CreateMessageRequestParams } from "../protocol/model.ts"
import type { Approval, Verdict } from "./approval.ts"
import { answering, tellAuthor } from "./answering.ts"
import { type Budget, inputTokens, outputTokens, type Reservation } from "./budget.ts"
import { blocksOf, readParams, readResult } from "./messages.ts"
import type { Origin } from "./origin.ts"
import { malformed, RequestRefused } from "./refused.ts"
import type { Sampling, SamplingRequest, SamplingResult } from "./sampling.ts"

/** Reads a request: fails with -32602 and the field that is wrong. */
export const readSampling = (
  params: JsonObject,
  { declared, request, server }: Origin,
): Effect.Effect<SamplingRequest, RequestRefused> => {
  const read = readParams(params, declared.sampling?.tools !== undefined)
  if (typeof read === "string") return Effect.fail(malformed(read))
  return Effect.succeed({
    server,
    ...(request === undefined ? {} : { request }),
    params: withContext(read, declared.sampling?.context !== undefined),
  })
}

/** One server never sees another's context: the most it is given is its own. */
const withContext = (params: CreateMessageRequestParams, declared: boolean): CreateMessageRequestParams => {
  const { includeContext = "none" } = params
  if (includeContext === "none") return params
  return { ...params, includeContext: declared ? "thisServer" : "none" }
}

/** The answer as it may be sent, whoever wrote it. Fails with what the protocol or the request does not allow in it. */
export const checkResult = ({ params }: SamplingRequest, result: unknown): Effect.Effect<SamplingResult, string> => {
  const read = readResult(params, result)
  return typeof read === "string" ? Effect.fail(read) : Effect.succeed(read)
}

/** The person's no (Sampling, Error Handling). */
const rejected = (reason: string | undefined): RequestRefused =>
  new RequestRefused({
    code: userRejected,
    message: `User rejected sampling request${reason === undefined || reason === "" ? "" : `: ${reason}`}`,
  })

const failed = (message: string): RequestRefused => new RequestRefused({ code: internalError, message })

const approved = <A>(verdict: Verdict<A>): Effect.Effect<A, RequestRefused> =>
  verdict.approved ? Effect.succeed(verdict.value) : Effect.fail(rejected(verdict.reason))

interface Options {
  readonly sampling: Sampling["Service"]
  readonly approval: Approval
  readonly budget: Budget
}

/** What does not fit is for the author of the handler to know; the server is told nothing of it. */
const unfit = (server: string, detail: string, message: string): Effect.Effect<never, RequestRefused> =>
  Effect.andThen(tellAuthor(`for a sampling of ${server} ${detail}`), Effect.fail(failed(message)))

/** A request that was edited is held to the same rules as one that was sent, and to the budget again. */
const edited = (asked: SamplingRequest, params: CreateMessageRequestParams, origin: Origin, reserved: Reservation) =>
  Effect.gen(function* () {
    if (params === asked.params) return asked
    const request = yield* Effect.catch(readSampling({ ...params }, origin), ({ message }) =>
      unfit(
        origin.server,
        `what was approved makes no sense: ${message}`,
        "the client has no request that makes sense",
      ),
    )
    yield* reserved.change(inputTokens(request.params), request.params.maxTokens)
    return request
  })

const fit = (request: SamplingRequest, result: SamplingResult, { audio }: Origin) =>
  checkResult(request, result).pipe(
    Effect.filterOrFail(
      (checked) => audio || blocksOf(checked).every(({ type }) => type !== "audio"),
      () => "content has audio, which the revision of the session has not",
    ),
    Effect.catch((detail) =>
      unfit(request.server, `an answer was not sent: ${detail}`, "the client has no answer that fits the request"),
    ),
  )

/** Asks the person, the model and the person again, as far as the policy says. */
const ask = (
  { approval, budget, sampling }: Options,
  asked: SamplingRequest,
  origin: Origin,
  reserved: Reservation,
) => {
  const asks = budget.policy.approve === "ask"
  let used = false
  return Effect.gen(function* () {
    const verdict = asks ? yield* approval.sampling(asked) : undefined
    const request = verdict === undefined ? asked : yield* edited(asked, yield* approved(verdict), origin, reserved)
    const answer = yield* Effect.onExit(sampling.createMessage(request), (exit) =>
      Effect.sync(() => {
        used = Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
      }),
    )
    const result = yield* fit(request, answer, origin)
    reserved.settle(inputTokens(request.params) + outputTokens(result))
    return asks ? yield* fit(request, yield* approved(yield* approval.sampled(request, result)), origin) : result
  }).pipe(
    answering,
    // What a cancelled model has cost nobody knows: its reservation stands, or cancelling would be free.
    Effect.ensuring(Effect.sync(() => (used ? undefined : reserved.settle(0)))),
  )
}

/**
 * The answer to `sampling/createMessage` of one server. In this order: what makes no sense is refused with -32602; a
 * policy of `never`, and what does not fit the budget, with -1; then the person is asked, the model, and the person again
 * about its answer. Meanwhile the clocks of the calls that it may belong to stand still.
 */
export const answerSampling = (
  options: Options,
): Effect.Effect<(params: JsonObject, origin: Origin) => Effect.Effect<object, RequestRefused>> =>
  Effect.succeed((params, origin) =>
    Effect.gen(function* () {
      const request = yield* readSampling(params, origin)
      if (options.budget.policy.approve === "never") {
        return yield* rejected('sampling.approve is "never" in the server\'s entry')
      }
      const { maxTokens } = request.params
      const reserved = yield* options.budget.reserve(origin.server, inputTokens(request.params), maxTokens)
      return yield* Effect.acquireUseRelease(
        Effect.sync(origin.pause),
        () => ask(options, request, origin, reserved),
        (resume) => Effect.sync(resume),
      )
    }),
  )
