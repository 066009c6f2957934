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
import type { CreateMessageRequestParams } from "../protocol/model.ts"
import * as ApprovalOf from "./approval.ts"
import { Approval, type Verdict } from "./approval.ts"
import { checkAnswer } from "./elicit.ts"
import { Elicitation, type ElicitationAnswer, type ElicitationRequest } from "./elicitation.ts"
import { readParams } from "./messages.ts"
import { RequestRefused } from "./refused.ts"
import { checkResult } from "./sample.ts"
import { Sampling, type SamplingRequest, type SamplingResult } from "./sampling.ts"

/** A question that waits. */
export type Question =
  | { readonly id: string; readonly kind: "elicitation"; readonly request: ElicitationRequest }
  | { readonly id: string; readonly kind: "sampling"; readonly request: SamplingRequest }
  /** May the model be asked this? */
  | { readonly id: string; readonly kind: "approval"; readonly request: SamplingRequest }
  /** May the server have this answer of the model? */
  | {
      readonly id: string
      readonly kind: "review"
      readonly request: SamplingRequest
      readonly result: SamplingResult
    }

/** Why a question waits no longer: it was answered, the server or the end of its call took it back, its time was over. */
export type Outcome = "answered" | "withdrawn" | "late"

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

interface Waiting<A, E = never> {
  /** Later ones have greater ones. */
  readonly number: number
  readonly question: Question
  readonly answer: Deferred.Deferred<A, E>
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
    /** Calls `listener` for each question that waits no longer, synchronously; returns what ends that. */
    readonly closed: (listener: (question: Question, outcome: Outcome) => void) => () => void
    /** What waits now, oldest first. */
    readonly open: () => ReadonlyArray<Question>
    /** Answers an elicitation. Defaults are filled in; an answer that does not fit leaves the question open. */
    readonly answer: (id: string, answer: ElicitationAnswer) => Effect.Effect<void, QuestionError>
    /** Answers a sampling, with a message or with an error. A message that does not fit leaves the question open. */
    readonly sampled: (
      id: string,
      result: SamplingResult | JsonObject | RequestRefused,
    ) => Effect.Effect<void, QuestionError>
    /** Answers an approval: yes, to the request as it is or as it was edited; or no. One that does not fit leaves it open. */
    readonly approve: (
      id: string,
      verdict: Verdict<CreateMessageRequestParams | JsonObject>,
    ) => Effect.Effect<void, QuestionError>
    /** Answers a review: yes, to the message as it is or as it was edited; or no. One that does not fit leaves it open. */
    readonly release: (id: string, verdict: Verdict<SamplingResult | JsonObject>) => Effect.Effect<void, QuestionError>
    /** Answers any question with no: an elicitation is cancelled, all else is refused with `reason` (code -1). */
    readonly refuse: (id: string, reason?: string) => Effect.Effect<void, QuestionError>
    readonly elicit: Elicitation["Service"]["elicit"]
    readonly createMessage: Sampling["Service"]["createMessage"]
    readonly approval: Approval
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

  /**
   * Elicitation by whoever answers the questions, and their word on what the host's own `Sampling` is asked and answers. A
   * question of approval whose time is over is a no.
   */
  static readonly person: Layer.Layer<Elicitation, never, Questions> = Layer.merge(
    Layer.effect(Elicitation)(Effect.map(Questions, ({ elicit }) => ({ modes: ["form", "url"] as const, elicit }))),
    Layer.effect(Approval)(Effect.map(Questions, ({ approval }) => approval)),
  )
}

const late = { approved: false, reason: "nobody answered in time" } as const

const make = (timeout: number): Questions["Service"] => {
  const elicitations = new Map<string, Waiting<ElicitationAnswer, RequestRefused>>()
  const samplings = new Map<string, Waiting<SamplingResult, RequestRefused>>()
  const approvals = new Map<string, Waiting<Verdict<CreateMessageRequestParams>>>()
  const reviews = new Map<string, Waiting<Verdict<SamplingResult>>>()
  const endings = new Set<(question: Question, outcome: Outcome) => void>()
  const listeners = new Set<(question: Question) => void>()
  let asked = 0

  /** What a listener throws is told as a warning of the runtime, and harms neither the question nor another listener. */
  const tell = <Told extends ReadonlyArray<unknown>>(all: ReadonlySet<(...told: Told) => void>, ...told: Told) =>
    Effect.forEach(
      [...all],
      (listener) =>
        Effect.catch(Effect.try({ try: () => listener(...told), catch: String }), (thrown) =>
          Effect.sync(() => process.emitWarning(`a listener to questions of servers failed: ${thrown}`)),
        ),
      { discard: true },
    )

  const ask = <A, E = never>(
    waiting: Map<string, Waiting<A, E>>,
    question: Question,
    otherwise: Effect.Effect<A, E>,
  ): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const answer = Deferred.makeUnsafe<A, E>()
      let outcome: Outcome = "withdrawn"
      waiting.set(question.id, { number: ++asked, question, answer })
      const answered = Effect.ensuring(
        Deferred.await(answer),
        Effect.sync(() => {
          if (Deferred.isDoneUnsafe(answer)) outcome = "answered"
        }),
      )
      return tell(listeners, question).pipe(
        Effect.andThen(
          Effect.timeoutOrElse(answered, {
            duration: timeout,
            orElse: () => {
              outcome = "late"
              return otherwise
            },
          }),
        ),
        Effect.ensuring(
          Effect.suspend(() => {
            waiting.delete(question.id)
            return tell(endings, question, outcome)
          }),
        ),
      )
    })

  const settle = <A, E = never>(
    waiting: Map<string, Waiting<A, E>>,
    kind: Question["kind"],
    id: string,
    read: (question: Question) => Effect.Effect<Effect.Effect<A, E>, string>,
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

  const rejected = (reason: string) =>
    new RequestRefused({ code: userRejected, message: `User rejected sampling request: ${reason}` })
  const all = () => [...elicitations.values(), ...samplings.values(), ...approvals.values(), ...reviews.values()]

  const answer: Questions["Service"]["answer"] = (id, answer) =>
    settle(elicitations, "elicitation", id, (question) =>
      question.kind === "elicitation"
        ? Effect.map(checkAnswer(question.request, answer), Effect.succeed)
        : Effect.fail("this is no elicitation"),
    )
  const sampled: Questions["Service"]["sampled"] = (id, result) =>
    settle(samplings, "sampling", id, (question) => {
      if (result instanceof RequestRefused) return Effect.succeed(Effect.fail(result))
      return question.kind === "sampling"
        ? Effect.map(checkResult(question.request, result), Effect.succeed)
        : Effect.fail("this is no sampling")
    })
  const approve: Questions["Service"]["approve"] = (id, verdict) =>
    settle(approvals, "approval", id, (question) => {
      if (!verdict.approved) return Effect.succeed(Effect.succeed(verdict))
      if (question.kind !== "approval") return Effect.fail("this is no approval")
      const { params } = question.request
      const value = verdict.value === params ? params : readParams({ ...verdict.value }, true)
      return typeof value === "string"
        ? Effect.fail(value)
        : Effect.succeed(Effect.succeed({ approved: true, value } as const))
    })
  const release: Questions["Service"]["release"] = (id, verdict) =>
    settle(reviews, "review", id, (question) => {
      if (!verdict.approved) return Effect.succeed(Effect.succeed(verdict))
      return question.kind === "review"
        ? Effect.map(checkResult(question.request, verdict.value), (value) =>
            Effect.succeed({ approved: true, value } as const),
          )
        : Effect.fail("this is no review")
    })

  return {
    listen: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    closed: (listener) => {
      endings.add(listener)
      return () => endings.delete(listener)
    },
    open: () =>
      all()
        .toSorted((one, other) => one.number - other.number)
        .map(({ question }) => question),
    answer,
    sampled,
    approve,
    release,
    refuse: (id, reason = "the person said no") => {
      if (samplings.has(id)) return sampled(id, rejected(reason))
      if (approvals.has(id)) return approve(id, { approved: false, reason })
      if (reviews.has(id)) return release(id, { approved: false, reason })
      return answer(id, { action: "cancel" })
    },
    elicit: (request) =>
      Effect.suspend(() =>
        ask(elicitations, { id: randomUUID(), kind: "elicitation", request }, Effect.succeed({ action: "cancel" })),
      ),
    createMessage: (request) =>
      Effect.suspend(() =>
        ask(
          samplings,
          { id: randomUUID(), kind: "sampling", request },
          Effect.fail(rejected("nobody answered in time")),
        ),
      ),
    approval: {
      sampling: (request) =>
        Effect.suspend(() => ask(approvals, { id: randomUUID(), kind: "approval", request }, Effect.succeed(late))),
      sampled: (request, result) =>
        Effect.suspend(() => ask(reviews, { id: randomUUID(), kind: "review", request, result }, Effect.succeed(late))),
    },
  }
}
