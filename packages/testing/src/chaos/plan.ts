/** The steps of a run, from its seed alone: calls and what is done to them, what else a client does, and what befalls the servers. */
import { askedAgain, type Fault, faults, forgetting, type Server, tagOf } from "./faults.ts"
import { type Random, random } from "./random.ts"

export type Listener = Exclude<Server, "local">

/** What befalls a server, whatever is under way. `for` in milliseconds. */
export type Disaster =
  | { readonly kind: "kill" | "restart"; readonly server: Server }
  | { readonly kind: "freeze"; readonly server: Server; readonly for: number }
  /** The process ends in the middle of a line, or all sockets are closed. */
  | { readonly kind: "cut"; readonly server: Server }
  /** Nobody is there: connections are closed, or answered with 502. */
  | { readonly kind: "down"; readonly server: Listener; readonly for: number; readonly answers: boolean }
  /** Each session is forgotten as soon as it has begun. */
  | { readonly kind: "amnesia"; readonly server: "remote"; readonly for: number }
  | { readonly kind: "reconnect"; readonly server: Server }

export type Action =
  | { readonly kind: "call"; readonly size: number }
  /** With progress, so many times. */
  | { readonly kind: "steps"; readonly steps: number }
  /** Interrupted after so many milliseconds. */
  | { readonly kind: "cancel"; readonly after: number }
  | { readonly kind: "read" }
  | { readonly kind: "list"; readonly what: "tools" | "prompts" | "resources" | "templates" }
  | { readonly kind: "toggle" }
  | { readonly kind: "ping" }
  | { readonly kind: "subscribe" | "unsubscribe"; readonly uri: string }
  | { readonly kind: "disaster"; readonly disaster: Disaster }

export interface Step {
  readonly number: number
  /** Milliseconds after its batch began. */
  readonly at: number
  readonly server: Server
  readonly action: Action
  readonly fault: Fault
  readonly tag: string
}

export interface Batch {
  readonly steps: ReadonlyArray<Step>
  /** Nothing happens to a server: each step must end as its own fault says. */
  readonly calm: boolean
}

const keys = <Key extends string>(record: Record<Key, unknown>): readonly [Key, ...ReadonlyArray<Key>] =>
  // An object's own keys, in the order in which they are written.
  Object.keys(record) as unknown as readonly [Key, ...ReadonlyArray<Key>]

const names: Readonly<Record<Server, readonly [Fault, ...ReadonlyArray<Fault>]>> = {
  local: keys(faults.local),
  remote: keys(faults.remote),
  sse: keys(faults.sse),
}

const disaster = ({ below, chance, pick }: Random, server: Server): Disaster => {
  const kinds = ["kill", "restart", "freeze", "cut", "reconnect"] as const
  const kind =
    server === "local"
      ? pick(kinds)
      : server === "sse"
        ? pick([...kinds, "down"] as const)
        : pick([...kinds, "down", "amnesia"] as const)
  switch (kind) {
    case "freeze":
      return { kind, server, for: 20 + below(200) }
    case "down":
      return { kind, server: server === "sse" ? server : "remote", for: 20 + below(300), answers: chance(0.5) }
    case "amnesia":
      return { kind, server: "remote", for: 400 + below(600) }
    default:
      return { kind, server }
  }
}

const action = ({ below, pick }: Random): Action => {
  const dice = below(100)
  if (dice < 62) return { kind: "call", size: below(10) === 0 ? 20_000 + below(200_000) : below(400) }
  if (dice < 70) return { kind: "steps", steps: 1 + below(8) }
  if (dice < 77) return { kind: "cancel", after: below(40) }
  if (dice < 86) return { kind: "read" }
  if (dice < 91) return { kind: "list", what: pick(["tools", "prompts", "resources", "templates"]) }
  if (dice < 93) return { kind: "toggle" }
  if (dice < 95) return { kind: "ping" }
  return { kind: pick(["subscribe", "unsubscribe"]), uri: `test://item/${below(5)}` }
}

/** What can be harmed: a call, and a read, which may be asked once more. */
const harmed: ReadonlySet<string> = new Set(["call", "read"])

/** The batches of `steps` steps. */
export function* plan(seed: number, steps: number): Generator<Batch> {
  const chance = random(seed)
  // One forgotten session in a batch: where it is forgotten before it has answered anything, it is over.
  for (let taken = 0, size = 0; taken < steps; taken += size) {
    size = Math.min(8 + chance.below(32), steps - taken)
    const before = taken
    const disasters = chance.chance(0.3) ? 1 + chance.below(2) : 0
    let hasForgotten = false
    let hasLost = false
    const batch = Array.from({ length: size }, (_, at): Step => {
      const number = before + at + 1
      const server = chance.pick(["local", "local", "remote", "remote", "sse"] as const)
      const when = chance.below(30)
      if (at < disasters) {
        const found = disaster(chance, server)
        const tag = tagOf(number, "none")
        return { number, at: when, server, action: { kind: "disaster", disaster: found }, fault: "none", tag }
      }
      const found = action(chance)
      const wanted = chance.pick(names[server])
      const forgets = forgetting.has(wanted)
      const lost = found.kind === "read" && askedAgain.has(wanted)
      // A request is sent once more, not twice: one that meets both fails.
      const apart = forgets ? !hasForgotten && !hasLost : !lost || !hasForgotten
      const fault = harmed.has(found.kind) && chance.chance(0.5) && apart ? wanted : "none"
      if (fault !== "none") {
        hasForgotten ||= forgets
        hasLost ||= lost
      }
      return { number, at: when, server, action: found, fault, tag: tagOf(number, fault) }
    })
    yield { steps: batch, calm: disasters === 0 }
  }
}
