/**
 * The questions of servers that wait for somebody outside of the process' own flow: the other end of a pipe, a page.
 *
 * Each is asked once, under an id that cannot be guessed, and waits for its answer until the server withdraws it or the
 * time is over. What answers it decides what it asks: nothing is shown here.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { randomUUID } from "node:crypto"
import { type JsonObject, userRejected } from "../protocol/jsonrpc.ts"
import * as ApprovalOf from "./approval.ts"
import { Approval } from "./approval.ts"
import { checkAnswer } from "./elicit.ts"
import { Elicitation, type ElicitationAnswer, type ElicitationRequest } from "./elicitation.ts"
import { RequestRefused } from "./refused.ts"
import { checkResult } from "./sample.ts"
import { Sampling, type SamplingRequest, type SamplingResult } from "./sampling.ts"

/** A question that waits. */
export type Question =
  | { readonly id: string; readonly kind: "elicitation"; readonly request: ElicitationRequest }
  | { readonly id: string; readonly kind: "sampling"; readonly request: SamplingRequest }

/** No question by this id waits for such an answer. */
export class NotOpen extends Data.TaggedError("NotOpen")<{ readonly id: string; readonly kind: Question["kind"] }> {
  override get message(): string {
    return `no ${this.kind} ${JSON.stringify(this.id)} waits for an answer: it was answered, withdrawn, or never asked`
  }
}

/** The answer does not fit the question, which stays open. */
export class Unfit extends Data.TaggedError("Unfit")<{ readonly id: string; readonly detail: string }> {
  override get message(): string {
    return `${this.detail}; the question stays open`
  }
}

/** The error of an answer. */
export class QuestionError extends Data.TaggedError("QuestionError")<{ readonly reason: NotOpen | Unfit }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}

interface Waiting<A> {
  /** Later ones have greater ones. */
  readonly number: number
  readonly question: Question
  readonly answer: Deferred.Deferred<A, RequestRefused>
}

/**
 * What waits for an answer.
 *
 * @example
 * ```ts
 * const declineAll = Effect.gen(function* () {
 *   const questions = yield* Questions
 *   for (const { id, kind } of questions.open()) {
 *     if (kind === "elicitation") yield* questions.answer(id, { action: "decline" })
 *   }
 * })
 * ```
 */
export class Questions extends Context.Service<
  Questions,
  {
    /** Calls `listener` for each question that is asked, synchronously; returns what ends that. */
    readonly listen: (listener: (question: Question) => void) => () => void
    /** What waits now, oldest first. */
    readonly open: () => ReadonlyArray<Question>
    /** Answers an elicitation. Defaults are filled in; an answer that does not fit leaves the question open. */
    readonly answer: (id: string, answer: ElicitationAnswer) => Effect.Effect<void, QuestionError>
    /** Answers a sampling, with a message or with an error. A message that does not fit leaves the question open. */
    readonly sampled: (
      id: string,
      result: SamplingResult | JsonObject | RequestRefused,
    ) => Effect.Effect<void, QuestionError>
    readonly elicit: Elicitation["Service"]["elicit"]
    readonly createMessage: Sampling["Service"]["createMessage"]
  }
>()("@opencode/mcp/Questions") {
  /**
   * Without any question. After `timeout` milliseconds (default 300,000) an elicitation is cancelled, and a sampling is
   * refused with -1.
   */
  static readonly layer = (options: { readonly timeout?: number | undefined } = {}): Layer.Layer<Questions> =>
    Layer.sync(Questions)(() => make(options.timeout ?? 300_000))

  /** Elicitation, sampling and its approval by whoever answers the questions. */
  static readonly handlers: Layer.Layer<Elicitation | Sampling, never, Questions> = Layer.mergeAll(
    Layer.effect(Elicitation)(Effect.map(Questions, ({ elicit }) => ({ modes: ["form", "url"] as const, elicit }))),
    Layer.effect(Sampling)(
      Effect.map(Questions, ({ createMessage }) => ({ tools: true, context: false, createMessage })),
    ),
    Layer.succeed(Approval)(ApprovalOf.given),
  )
}

const make = (timeout: number): Questions["Service"] => {
  const elicitations = new Map<string, Waiting<ElicitationAnswer>>()
  const samplings = new Map<string, Waiting<SamplingResult>>()
  const listeners = new Set<(question: Question) => void>()
  let asked = 0

  /** What a listener throws is told as a warning of the runtime, and harms neither the question nor another listener. */
  const tell = (question: Question) =>
    Effect.forEach(
      [...listeners],
      (listener) =>
        Effect.catch(Effect.try({ try: () => listener(question), catch: String }), (thrown) =>
          Effect.sync(() => process.emitWarning(`a listener to questions of servers failed: ${thrown}`)),
        ),
      { discard: true },
    )

  const ask = <A>(
    waiting: Map<string, Waiting<A>>,
    question: Question,
    otherwise: Effect.Effect<A, RequestRefused>,
  ): Effect.Effect<A, RequestRefused> =>
    Effect.suspend(() => {
      const answer = Deferred.makeUnsafe<A, RequestRefused>()
      waiting.set(question.id, { number: ++asked, question, answer })
      return Effect.andThen(
        tell(question),
        Effect.timeoutOrElse(Deferred.await(answer), { duration: timeout, orElse: () => otherwise }),
      )
    }).pipe(Effect.ensuring(Effect.sync(() => waiting.delete(question.id))))

  const settle = <A>(
    waiting: Map<string, Waiting<A>>,
    kind: Question["kind"],
    id: string,
    read: (question: Question) => Effect.Effect<Effect.Effect<A, RequestRefused>, string>,
  ): Effect.Effect<void, QuestionError> =>
    Effect.gen(function* () {
      const found = waiting.get(id)
      const notOpen = new QuestionError({ reason: new NotOpen({ id, kind }) })
      if (found === undefined) return yield* notOpen
      const answer = yield* Effect.mapError(
        read(found.question),
        (detail) => new QuestionError({ reason: new Unfit({ id, detail }) }),
      )
      // Somebody else may have answered while this answer was looked at.
      if (!waiting.delete(id)) return yield* notOpen
      Deferred.doneUnsafe(found.answer, answer)
    })

  const tooLate = new RequestRefused({
    code: userRejected,
    message: "User rejected sampling request: nobody answered in time",
  })
  return {
    listen: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    open: () =>
      [...elicitations.values(), ...samplings.values()]
        .toSorted((one, other) => one.number - other.number)
        .map(({ question }) => question),
    answer: (id, answer) =>
      settle(elicitations, "elicitation", id, (question) =>
        question.kind === "elicitation"
          ? Effect.map(checkAnswer(question.request, answer), Effect.succeed)
          : Effect.fail("this is no elicitation"),
      ),
    sampled: (id, result) =>
      settle(samplings, "sampling", id, (question) => {
        if (result instanceof RequestRefused) return Effect.succeed(Effect.fail(result))
        return question.kind === "sampling"
          ? Effect.map(checkResult(question.request, result), Effect.succeed)
          : Effect.fail("this is no sampling")
      }),
    elicit: (request) =>
      Effect.suspend(() =>
        ask(elicitations, { id: randomUUID(), kind: "elicitation", request }, Effect.succeed({ action: "cancel" })),
      ),
    createMessage: (request) =>
      Effect.suspend(() => ask(samplings, { id: randomUUID(), kind: "sampling", request }, Effect.fail(tooLate))),
  }
}
