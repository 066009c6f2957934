/** The messages of one session, in memory: whatever changes in them is told to the bus. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import type * as Bus from "../bus/index.ts"
import type { Message } from "./conversation.ts"
import * as Event from "./message.ts"
import type { Content, Part, ToolPart } from "./part.ts"

interface Kept {
  info: Event.Info
  /** By id, in order. */
  readonly parts: Map<string, Part>
}

export class Transcript {
  readonly sessionID: string
  private readonly bus: Bus.Interface
  private readonly all = new Map<string, Kept>()
  private readonly own = randomUUID().slice(0, 8)
  private count = 0

  constructor(sessionID: string, bus: Bus.Interface) {
    this.sessionID = sessionID
    this.bus = bus
  }

  /** Greater than those before. */
  nextID(kind: "msg" | "prt"): string {
    this.count += 1
    return `${kind}_${this.own}_${String(this.count).padStart(8, "0")}`
  }

  messages(): ReadonlyArray<Message> {
    return [...this.all.values()].map(({ info, parts }) => ({ info, parts: [...parts.values()] }))
  }

  /** The last answer of the model's. */
  last(): { readonly info: Event.Assistant; readonly parts: ReadonlyArray<Part> } | undefined {
    for (const { info, parts } of this.messages().toReversed()) if (info.role === "assistant") return { info, parts }
    return undefined
  }

  /** Adds a message, or changes what is said of it. */
  put(info: Event.Info): Effect.Effect<void> {
    return Effect.suspend(() => {
      const known = this.all.get(info.id)
      if (known === undefined) this.all.set(info.id, { info, parts: new Map() })
      else known.info = info
      return this.bus.publish(Event.MessageUpdated, { sessionID: this.sessionID, info })
    })
  }

  /** Adds a part; gives its id. */
  add(messageID: string, content: Content): Effect.Effect<string> {
    return Effect.suspend(() => {
      const part = { ...content, id: this.nextID("prt"), sessionID: this.sessionID, messageID }
      return Effect.as(this.set(part), part.id)
    })
  }

  /** Changes a part. */
  set(part: Part): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.all.get(part.messageID)?.parts.set(part.id, part)
      return this.bus.publish(Event.PartUpdated, { sessionID: this.sessionID, part })
    })
  }

  /** Lets a text grow. */
  grow(messageID: string, partID: string, delta: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const parts = this.all.get(messageID)?.parts
      const part = parts?.get(partID)
      if (part === undefined || (part.type !== "text" && part.type !== "reasoning")) return Effect.void
      parts?.set(partID, { ...part, text: part.text + delta })
      const place = { sessionID: this.sessionID, messageID, partID }
      return this.bus.publish(Event.PartDelta, { ...place, field: "text", delta })
    })
  }

  part(messageID: string, partID: string): Part | undefined {
    return this.all.get(messageID)?.parts.get(partID)
  }

  /** Changes the state of a call. */
  call(messageID: string, partID: string, state: ToolPart["state"]): Effect.Effect<void> {
    return Effect.suspend(() => {
      const part = this.part(messageID, partID)
      return part?.type === "tool" ? this.set({ ...part, state }) : Effect.void
    })
  }

  /** Removes the parts of a message. */
  empty(messageID: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const parts = this.all.get(messageID)?.parts ?? new Map<string, Part>()
      const ids = [...parts.keys()]
      parts.clear()
      return Effect.forEach(
        ids,
        (partID) => this.bus.publish(Event.PartRemoved, { sessionID: this.sessionID, messageID, partID }),
        { discard: true },
      )
    })
  }

  /** Ends a message: calls that still run are errors, and the time is noted. */
  close(info: Event.Assistant): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (const part of this.all.get(info.id)?.parts.values() ?? []) {
        if (part.type !== "tool" || part.state.status !== "running") continue
        const { input, metadata } = part.state
        const kept = metadata === undefined ? {} : { metadata }
        yield* this.set({ ...part, state: { status: "error", input, error: "The call was cancelled.", ...kept } })
      }
      const completed = yield* Clock.currentTimeMillis
      yield* this.put({ ...info, time: { ...info.time, completed } })
    })
  }
}
