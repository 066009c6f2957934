/** The way between two programs: what waits on it, how much, and what becomes of a program that does not read. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { make } from "../../src/sharing/broker.ts"
import { nonce, proof } from "../../src/sharing/greeting.ts"
import { listen } from "../../src/sharing/listener.ts"

const secret = "secret"

/** An owner whose server is a function, and takes messages while it has room; `begin` makes the handshake. */
const beginning = Effect.gen(function* () {
  const address = join(yield* temporaryDirectory, "owner.sock")
  const broker = make()
  const taken: Array<{ readonly method?: string; readonly id?: unknown }> = []
  const warnings: Array<string> = []
  const server = { hasRoom: true, refused: () => {} }
  broker.connect((message) => {
    if (!server.hasRoom) {
      server.refused()
      return false
    }
    taken.push(message)
    return true
  })
  const seat = broker.attach({
    message: () => undefined,
    failed: () => undefined,
    writable: () => undefined,
    ended: () => undefined,
    forgotten: () => undefined,
    stderr: () => undefined,
    warning: (message) => void warnings.push(message),
  })
  const begin = () => {
    seat.send({ jsonrpc: "2.0", id: 1, method: "initialize" })
    broker.receiver.message({ jsonrpc: "2.0", id: 1, result: { protocolVersion: "2025-11-25" } })
    seat.send({ jsonrpc: "2.0", method: "notifications/initialized" })
  }
  yield* listen({
    address,
    secret,
    broker,
    messageLimit: 1024,
    pid: () => 1,
    warning: (text) => void warnings.push(text),
  })
  return { address, begin, broker, taken, warnings, server }
})
const owner = Effect.tap(beginning, ({ begin }) => Effect.sync(begin))

/** A program at the door: `proven` when it has shown that it knows the secret, `seated` when it has its welcome. */
const arrive = (address: string, until: "proven" | "seated") =>
  Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = connect(address)
      const own = nonce()
      let text = ""
      let isProven = false
      socket.on("error", () => undefined)
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString()
        const [greeting = "", welcome] = text.split("\n")
        if (!text.includes("\n")) return
        const theirs = String(JSON.parse(greeting)[1].nonce)
        if (!isProven) socket.write(`${JSON.stringify(["proof", proof(secret, "member", theirs, own)])}\n`)
        isProven = true
        if (until === "proven") return resume(Effect.succeed(socket))
        if (welcome?.startsWith(`["welcome"`) !== true) return
        socket.removeAllListeners("data")
        socket.pause()
        resume(Effect.succeed(socket))
      })
      socket.write(`${JSON.stringify(["hello", { nonce: own }])}\n`)
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** A program that has been let in, and reads nothing but its welcome. */
const seated = (address: string) => arrive(address, "seated")

const until = (isSo: () => boolean) =>
  Effect.repeat(
    Effect.promise(() => new Promise<boolean>((resume) => setImmediate(() => resume(isSo())))),
    { until: (is) => is },
  )

describe("a program that shares a server", () => {
  it.live("waits while the server does not read, and then all it said arrives, in order", () =>
    Effect.gen(function* () {
      const { address, broker, server, taken } = yield* owner
      const socket = yield* seated(address)
      const before = taken.length
      let refusals = 0
      server.hasRoom = false
      server.refused = () => void (refusals += 1)
      const say = (from: number, to: number) => {
        for (let id = from; id < to; id++) {
          socket.write(`${JSON.stringify(["message", { jsonrpc: "2.0", id, method: `test/${id}` }])}\n`)
        }
      }
      say(0, 50)
      yield* until(() => refusals > 0)
      say(50, 100)
      // Once for what is first in the row, however much is behind it.
      expect(refusals).toBe(1)
      expect(taken.length).toBe(before)
      server.hasRoom = true
      broker.receiver.writable()
      yield* until(() => taken.length === before + 100)
      expect(taken.slice(before).map(({ method }) => method)).toEqual(
        Array.from({ length: 100 }, (_, n) => `test/${n}`),
      )
    }),
  )

  it.live("is cut off where it does not read, before that costs its owner much", () =>
    Effect.gen(function* () {
      const { address, broker, warnings } = yield* owner
      yield* seated(address)
      expect(broker.size()).toBe(2)
      const line = "x".repeat(1024 * 1024)
      for (let count = 0; count < 32; count++) broker.receiver.stderr(line)
      yield* until(() => broker.size() === 1)
      expect(warnings).toEqual(["is shared with a program that does not read what it is sent, and was cut off"])
    }),
  )

  it.live("is known to have gone by its socket, and the server is told of what it asked", () =>
    Effect.gen(function* () {
      const { address, broker, taken } = yield* owner
      const socket = yield* seated(address)
      const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: {} }
      socket.write(`${JSON.stringify(["message", message])}\n`)
      yield* until(() => taken.at(-1)?.method === "tools/call")
      socket.destroy()
      yield* until(() => broker.size() === 1)
      expect(taken.at(-1)).toMatchObject({ method: "notifications/cancelled" })
    }),
  )

  it.live("has no place where it went before the server was there", () =>
    Effect.gen(function* () {
      const { address, begin, broker } = yield* beginning
      const gone = yield* arrive(address, "proven")
      const waits = yield* Effect.forkChild(seated(address))
      const closed = new Promise<void>((resume) => gone.once("close", () => resume()))
      gone.end()
      yield* Effect.promise(() => closed)
      begin()
      yield* Fiber.join(waits)
      expect(broker.size()).toBe(2)
    }),
  )
})
