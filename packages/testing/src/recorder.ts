/**
 * What went over the wire, and whether the specification allows it. `recorded(layer)` decorates a Transport so that every
 * message is kept in order, as it is on the wire; when the layer's Scope closes, any message we sent that is not
 * valid for its revision fails the test. The other forms of recording (a process or a server that is not in this
 * process) are in `recording.ts` and feed the same `Wire`.
 *
 * Beyond each message's schema it checks what a sequence shows: request ids are not used twice in a session, an answer
 * answers an open request once, a cancellation names a request of ours and never `initialize`. Where each message has a
 * socket of its own, as at an HTTP server, it may arrive before that request, which has to arrive nevertheless.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Transport } from "@opencode-ai/mcp/transport/transport"
import { isRevision, type Revision, validateReceived, validateSent } from "./schema.ts"

/** One message, or one batch, as it is on the wire. */
export interface WireEntry {
  readonly direction: "sent" | "received"
  readonly message: unknown
}

/** A message with all its members optional, for asserts. */
export interface WireMessage {
  readonly jsonrpc?: unknown
  readonly id?: unknown
  readonly method?: string
  readonly params?: { readonly [key: string]: unknown }
  readonly result?: { readonly [key: string]: unknown }
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

const messagesOf = (value: unknown): ReadonlyArray<WireMessage> =>
  (Array.isArray(value) ? value : [value]).filter((one) => typeof one === "object" && one !== null)

/** A copy in wire form: members that are `undefined` are not on the wire. */
const wireForm = (message: unknown): unknown => {
  const text = JSON.stringify(message)
  return text === undefined ? undefined : JSON.parse(text)
}

const keyOf = (id: unknown) => JSON.stringify(id) ?? "undefined"

/** The record of one connection's messages. */
export class Wire {
  /** Every message in order. */
  readonly entries: Array<WireEntry> = []
  private readonly found: Array<string> = []
  private readonly receivedFound: Array<string> = []
  private readonly ours = new Map<string, string>()
  private readonly theirs = new Map<string, string>()
  private readonly listeners = new Set<() => void>()
  /** Cancellations that came before what they cancel, where that may be. */
  private readonly early = new Map<string, string>()
  private readonly ordered: boolean
  private current: Revision = "2025-11-25"
  private initializeId: string | undefined

  /** `ordered: false`: messages come on different sockets, so that one may overtake another. Default: true. */
  constructor(options: { readonly ordered?: boolean } = {}) {
    this.ordered = options.ordered ?? true
  }

  /** The revision that messages are held to: the one offered, then the one negotiated. */
  get revision(): Revision {
    return this.current
  }

  /** Everything that is wrong with what we sent, each with the message. */
  get problems(): ReadonlyArray<string> {
    return [...this.found, ...this.early.values()]
  }

  /** The same for what the server sent: for the fake peers' own sake. */
  get receivedProblems(): ReadonlyArray<string> {
    return this.receivedFound
  }

  /** The messages of one direction, batches taken apart, with this method where one is given. */
  messages(direction: "sent" | "received", method?: string): ReadonlyArray<WireMessage> {
    return this.entries
      .filter((entry) => entry.direction === direction)
      .flatMap((entry) => messagesOf(entry.message))
      .filter((message) => method === undefined || message.method === method)
  }

  /**
   * Records a message of ours, before it is handed on: its answer may come while it is. The function it returns takes
   * it back, for a transport that refuses it.
   */
  sent(message: unknown): () => void {
    const form = wireForm(message)
    for (const one of messagesOf(form)) this.beginSent(one)
    const methodOf = (id: unknown) => this.theirs.get(keyOf(id))
    const schema = validateSent(this.current, form, methodOf)
    const problems = [...schema, ...messagesOf(form).flatMap((one) => this.order(one))]
    const text = `${problems.join("; ")}\n  ${this.current}: ${JSON.stringify(form)?.slice(0, 2000)}`
    if (problems.length > 0) this.found.push(text)
    const answered = messagesOf(form).flatMap((one) => {
      const method = one.method === undefined ? this.theirs.get(keyOf(one.id)) : undefined
      return method === undefined ? [] : [[keyOf(one.id), method] as const]
    })
    for (const [key] of answered) this.theirs.delete(key)
    const entry: WireEntry = { direction: "sent", message: form }
    this.add(entry)
    return () => {
      this.entries.splice(this.entries.lastIndexOf(entry), 1)
      if (problems.length > 0) this.found.splice(this.found.lastIndexOf(text), 1)
      for (const one of messagesOf(form)) if (one.method !== undefined) this.ours.delete(keyOf(one.id))
      for (const [key, method] of answered) this.theirs.set(key, method)
    }
  }

  /** Records a message of the server. */
  received(message: unknown): void {
    const form = wireForm(message)
    for (const one of messagesOf(form)) {
      const version = one.result?.protocolVersion
      if (keyOf(one.id) === this.initializeId && isRevision(version)) this.current = version
      if (one.method !== undefined && one.id !== undefined) this.theirs.set(keyOf(one.id), one.method)
    }
    const problems = validateReceived(this.current, form, (id) => this.ours.get(keyOf(id)))
    if (problems.length > 0) this.receivedFound.push(problems.join("; "))
    this.add({ direction: "received", message: form })
  }

  /** The first message, past or to come, that fits. */
  first(
    direction: "sent" | "received",
    fits: string | ((message: WireMessage) => boolean),
  ): Effect.Effect<WireMessage> {
    const test = typeof fits === "string" ? (message: WireMessage) => message.method === fits : fits
    return Effect.callback<WireMessage>((resume) => {
      const look = () => {
        const message = this.messages(direction).find(test)
        if (message === undefined) return
        this.listeners.delete(look)
        resume(Effect.succeed(message))
      }
      this.listeners.add(look)
      look()
      return Effect.sync(() => this.listeners.delete(look))
    })
  }

  /** Fails with every problem of what was sent. */
  get check(): Effect.Effect<void, Error> {
    return Effect.suspend(() =>
      this.problems.length === 0
        ? Effect.void
        : Effect.fail(
            new Error(`Messages that the specification does not allow were sent:\n${this.problems.join("\n")}`),
          ),
    )
  }

  private add(entry: WireEntry) {
    this.entries.push(entry)
    for (const listener of [...this.listeners]) listener()
  }

  private beginSent(message: WireMessage) {
    if (message.method !== "initialize") return
    const offered = message.params?.protocolVersion
    if (isRevision(offered)) this.current = offered
    this.initializeId = keyOf(message.id)
    this.ours.clear()
    this.found.push(...this.early.values())
    this.early.clear()
  }

  private order(message: WireMessage): ReadonlyArray<string> {
    if (message.method === undefined) return []
    if (message.id !== undefined) {
      const used = this.ours.has(keyOf(message.id))
      this.ours.set(keyOf(message.id), message.method)
      const overtaken = this.early.delete(keyOf(message.id)) && message.method === "initialize"
      return [
        ...(used ? [`the id ${keyOf(message.id)} was used before`] : []),
        ...(overtaken ? ["initialize was cancelled"] : []),
      ]
    }
    if (message.method !== "notifications/cancelled") return []
    const key = keyOf(message.params?.requestId)
    const target = this.ours.get(key)
    if (target === undefined) {
      const problem = "cancels a request that was never sent"
      if (this.ordered) return [problem]
      this.early.set(key, `${problem}\n  ${JSON.stringify(message).slice(0, 2000)}`)
      return []
    }
    return target === "initialize" ? ["cancels initialize"] : []
  }
}

/** The record of the Transport beside it. */
export class Recorder extends Context.Service<Recorder, Wire>()("@opencode/testing/Recorder") {}

/** A transport whose every message passes by `wire`. */
export const record = (transport: Transport["Service"], wire: Wire): Transport["Service"] => ({
  kind: transport.kind,
  open: (receiver) =>
    transport
      .open({
        message: (value) => {
          wire.received(value)
          receiver.message(value)
        },
        failed: (id, error) => receiver.failed(id, error),
        writable: () => receiver.writable(),
        ended: (error) => receiver.ended(error),
        forgotten: (error) => receiver.forgotten(error),
        stderr: (line) => receiver.stderr(line),
        warning: (message) => receiver.warning(message),
      })
      .pipe(
        Effect.map((connection) => ({
          pid: connection.pid,
          get kind() {
            return connection.kind
          },
          abandoned: (id) => connection.abandoned(id),
          negotiated: (revision) => connection.negotiated(revision),
          send: (message) => {
            const retract = wire.sent(message)
            const taken = connection.send(message)
            if (!taken) retract()
            return taken
          },
        })),
      ),
})

/**
 * The Transport of `layer` with a Recorder beside it. Closing the layer's Scope dies with the problems of what was sent,
 * which fails the test that used it.
 */
export const recorded = <E, R>(layer: Layer.Layer<Transport, E, R>): Layer.Layer<Transport | Recorder, E, R> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const inner = yield* Transport
      const wire = new Wire()
      yield* Effect.addFinalizer(() => Effect.orDie(wire.check))
      return Context.make(Recorder, wire).pipe(Context.add(Transport, record(inner, wire)))
    }),
  ).pipe(Layer.provide(layer))
