/**
 * Completions of a prompt's arguments and a template's variables (2025-11-25, Completion), fit for being asked at each
 * key: the first question goes out at once, those that follow it closely wait for quiet, a newer one cancels the one
 * before, the same one twice is one request, and what was answered lately is not asked again.
 *
 * What is kept is kept for one session, and until the server says that its prompts or resources changed.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Live } from "../connection.ts"
import { BadQuestion, McpError, Superseded } from "../error.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { CompleteRequestParams, CompleteResult } from "../protocol/model.ts"
import { adapter } from "../protocol/revision.ts"
import { closed, type SessionError } from "../session/error.ts"
import type { Session } from "../session/session.ts"

/** How long a question waits for a newer one, where one came as shortly before, in milliseconds. */
export const quiet = 100
/** How many questions a server is asked in a second, and at once. */
export const perSecond = 10
/** How long an answer is good for, in milliseconds. */
export const timeToLive = 30_000
/** How long a server may take for an answer, in milliseconds. */
const timeout = 30_000
/** How many answers are kept for a server, and how many characters of them. */
const answersKept = 200
const answerLimit = 65_536
/** The most values of one answer (Completion, Completion Results). */
const valueLimit = 100

/** What a server answered: at most 100 values, the most fitting first. */
export type Completion = CompleteResult["completion"]

export type CompletionError = McpError | SessionError

/** Asks through a session. Interrupting it withdraws the question, unless somebody else asked the same. */
export type Complete = (
  server: string,
  live: Live,
  question: CompleteRequestParams,
) => Effect.Effect<Completion, CompletionError>

const text = (value: unknown): value is string => typeof value === "string"

/** What is wrong with a question, where something is. */
const problemOf = ({
  argument,
  context,
  ref,
}: { readonly [K in keyof CompleteRequestParams]?: unknown }): string | undefined => {
  if (!isObject(ref)) return `"ref" has to be an object`
  if (ref.type === "ref/prompt") {
    if (!text(ref.name) || ref.name === "") return `"ref.name" has to be the name of a prompt`
  } else if (ref.type === "ref/resource") {
    if (!text(ref.uri) || ref.uri === "") return `"ref.uri" has to be the URI or the template of a resource`
  } else return `"ref.type" has to be "ref/prompt" or "ref/resource", and not ${JSON.stringify(ref.type)}`
  if (!isObject(argument)) return `"argument" has to be an object`
  if (!text(argument.name) || argument.name === "") return `"argument.name" has to be the name of an argument`
  if (!text(argument.value)) return `"argument.value" has to be text, what was typed so far`
  if (context === undefined) return undefined
  if (!isObject(context)) return `"context" has to be an object`
  if (context.arguments === undefined) return undefined
  if (!isObject(context.arguments)) return `"context.arguments" has to be an object of texts`
  const wrong = Object.entries(context.arguments).find(([, value]) => !text(value))
  return wrong && `"context.arguments" has to be an object of texts, and ${JSON.stringify(wrong[0])} is none`
}

/** The question as the revision can say it, with nothing else. */
const say = ({ argument, context, ref }: CompleteRequestParams, hasContext: boolean): CompleteRequestParams => {
  const known = Object.entries(context?.arguments ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return {
    ref: ref.type === "ref/prompt" ? { type: ref.type, name: ref.name } : { type: ref.type, uri: ref.uri },
    argument: { name: argument.name, value: argument.value },
    ...(hasContext && known.length > 0 ? { context: { arguments: Object.fromEntries(known) } } : {}),
  }
}

/** What makes sense of an answer. */
const read = ({ completion }: CompleteResult): Completion => {
  const { hasMore, total, values }: { readonly [K in keyof Completion]?: unknown } = completion
  const all: ReadonlyArray<unknown> = Array.isArray(values) ? values : []
  const kept = all.filter(text)
  const more = hasMore === true || kept.length > valueLimit
  return {
    values: kept.slice(0, valueLimit),
    ...(typeof total === "number" && Number.isFinite(total) ? { total } : {}),
    ...(more || typeof hasMore === "boolean" ? { hasMore: more } : {}),
  }
}

/** A question on its way. */
interface Asking {
  readonly key: string
  readonly outcome: Deferred.Deferred<Completion, CompletionError>
  fiber: Fiber.Fiber<Completion, CompletionError> | undefined
  /** How many wait for it. */
  waiting: number
}

/** What is known of the questions to one server in one session. */
class State {
  readonly session: Session["Service"]
  answers = new Map<string, { readonly completion: Completion; readonly until: number }>()
  /** By what is asked about: a prompt's argument or a template's variable. */
  readonly asking = new Map<string, Asking>()
  readonly askedAt = new Map<string, number>()
  readonly gate = Semaphore.makeUnsafe(1)
  tokens = perSecond
  filledAt: number

  constructor(session: Session["Service"], now: number) {
    this.session = session
    this.filledAt = now
  }
}

/** The oldest go first. */
const bound = (map: Map<string, unknown>) => {
  const [oldest] = map.keys()
  if (map.size > answersKept && oldest !== undefined) map.delete(oldest)
}

/** The questions of one service; what is on its way ends with the Scope. */
export const make: Effect.Effect<Complete, never, Scope.Scope> = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  /** By what is a server's own beyond a session. */
  const states = new WeakMap<Session["Service"]["notifications"], State>()
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

  const stateOf = (session: Session["Service"]): State => {
    const { notifications } = session
    const before = states.get(notifications)
    if (before?.session === session) return before
    if (before === undefined) {
      // An answer that is on its way now goes where nobody looks.
      const forget = () => {
        const state = states.get(notifications)
        if (state !== undefined) state.answers = new Map()
      }
      notifications.listen("prompts/list_changed", forget)
      notifications.listen("resources/list_changed", forget)
    }
    const state = new State(session, now())
    states.set(notifications, state)
    return state
  }

  /** Waits for its turn: a burst of `perSecond`, then one each 1/`perSecond` of a second, in order. */
  const turn = (state: State) =>
    state.gate.withPermit(
      Effect.suspend(() => {
        const at = now()
        state.tokens = Math.min(perSecond, state.tokens + ((at - state.filledAt) * perSecond) / 1_000)
        state.filledAt = at
        // Taken when the wait is over, so that a question that is given up meanwhile costs nobody a turn.
        const wait = state.tokens >= 1 ? Effect.void : Effect.sleep(Math.ceil(((1 - state.tokens) * 1_000) / perSecond))
        return Effect.andThen(
          wait,
          Effect.sync(() => {
            const later = now()
            state.tokens += ((later - state.filledAt) * perSecond) / 1_000 - 1
            state.filledAt = later
          }),
        )
      }),
    )

  const ask = (
    state: State,
    params: CompleteRequestParams,
    key: string,
    waits: boolean,
  ): Effect.Effect<Completion, CompletionError> =>
    Effect.gen(function* () {
      if (waits) yield* Effect.sleep(quiet)
      yield* turn(state)
      const { answers } = state
      const result = yield* state.session.request(Method.complete, params, { timeout })
      const completion = read(result)
      if (completion.values.reduce((size, value) => size + value.length, 0) <= answerLimit) {
        answers.delete(key)
        answers.set(key, { completion, until: now() + timeToLive })
        bound(answers)
      }
      return completion
    })

  /** Waits for a question, together with whoever else asked it; the last who goes withdraws it. */
  const join = (state: State, subject: string, asking: Asking, begin: Effect.Effect<void>) =>
    Effect.uninterruptibleMask((restore) => {
      asking.waiting += 1
      const withdraw = Effect.sync(() => {
        asking.waiting -= 1
        if (asking.waiting > 0) return
        if (state.asking.get(subject) === asking) state.asking.delete(subject)
        asking.fiber?.interruptUnsafe()
      })
      return Effect.andThen(
        begin,
        Effect.onInterrupt(restore(Deferred.await(asking.outcome)), () => withdraw),
      )
    })

  return (server, { session }, question) =>
    Effect.suspend(() => {
      const fail = (reason: BadQuestion | Superseded) => new McpError({ reason })
      const detail = problemOf(question)
      if (detail !== undefined) return Effect.fail(fail(new BadQuestion({ server, detail })))
      const params = say(question, adapter(session.agreement.revision).completionContext)
      const key = JSON.stringify(params)
      const subject = JSON.stringify([params.ref, params.argument.name])
      const state = stateOf(session)
      const at = now()

      const known = state.answers.get(key)
      if (known !== undefined && known.until > at) return Effect.succeed(known.completion)
      const current = state.asking.get(subject)
      if (current?.key === key) return join(state, subject, current, Effect.void)

      const asking: Asking = { key, outcome: Deferred.makeUnsafe(), fiber: undefined, waiting: 0 }
      state.asking.set(subject, asking)
      if (current !== undefined) {
        Deferred.doneUnsafe(
          current.outcome,
          Effect.fail(fail(new Superseded({ server, argument: params.argument.name }))),
        )
        current.fiber?.interruptUnsafe()
      }
      const last = state.askedAt.get(subject)
      state.askedAt.delete(subject)
      state.askedAt.set(subject, at)
      bound(state.askedAt)
      const waits = last !== undefined && at - last < quiet
      const finish = (exit: Exit.Exit<Completion, CompletionError>) => {
        if (state.asking.get(subject) === asking) state.asking.delete(subject)
        // Only the end of the service interrupts a question that somebody waits for.
        const lost = Exit.isFailure(exit) && Exit.hasInterrupts(exit)
        Deferred.doneUnsafe(asking.outcome, lost ? Exit.fail(closed(server, Method.complete.method)) : exit)
      }
      const begin = Effect.map(
        Effect.forkIn(ask(state, params, key, waits), scope, { startImmediately: true }),
        (fiber) => {
          asking.fiber = fiber
          fiber.addObserver(finish)
        },
      )
      return join(state, subject, asking, begin)
    })
})
