/** Where the owner lets other programs in: each shows that it knows the secret, and gets a seat at the broker. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { chmodSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { SystemFailed } from "../process/system.ts"
import { isObject, isRequestId, type Message } from "../protocol/jsonrpc.ts"
import type { TransportError } from "../transport/error.ts"
import type { Receiver } from "../transport/transport.ts"
import type { Broker, Seat } from "./broker.ts"
import * as Greeting from "./greeting.ts"
import { type Kind, type Link, makeLink } from "./link.ts"
import * as Place from "./place.ts"

/** Programs that are let in. */
const programLimit = 64

/** What a program may leave unread besides one message, in characters; then it is cut off. */
const unreadLimit = 16 * 1024 * 1024

export interface ListenOptions {
  readonly address: string
  readonly secret: string
  readonly broker: Broker
  /** The longest message, in bytes. */
  readonly messageLimit: number
  /** The process id of the server. */
  readonly pid: () => number | undefined
  readonly warning: (text: string) => void
}

export interface Listener {
  /** Lets nobody in any more. */
  readonly stop: Effect.Effect<void>
}

const isMessage = (value: unknown): value is Message => {
  if (!isObject(value) || value.jsonrpc !== "2.0") return false
  if (value.id !== undefined && !isRequestId(value.id)) return false
  if (typeof value.method === "string") return value.params === undefined || isObject(value.params)
  return value.id !== undefined && (isObject(value.result) || isObject(value.error))
}

/** A program that came: greeted, then waiting for the server, then seated. */
const admit = (socket: Socket, options: ListenOptions, gone: () => void): Link => {
  const { broker, messageLimit, secret } = options
  const nonce = Greeting.nonce()
  let theirs: string | undefined
  let isKnown = false
  let isGone = false
  let seat: Seat | undefined

  const send = (kind: Kind, content: unknown) => {
    if (link.unread() > messageLimit + unreadLimit) {
      options.warning("is shared with a program that does not read what it is sent, and was cut off")
      return cutOff()
    }
    link.send(kind, JSON.stringify(content))
  }
  const leave = () => {
    isGone = true
    seat?.leave()
    gone()
  }
  const cutOff = () => {
    link.destroy()
    leave()
  }
  const receiver: Receiver = {
    message: (value) => send("message", value),
    failed: (id) => send("failed", id),
    writable: () => link.resume(),
    ended: (error: TransportError) => {
      send("ended", error.reason._tag === "Closed" ? "gave it up" : `lost it: ${error.message}`)
      link.end()
    },
    forgotten: () => undefined,
    stderr: (line) => send("stderr", line),
    warning: (message) => send("warning", message),
  }
  const takeSeat = () => {
    if (isGone) return
    const agreement = broker.agreement()
    if (broker.isOver() || agreement === undefined) return cutOff()
    // First, so that nothing reaches it before.
    send("welcome", { agreement, pid: options.pid() })
    seat = broker.attach(receiver)
  }
  const greet = (kind: unknown, content: unknown): boolean => {
    if (kind === "hello" && theirs === undefined && isObject(content) && typeof content.nonce === "string") {
      theirs = content.nonce
      send("proof", { nonce, proof: Greeting.proof(secret, "owner", nonce, theirs) })
      return true
    }
    const expected = theirs === undefined ? undefined : Greeting.proof(secret, "member", nonce, theirs)
    if (kind !== "proof" || expected === undefined || !Greeting.isProof(content, expected)) return false
    isKnown = true
    socket.setTimeout(0)
    if (broker.agreement() === undefined && !broker.isOver()) broker.onSettled(takeSeat)
    else takeSeat()
    return true
  }
  const link = makeLink(socket, {
    limit: messageLimit + 1024,
    frame: (kind, content) => {
      if (!isKnown && greet(kind, content)) return true
      if (seat !== undefined && kind === "message" && isMessage(content)) return seat.send(content)
      options.warning("is shared with a program that sent what makes no sense, and was cut off")
      cutOff()
      return true
    },
    writable: () => undefined,
    closed: (nonsense) => {
      if (nonsense !== undefined) options.warning(`is shared with a program that sent ${nonsense}, and was cut off`)
      leave()
    },
  })
  socket.setTimeout(Greeting.patience, cutOff)
  return link
}

/** Listens until the Scope is closed. */
export const listen = (options: ListenOptions): Effect.Effect<Listener, SystemFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const links = new Set<Link>()
    let isStopped = false
    const server = createServer((socket) => {
      if (isStopped || options.broker.isOver() || links.size >= programLimit) return void socket.destroy()
      const link = admit(socket, options, () => links.delete(link))
      links.add(link)
    })
    const open = Effect.callback<void, SystemFailed>((resume) => {
      server.once("error", (cause) => resume(Effect.fail(new SystemFailed({ cause }))))
      server.listen(options.address, () => {
        // Nobody else gets into its directory either.
        if (process.platform !== "win32") chmodSync(options.address, 0o600)
        resume(Effect.void)
      })
    })
    const stop = Effect.sync(() => {
      if (isStopped) return
      isStopped = true
      server.close()
    })
    const close = Effect.andThen(
      stop,
      Effect.sync(() => {
        for (const link of links) link.destroy()
      }),
    )
    yield* Effect.acquireRelease(open, () => Effect.andThen(close, Place.remove(options.address)))
    return { stop }
  })
