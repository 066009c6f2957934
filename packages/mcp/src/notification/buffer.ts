/**
 * What waits for a reader that is not there yet, or that lags: bounded in elements and in bytes. What is too much is lost,
 * the newest first, and counted, and the reader is told of it in its place.
 */

/** The bounds of a buffer. */
export interface Bounds<A> {
  /** The most elements. */
  readonly capacity: number
  /** The most bytes of all elements, as estimated; one element always has room. */
  readonly bytes: number
  /**
   * What floods by itself: the elements of one group take `groupCapacity` of the room at most, and elements without a
   * group still find room (a quarter more) where groups have filled all of it.
   */
  readonly group?: ((element: A) => string | undefined) | undefined
  readonly groupCapacity?: number | undefined
  /** Is told of the elements of a group that were lost, once the reader is there. What it gives is read after the others. */
  readonly lost?: ((first: A, count: number) => A | undefined) | undefined
}

/** Beyond so many members the weight of a value is estimated from those before. */
const weighed = 1_000

/** About how many bytes a value of JSON takes in memory. Never looks at more than a thousand of its members. */
export const weigh = (value: unknown): number => {
  let bytes = 0
  let seen = 0
  const waiting: Array<unknown> = [value]
  for (let next = waiting.pop(); ; next = waiting.pop()) {
    seen += 1
    bytes += 16
    if (typeof next === "string") bytes += next.length * 2
    else if (Array.isArray(next)) for (const member of next) waiting.push(member)
    else if (typeof next === "object" && next !== null) {
      for (const [name, member] of Object.entries(next)) {
        bytes += name.length
        waiting.push(member)
      }
    }
    if (waiting.length === 0) return bytes
    if (seen >= weighed) return Math.ceil((bytes / seen) * (seen + waiting.length))
  }
}

interface Lost<A> {
  readonly first: A
  count: number
}

export class Buffer<A> {
  private readonly bounds: Bounds<A>
  private elements: Array<A> = []
  private bytes = 0
  private readonly groups = new Map<string, number>()
  private readonly losses = new Map<string | undefined, Lost<A>>()

  constructor(bounds: Bounds<A>) {
    this.bounds = bounds
  }

  private lose(group: string | undefined, element: A): false {
    const before = this.losses.get(group)
    if (before === undefined) this.losses.set(group, { first: element, count: 1 })
    else before.count += 1
    return false
  }

  /** Keeps an element; false where it was lost. */
  offer(element: A): boolean {
    const { bytes: limit, capacity, group: grouped, groupCapacity = capacity } = this.bounds
    const group = grouped?.(element)
    const count = group === undefined ? 0 : (this.groups.get(group) ?? 0)
    const reserve = grouped !== undefined && group === undefined ? 1.25 : 1
    if (count >= groupCapacity || this.elements.length >= capacity * reserve) return this.lose(group, element)
    const bytes = weigh(element)
    if (this.elements.length > 0 && this.bytes + bytes > limit * reserve) return this.lose(group, element)
    this.elements.push(element)
    this.bytes += bytes
    if (group !== undefined) this.groups.set(group, count + 1)
    return true
  }

  /** All that is kept, oldest first, and after it what tells of the lost. */
  take(): Array<A> {
    const taken = this.elements
    const losses = [...this.losses.values()]
    this.elements = []
    this.bytes = 0
    this.groups.clear()
    this.losses.clear()
    for (const { count, first } of losses) {
      const told = this.bounds.lost?.(first, count)
      if (told !== undefined) taken.push(told)
    }
    return taken
  }
}
