/** A program that uses the server which another one runs: to its session, a connection like any other. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect as connectTo, type Socket } from "node:net"
import { isObject, isRequest, isRequestId, type Message } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import { Closed, fail, MessageTooLarge, OwnerEnded, OwnerSilent, type TransportError } from "../transport/error.ts"
import { encode } from "../transport/outgoing.ts"
import type { Connection, Receiver } from "../transport/transport.ts"
import * as Greeting from "./greeting.ts"
import { type Link, makeLink } from "./link.ts"
import type { OwnerRecord } from "./place.ts"

export interface JoinOptions {
  /** The longest message, in bytes. */
  readonly messageLimit: number
}

/** The owner's socket; `undefined` where nobody listens any more. */
const reach = (address: string): Effect.Effect<Socket | undefined> =>
  Effect.callback((resume) => {
    const socket = connectTo(address)
    socket.once("error", () => resume(Effect.undefined))
    socket.once("connect", () => resume(Effect.succeed(socket)))
    return Effect.sync(() => socket.destroy())
  })

/**
 * Joins the programs that use an owner's server, once that is ready. `undefined` where the owner has gone, or is about to:
 * then it should be looked for anew. Fails where the owner is there and says nothing.
 */
export const join = (
  { address, owner, secret }: OwnerRecord,
  { messageLimit }: JoinOptions,
  receiver: Receiver,
): Effect.Effect<Connection | undefined, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const socket = yield* reach(address)
    if (socket === undefined) return undefined
    const nonce = Greeting.nonce()
    let isOver = false
    let detail = "ended"
    let agreement: object | undefined
    let pid: number | undefined
    /** Called with whether there is a welcome. */
    let decided: (isWelcome: boolean) => void = () => undefined

    const end = (error: TransportError) => {
      if (isOver) return
      isOver = true
      if (agreement === undefined) decided(false)
      else receiver.ended(error)
    }
    const prove = (content: unknown): boolean => {
      if (!isObject(content) || typeof content.nonce !== "string") return false
      if (!Greeting.isProof(content.proof, Greeting.proof(secret, "owner", content.nonce, nonce))) return false
      socket.setTimeout(0)
      link.send("proof", JSON.stringify(Greeting.proof(secret, "member", content.nonce, nonce)))
      return true
    }
    const take = (kind: unknown, content: unknown): boolean => {
      if (agreement === undefined) {
        if (kind === "proof") return prove(content)
        if (kind !== "welcome" || !isObject(content) || !isObject(content.agreement)) return false
        agreement = content.agreement
        pid = typeof content.pid === "number" ? content.pid : undefined
        decided(true)
        return true
      }
      if (kind === "message") receiver.message(content)
      else if (kind === "failed" && isRequestId(content)) {
        receiver.failed(content, fail(new MessageTooLarge({ limit: messageLimit })))
      } else if (kind === "stderr") receiver.stderr(String(content))
      else if (kind === "warning") receiver.warning(String(content))
      else if (kind === "ended") detail = String(content)
      return true
    }
    const link: Link = makeLink(socket, {
      // What the server sent was within the limit; a number may be longer as the owner writes it.
      limit: messageLimit * 5 + 1024,
      frame: (kind, content) => {
        if (isOver || take(kind, content)) return true
        link.destroy()
        end(fail(new OwnerEnded({ owner, detail: "is not who it should be" })))
        return true
      },
      writable: receiver.writable,
      closed: (nonsense) =>
        end(fail(new OwnerEnded({ owner, detail: nonsense === undefined ? detail : `sent ${nonsense}` }))),
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        end(fail(new Closed()))
        link.end()
      }),
    )
    const isWelcome = yield* Effect.callback<boolean, TransportError>((resume) => {
      decided = (isWelcome) => resume(Effect.succeed(isWelcome))
      if (isOver) return decided(false)
      const { patience } = Greeting
      // The owner answers at once, however long its server takes.
      socket.setTimeout(patience, () => resume(Effect.fail(fail(new OwnerSilent({ owner, after: patience })))))
      link.send("hello", JSON.stringify({ nonce }))
    })
    if (!isWelcome) return undefined
    const refuse = (message: Message) => {
      const error = fail(new MessageTooLarge({ limit: messageLimit }))
      if (isRequest(message)) later(() => receiver.failed(message.id, error))
      else receiver.warning(error.message)
    }
    const later = (deliver: () => void) =>
      queueMicrotask(() => {
        if (!isOver) deliver()
      })
    return {
      send: (message) => {
        if (isOver) return true
        if ("method" in message && message.method === "notifications/initialized") return true
        if ("method" in message && "id" in message && message.method === Method.initialize.method) {
          const { id } = message
          later(() => receiver.message({ jsonrpc: "2.0", id, result: agreement }))
          return true
        }
        if (link.isFull()) return false
        const json = encode(message, receiver)
        if (json === undefined) return true
        // The owner would end the link, and not only this message.
        if (json.length * 3 > messageLimit && Buffer.byteLength(json) > messageLimit) refuse(message)
        else link.send("message", json)
        return true
      },
      abandoned: () => true,
      negotiated: () => undefined,
      pid,
    }
  })
