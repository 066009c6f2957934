/**
 * One validation under way: what is left of its fuel, where it stands in the instance, and what it has found.
 *
 * Every step of a validation costs fuel, and what there is of it grows with the instance, up to a bound. So the time is
 * linear in the instance whatever the schema is, and one that would need more ends undecided.
 */
import { type Resource, token } from "./document.ts"

/** What is wrong with an instance. */
export interface Problem {
  /** Where, as a JSON pointer; "" is the root. */
  readonly path: string
  /** What was expected there, as a sentence. Values of the instance are not in it, names are. */
  readonly message: string
  /** `Undecided`: it was too much work to find out. It is the only problem then. */
  readonly reason: "Mismatch" | "Undecided"
}

/** What a schema and all that applies in place have looked at of one object or array: for `unevaluated…`. */
export class Seen {
  allNames = false
  readonly names = new Set<string>()
  allItems = false
  /** How many items from the front. */
  items = 0
  readonly indexes = new Set<number>()
}

/** One keyword of a schema. False where the instance does not fit, which it has reported then. */
export type Check = (run: Run, value: unknown, seen: Seen | undefined) => boolean

/** A compiled schema. */
export interface Node {
  readonly path: string
  readonly resource: Resource
  readonly checks: Array<Check>
  /** The schemas that apply to the same instance. */
  readonly inPlace: Array<Node>
  /** Those that ask what all others have looked at, once these all fit. */
  readonly after: Array<Check>
}

/** Steps that any validation may take. */
const base = 1_000_000
/** Further steps for each character, or so, of the instance. */
const perCharacter = 200
/** Steps that no validation passes: a second or two. */
const most = 20_000_000
/** Schemas within schemas, references followed, levels of the instance: more would endanger the stack. */
const deepest = 800
/** Problems that are reported, and the characters of each. */
const mostProblems = 10
const longest = 500

/** The size of an instance, as far as it matters. */
const sizeOf = (instance: unknown): number => {
  const enough = most / perCharacter
  const stack: Array<unknown> = [instance]
  let size = 0
  while (stack.length > 0 && size < enough) {
    const value = stack.pop()
    size += typeof value === "string" ? value.length + 4 : 4
    if (Array.isArray(value)) {
      size += value.length
      for (let at = 0; at < value.length && at < enough; at++) stack.push(value[at])
    } else if (typeof value === "object" && value !== null) {
      for (const key in value) {
        size += key.length
        if (size >= enough) break
        stack.push(Reflect.get(value, key))
      }
    }
  }
  return Math.min(size, enough)
}

export class Run {
  private fuel = base
  private refuelled = false
  private depth = 0
  private limit = mostProblems
  private problems: Array<Problem> = []
  private undecided: string | undefined
  private readonly path: Array<string | number> = []
  /** The resources that were entered on the way here, for dynamic references. */
  readonly scope: Array<Resource> = []
  private readonly instance: unknown

  constructor(instance: unknown) {
    this.instance = instance
  }

  /** What was found: first all that does not fit, up to ten, unless it could not be decided. */
  get found(): ReadonlyArray<Problem> {
    return this.undecided === undefined ? this.problems : [{ path: "", message: this.undecided, reason: "Undecided" }]
  }

  /** The path of what is being looked at. */
  get here(): string {
    return this.path.map(token).join("")
  }

  /** Whether there is nothing more to find out. */
  get isOver(): boolean {
    return this.undecided !== undefined || this.problems.length >= this.limit
  }

  /** Pays for work that is about to be done. False where there is no fuel for it: it must not be done then. */
  spend(steps: number): boolean {
    this.fuel -= steps
    if (this.fuel >= 0) return true
    if (!this.refuelled) {
      this.refuelled = true
      this.fuel += Math.min(most, perCharacter * sizeOf(this.instance))
      if (this.fuel >= 0) return true
    }
    return this.giveUp("to validate it takes more work than an instance of its size is worth")
  }

  /** Ends it undecided, and is false. */
  giveUp(detail: string): boolean {
    this.undecided ??= detail
    return false
  }

  /** Reports what does not fit, and is false. */
  fail(message: string): boolean {
    if (this.isOver || !this.spend(10 + this.path.length)) return false
    const short = message.length <= longest ? message : `${message.slice(0, longest)}…`
    this.problems.push({ path: this.here, message: short, reason: "Mismatch" })
    return false
  }

  /** Whether a schema fits the instance at this place. */
  evaluate(node: Node, value: unknown, seen: Seen | undefined): boolean {
    if (!this.spend(1 + node.checks.length + node.after.length)) return false
    if (this.depth >= deepest) return this.giveUp("the schema or the instance is nested too deeply to be validated")
    this.depth++
    const enters = this.scope.at(-1) !== node.resource
    if (enters) this.scope.push(node.resource)
    const own = node.after.length > 0 && typeof value === "object" ? new Seen() : seen
    let fits = true
    for (const check of node.checks) {
      if (check(this, value, own)) continue
      fits = false
      if (this.isOver) break
    }
    for (const check of fits ? node.after : []) {
      if (!check(this, value, own)) fits = false
    }
    if (enters) this.scope.pop()
    this.depth--
    if (fits && own !== seen) this.merge(own, seen)
    return fits
  }

  /** Whether a schema fits a member of the instance at this place. */
  descend(node: Node, key: string | number, value: unknown): boolean {
    this.path.push(key)
    const fits = this.evaluate(node, value, undefined)
    this.path.pop()
    return fits
  }

  /** The first problem of a schema that need not fit; `undefined` where it does. */
  attempt(node: Node, value: unknown, seen?: Seen, key?: number): Problem | undefined {
    const { limit, problems } = this
    this.limit = 1
    this.problems = []
    const fits = key === undefined ? this.evaluate(node, value, seen) : this.descend(node, key, value)
    const problem = this.problems[0]
    this.limit = limit
    this.problems = problems
    return fits ? undefined : (problem ?? { path: "", message: "it does not fit", reason: "Undecided" })
  }

  /** What a schema that fits has looked at was looked at by the schema that it is part of. */
  merge(from: Seen | undefined, to: Seen | undefined): void {
    if (from === undefined || to === undefined || !this.spend(4 * (from.names.size + from.indexes.size))) return
    for (const name of from.names) to.names.add(name)
    for (const index of from.indexes) to.indexes.add(index)
    to.allNames ||= from.allNames
    to.allItems ||= from.allItems
    to.items = Math.max(to.items, from.items)
  }
}
