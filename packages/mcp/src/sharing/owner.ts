/** The program that runs a server for all that share it, as long as it uses the server itself. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import * as Lock from "../process/lock.ts"
import * as Mark from "../process/mark.ts"
import type { SystemFailed } from "../process/system.ts"
import { awaitGone, defaultGrace, endTree, leader } from "../process/tree.ts"
import type { TransportError } from "../transport/error.ts"
import type { Connection, Receiver, Transport } from "../transport/transport.ts"
import * as Broker from "./broker.ts"
import { listen } from "./listener.ts"
import * as Place from "./place.ts"

/**
 * Ends what an owner has left behind that was killed: its server must not run beside the next one. Its stdin was closed with
 * its owner, so it is given the time that any server is given to end by itself.
 */
const inherit = ({ address, server, space }: Place.OwnerRecord): Effect.Effect<void> =>
  Effect.gen(function* () {
    // Of a process without a start time nobody can tell whether it still is the same.
    if (server !== undefined && server.started !== "" && space === (yield* Mark.space)) {
      const exited = Effect.asVoid(awaitGone([server], defaultGrace.stdin))
      yield* endTree({ root: server, closeStdin: Effect.void, exited, grace: defaultGrace })
    }
    yield* Mark.sweep
    if (process.platform !== "win32") yield* Place.remove(address)
  })

export interface OwnOptions {
  readonly place: Place.Place
  /** The longest message, in bytes. */
  readonly messageLimit: number
}

/** Takes the server for this program, unless another has it, and runs it for all. */
export const own = (
  { messageLimit, place }: OwnOptions,
  transport: Transport["Service"],
  receiver: Receiver,
): Effect.Effect<Connection, TransportError | Lock.Contended | SystemFailed, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Lock.acquire(place.lock)
    const before = yield* Place.read(place)
    if (before !== undefined) yield* inherit(before)

    const broker = Broker.make()
    const seat = broker.attach(receiver)
    const server: { pid?: number | undefined } = {}
    const own: Place.OwnerRecord = {
      owner: process.pid,
      address: place.address(),
      secret: randomBytes(32).toString("base64url"),
      space: yield* Mark.space,
    }
    const { address, secret } = own
    const listener = yield* listen({
      address,
      secret,
      broker,
      messageLimit,
      pid: () => server.pid,
      warning: receiver.warning,
    })
    yield* Effect.acquireRelease(Place.write(place, own), () => Place.remove(place.record))

    const connection = yield* transport.open(broker.receiver)
    const { pid } = connection
    server.pid = pid
    if (pid !== undefined) {
      const root = yield* leader(pid)
      const note = Place.write(place, { ...own, server: root })
      yield* note
      if (root.started === "") {
        // It is learned from another program (`leader`), and known when the server has answered.
        const settled = Effect.callback<void>((resume) => broker.onSettled(() => resume(Effect.void)))
        const again = Effect.suspend(() => (broker.isOver() ? Effect.void : Effect.ignore(note)))
        yield* Effect.forkScoped(Effect.andThen(settled, again))
      }
    }
    broker.connect(connection.send)
    // Before the server is ended: who comes now waits for the next one.
    yield* Effect.addFinalizer(() => listener.stop)
    return { ...connection, send: seat.send, serves: () => broker.size() > 1 }
  })
