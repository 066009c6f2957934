/**
 * One request of a session, from its sending to its end. How an answer finds it is `requests.ts`'s.
 */
import * as Effect from "effect/Effect"
import type { Progress } from "../notification/notifications.ts"
import type { JsonObject, Message, RequestId } from "../protocol/jsonrpc.ts"
import type { RequestMethod } from "../protocol/method.ts"
import type { TransportError } from "../transport/error.ts"
import type { Waited } from "../transport/patience.ts"
import { InvalidResponse, type Protocol, SessionError, type SessionReason } from "./error.ts"

/** How one request is sent. */
export interface RequestOptions {
  /** How long it may be silent, in milliseconds; progress counts as a sign of life. Default: the session's. */
  readonly timeout?: number | undefined
  /** Called for each progress notification of this request. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Members to add to `params._meta`. */
  readonly meta?: JsonObject | undefined
  /** Whether it may be sent once more where its answer was lost: what it does is the same done twice. Default: false. */
  readonly repeatable?: boolean | undefined
  /** What the host calls this request: handlers of what the server asks meanwhile are told. */
  readonly request?: unknown
  /** A token of `trackProgress`, for a request whose progress outlives its answer. */
  readonly progressToken?: RequestId | undefined
  /**
   * Is told of a result that comes when the caller has gone. Such a request is not cancelled: what asks for a task is
   * never (Cancellation, Behavior Requirements 3), and the task that comes of it has to be known to be cancelled.
   */
  readonly onLate?: ((result: unknown) => void) | undefined
}

/** A request that progress keeps alive may last this many times its idle timeout in all. */
export const totalFactor = 10

/** A request that waits, whatever it waits for. */
export interface Pending {
  readonly id: number
  readonly method: string
  /** Whether it has a progress token. */
  readonly long: boolean
  readonly idle: number
  readonly options: RequestOptions | undefined
  /** In which of the sessions over one connection it was sent. */
  readonly generation: number
  /** When it ends however much progress it reports. */
  last: number
  deadline: number
  /** How many questions to a person it waits for, and since when: its clocks stand still meanwhile. */
  paused: number
  pausedAt: number
  /** Whether its caller has gone, and a late answer is told to `onLate`. */
  late: boolean
  /** The message while it waits to be sent. */
  unsent: Message | undefined
  /** What takes back the questions that the server asks for its sake, once nobody waits for it. */
  questions: Set<() => void> | undefined
  readonly settle: (result: unknown) => void
  readonly fail: (reason: SessionReason) => void
  /** Ends with what `recover` makes of an error. */
  readonly refused: (reason: Protocol) => void
}

/** What a request went through that was sent before. */
export interface Past {
  /** Whether its failure was recovered from, which is done once. */
  readonly isRepeated: boolean
  /** What it has met of a server that was busy. */
  readonly busy: Waited | undefined
  /** Its deadline, where that does not begin anew. */
  readonly deadline: number | undefined
}

/** A request that failed, before its caller learns of it. */
export interface Failed<Result> {
  readonly error: SessionError
  /** Asks once more: the last time, unless the server is busy. */
  readonly again: Effect.Effect<Result, SessionError>
  /** Asks when the server has time again, until the same deadline. */
  readonly later: (busy: Waited) => Effect.Effect<Result, SessionError>
  /** How long until its deadline, in milliseconds. */
  readonly remaining: () => number
  /** `undefined` where it was sent once. */
  readonly past: Past | undefined
  readonly options: RequestOptions | undefined
  /** In which of the sessions over one connection it was sent. */
  readonly generation: number
}

/** What becomes of a failure; `undefined`: it is told to the caller. */
export type Recover<Reason> = <Result>(
  reason: Reason,
  failed: Failed<Result>,
) => Effect.Effect<Result, SessionError> | undefined

export type Answerable<Result> = Pick<RequestMethod<object, Result>, "method" | "long" | "accepts">

/** What the entries of one session share. */
export interface Owner {
  readonly server: string
  /** For errors that the server answered with. */
  readonly refused: Recover<Protocol>
  /** For requests that the transport lost. */
  readonly lost: Recover<TransportError>
  /** How many sessions there were before this one. */
  readonly generation: () => number
  readonly again: <Result>(
    token: Answerable<Result>,
    params: object,
    options: RequestOptions | undefined,
    past: Past,
  ) => Effect.Effect<Result, SessionError>
  /** Milliseconds on the clock of the deadlines. */
  readonly now: () => number
}

/** One is made for each call, so its methods are made once, in a class. */
export class Entry<Result> implements Pending {
  readonly id: number
  readonly idle: number
  readonly options: RequestOptions | undefined
  readonly generation: number
  last: number
  deadline: number
  paused: number
  pausedAt: number
  late: boolean
  unsent: Message | undefined
  questions: Set<() => void> | undefined
  private readonly token: Answerable<Result>
  private readonly params: object
  private readonly owner: Owner
  private readonly past: Past | undefined
  private readonly resume: (effect: Effect.Effect<Result, SessionError>) => void

  constructor(
    id: number,
    token: Answerable<Result>,
    params: object,
    owner: Owner,
    past: Past | undefined,
    now: number,
    idle: number,
    options: RequestOptions | undefined,
    resume: (effect: Effect.Effect<Result, SessionError>) => void,
  ) {
    this.id = id
    this.questions = undefined
    this.token = token
    this.params = params
    this.owner = owner
    this.past = past
    this.generation = owner.generation()
    this.idle = idle
    this.options = options
    this.last = now + idle * totalFactor
    this.deadline = past?.deadline ?? now + idle
    this.paused = 0
    this.pausedAt = 0
    this.late = false
    this.unsent = undefined
    this.resume = resume
  }

  get method(): string {
    return this.token.method
  }

  get long(): boolean {
    return this.token.long
  }

  settle(result: unknown): void {
    if (this.token.accepts(result)) return this.resume(Effect.succeed(result))
    const detail = `the result of ${this.token.method} has not the shape that the protocol asks for`
    this.fail(new InvalidResponse({ detail }))
  }

  fail(reason: SessionReason): void {
    const { lost } = this.owner
    this.conclude(reason, reason._tag === "Transport" ? (failed) => lost(reason.error, failed) : undefined)
  }

  refused(reason: Protocol): void {
    const { refused } = this.owner
    this.conclude(reason, (failed) => refused(reason, failed))
  }

  private conclude(
    reason: SessionReason,
    recover: ((failed: Failed<Result>) => Effect.Effect<Result, SessionError> | undefined) | undefined,
  ): void {
    const error = this.errorOf(reason)
    const { deadline, generation, options, owner, params, past, token } = this
    const busy = past?.busy
    const recovery = recover?.({
      error,
      again: owner.again(token, params, options, { isRepeated: true, busy, deadline: undefined }),
      later: (busy) => owner.again(token, params, options, { isRepeated: past?.isRepeated === true, busy, deadline }),
      remaining: () => deadline - owner.now(),
      past,
      options,
      generation,
    })
    this.resume(recovery ?? Effect.fail(error))
  }

  private errorOf(reason: SessionReason): SessionError {
    return new SessionError({ server: this.owner.server, method: this.token.method, reason })
  }
}
