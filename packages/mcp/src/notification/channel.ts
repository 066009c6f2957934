/**
 * One topic: synchronous listeners, and a `Stream` over them.
 *
 * Until its first listener a channel keeps what is published, up to its capacity; that listener gets it first. A
 * subscriber of the stream that lags loses the newest, and the loss is counted. Nothing here waits.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { call } from "./listener.ts"

/** What a channel keeps for its first listener, and each subscriber's queue, in elements. */
export const defaultCapacity = 1_024

/** A channel of `A`. */
export class Channel<A> {
  private readonly capacity: number
  private readonly listeners = new Set<(payload: A) => void>()
  private backlog: Array<A> | undefined = []
  private lost = 0

  constructor(capacity: number = defaultCapacity) {
    this.capacity = capacity
  }

  /** How many elements were lost to a full backlog or queue. */
  get dropped(): number {
    return this.lost
  }

  publish(payload: A): void {
    if (this.backlog === undefined) {
      for (const listener of this.listeners) call(listener, payload)
    } else if (this.backlog.length < this.capacity) {
      this.backlog.push(payload)
    } else {
      this.lost += 1
    }
  }

  /** Calls `listener` for each element from now on, and the first one for what was kept. Returns what ends that. */
  listen(listener: (payload: A) => void): () => void {
    const backlog = this.backlog
    this.backlog = undefined
    this.listeners.add(listener)
    backlog?.forEach((payload) => call(listener, payload))
    return () => this.listeners.delete(listener)
  }

  /** The elements from the moment it is run. */
  readonly stream: Stream.Stream<A> = Stream.unwrap(
    Effect.gen({ self: this }, function* () {
      const queue = yield* Queue.dropping<A>(this.capacity)
      const listener = (payload: A) => {
        if (!Queue.offerUnsafe(queue, payload)) this.lost += 1
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => this.listen(listener)),
        (stop) => Effect.sync(stop),
      )
      return Stream.fromQueue(queue)
    }),
  )
}
