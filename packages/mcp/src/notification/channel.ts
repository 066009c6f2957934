/**
 * One topic: synchronous listeners, and a `Stream` over them.
 *
 * Until its first listener a channel keeps what is published, up to its bounds; that listener gets it first. A
 * subscriber of the stream that lags loses the newest; the loss is counted, and told once the subscriber reads again.
 * Nothing here waits.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { type Bounds, Buffer } from "./buffer.ts"
import { call } from "./listener.ts"

/** What a channel keeps for its first listener, and for each subscriber that lags, in elements. */
export const defaultCapacity = 1_024
/** The same in bytes. */
export const defaultBytes = 4_194_304

// By its length: an element may be `undefined`.
const isFilled = <A>(elements: ReadonlyArray<A>): elements is readonly [A, ...Array<A>] => elements.length > 0

/** A channel of `A`. */
export class Channel<A> {
  private readonly bounds: Bounds<A>
  private readonly listeners = new Set<(payload: A) => void>()
  private backlog: Buffer<A> | undefined
  private lost = 0

  constructor(bounds: Partial<Bounds<A>> = {}) {
    this.bounds = { capacity: defaultCapacity, bytes: defaultBytes, ...bounds }
    this.backlog = new Buffer(this.bounds)
  }

  /** How many elements were lost to a full backlog or a subscriber that lagged, ever. */
  get dropped(): number {
    return this.lost
  }

  publish(payload: A): void {
    if (this.backlog === undefined) {
      for (const listener of this.listeners) call(listener, payload)
    } else if (!this.backlog.offer(payload)) {
      this.lost += 1
    }
  }

  /** Calls `listener` for each element from now on, and the first one for what was kept. Returns what ends that. */
  listen(listener: (payload: A) => void): () => void {
    const backlog = this.backlog
    this.backlog = undefined
    this.listeners.add(listener)
    for (const payload of backlog?.take() ?? []) call(listener, payload)
    return () => this.listeners.delete(listener)
  }

  /** The elements from the moment it is run. */
  readonly stream: Stream.Stream<A> = Stream.unwrap(
    Effect.gen({ self: this }, function* () {
      const buffer = new Buffer(this.bounds)
      const filled = yield* Latch.make()
      let waking = false
      const wake = () => {
        waking = false
        filled.openUnsafe()
      }
      const listener = (payload: A) => {
        if (!buffer.offer(payload)) this.lost += 1
        if (waking) return
        waking = true
        // Opening runs who waits at once: here it would be within the reader of the connection, element by element.
        queueMicrotask(wake)
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => this.listen(listener)),
        (stop) => Effect.sync(stop),
      )
      const pull: Effect.Effect<readonly [A, ...Array<A>]> = Effect.suspend(() => {
        const taken = buffer.take()
        if (isFilled(taken)) return Effect.succeed(taken)
        filled.closeUnsafe()
        return Effect.andThen(filled.await, pull)
      })
      return Stream.fromPull(Effect.succeed(pull))
    }),
  )
}
