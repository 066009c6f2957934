/**
 * The messages under way on a Streamable HTTP connection. Each has a POST of its own, but its answer may come on the
 * stream of another, or on that of none. How many there may be is bounded here; reading what comes is done elsewhere.
 */
import * as Effect from "effect/Effect"
import { isObject, isRequest, isRequestId, type Message, type RequestId } from "../protocol/jsonrpc.ts"
import { Closed, fail, type TransportError } from "./error.ts"
import type { Cursor } from "./event-stream.ts"
import type { Flight } from "./exchange.ts"
import type { Receiver } from "./transport.ts"

/** Requests that may be under way before `send` refuses: each has a socket of its own. */
const requestLimit = 200
/** The same for what needs no answer: a bound of its own, so that the server's own requests can be answered. */
const otherLimit = 1_000

/** Streams that may stay open after their answer came: most servers end them in the same breath, some never. */
const lingerLimit = 8

/** A message under way. */
export interface Post extends Cursor, Flight {
  /** The id of a request; `undefined` where no answer is expected. */
  readonly id: RequestId | undefined
  readonly method: string
  /** The request that it cancels. */
  readonly cancels: RequestId | undefined
  readonly controller: AbortController
  /** Whether its answer, or its being taken, is still waited for. */
  open: boolean
}

/** The request that a message cancels. */
export const cancelledBy = (message: Message): RequestId | undefined => {
  if (!("method" in message) || message.method !== "notifications/cancelled") return undefined
  const params: unknown = message.params
  return isObject(params) && isRequestId(params.requestId) ? params.requestId : undefined
}

const postOf = (message: Message): Post => ({
  id: isRequest(message) ? message.id : undefined,
  method: "method" in message ? message.method : "an answer",
  cancels: cancelledBy(message),
  controller: new AbortController(),
  open: true,
  at: "held",
  session: undefined,
  lastEventId: undefined,
  retry: undefined,
})

/** The posts of one connection, and what its session is told of them. */
export class Posts {
  private readonly receiver: Receiver
  private readonly requests = new Map<RequestId, Post>()
  private readonly others = new Set<Post>()
  private readonly lingering = new Set<Post>()
  /** Requests that nobody waits for and that may still be on their way, until the server has been told. */
  private readonly abandoned = new Map<RequestId, Post>()
  private refused = false
  private onIdle: (() => void) | undefined
  /** Nothing is begun any more, and the session is told nothing. */
  closing = false

  constructor(receiver: Receiver) {
    this.receiver = receiver
  }

  /** Whether a message may be begun, where `held` requests wait for their turn. If not, `writable` is said later. */
  admits(message: Message, held: number): boolean {
    const room = isRequest(message) ? this.requests.size + held < requestLimit : this.others.size < otherLimit
    if (!room) this.refused = true
    return room
  }

  begin(message: Message): Post {
    const post = postOf(message)
    if (post.id === undefined) this.others.add(post)
    else this.requests.set(post.id, post)
    return post
  }

  /** The request under way that has this id. */
  of(id: RequestId): Post | undefined {
    return this.requests.get(id)
  }

  /** Its message was taken: nothing more is expected. */
  done(post: Post): void {
    if (this.close(post)) this.afterClose()
  }

  /** It will get no answer. Says nothing where it is no longer under way. */
  lose(post: Post, error: TransportError): void {
    if (!this.close(post)) return
    if (post.id === undefined) this.warn(`${post.method} was not delivered: ${error.message}`)
    else if (!this.closing) this.receiver.failed(post.id, error)
    this.afterClose()
  }

  /**
   * Nobody waits for its answer any longer. Returns whether the server may have it. Where it is not known to have it, its
   * POST goes on until its cancellation was taken, or until `forget`: what is aborted sooner may never arrive.
   */
  abandon(id: RequestId): boolean {
    const post = this.requests.get(id)
    if (post === undefined) return false
    this.close(post)
    if (post.at === "given") this.abandoned.set(id, post)
    else post.controller.abort()
    this.afterClose()
    return post.at !== "held"
  }

  /** Ends the POST of a request that was abandoned. */
  forget(id: RequestId): void {
    this.abandoned.get(id)?.controller.abort()
    this.abandoned.delete(id)
  }

  /** Hands on what came for a post, or on the stream of none. */
  deliver(value: unknown, from: Post | undefined): void {
    if (this.closing) return
    const settled = Array.isArray(value)
      ? value.filter((one) => this.settle(one, from)).length > 0
      : this.settle(value, from)
    this.receiver.message(value, from?.id)
    if (settled) this.afterClose()
  }

  /** The stream of a post goes on after its answer. */
  linger(post: Post): void {
    this.lingering.add(post)
    if (this.lingering.size <= lingerLimit) return
    const [oldest] = this.lingering
    if (oldest === undefined) return
    this.lingering.delete(oldest)
    oldest.controller.abort()
  }

  /** The stream of a post is over. */
  left(post: Post): void {
    this.lingering.delete(post)
  }

  warn(message: string): void {
    if (!this.closing) this.receiver.warning(message)
  }

  /** Ends what waits for an answer, and says that the connection is over. What needs none is still being delivered. */
  stop(): void {
    this.closing = true
    for (const post of [...this.requests.values(), ...this.lingering]) post.controller.abort()
    this.receiver.ended(fail(new Closed()))
  }

  /** Ends when everything that needs no answer was taken. */
  readonly delivered: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.others.size === 0) return resume(Effect.void)
    this.onIdle = () => resume(Effect.void)
  })

  /** Ends what is still being delivered. */
  drop(): void {
    for (const post of [...this.others, ...this.abandoned.values()]) post.controller.abort()
  }

  /** True if it was under way. What is done next may send again: `afterClose` is for when all is said. */
  private close(post: Post): boolean {
    if (!post.open) return false
    post.open = false
    if (post.id === undefined) this.others.delete(post)
    else this.requests.delete(post.id)
    if (post.cancels !== undefined) this.forget(post.cancels)
    return true
  }

  private afterClose(): void {
    if (this.others.size === 0) this.onIdle?.()
    if (!this.refused || this.closing || this.requests.size >= requestLimit || this.others.size >= otherLimit) return
    this.refused = false
    this.receiver.writable()
  }

  /** An answer closes the post that it belongs to, on whichever stream it came. */
  private settle(value: unknown, from: Post | undefined): boolean {
    if (!isObject(value) || value.method !== undefined || !isRequestId(value.id)) return false
    const post = this.requests.get(value.id)
    if (post === undefined) return false
    this.close(post)
    if (post !== from) post.controller.abort()
    return true
  }
}
