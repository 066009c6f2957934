/** The least client there is, for tests of the peers themselves: a process, its lines, and an answer by id. */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { LocalPeer } from "../../src/peers/launch.ts"
import type { WireMessage } from "../../src/recorder.ts"

export interface Talk {
  readonly child: ChildProcess
  readonly send: (message: object) => void
  /** Sends a request and waits for its answer. */
  readonly ask: (id: number, method: string, params?: object) => Effect.Effect<WireMessage>
  /** The first line of output, past or to come, that fits. */
  readonly line: (fits: (line: string) => boolean) => Effect.Effect<string>
  readonly exit: Effect.Effect<{ readonly code: number | null; readonly signal: string | null }>
}

export const handshake = (version: string) => ({
  protocolVersion: version,
  capabilities: {},
  clientInfo: { name: "talk", version: "1" },
})

export const talk = (peer: LocalPeer): Effect.Effect<Talk, never, Scope.Scope> =>
  Effect.gen(function* () {
    const [command, ...args] = peer.command
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(command, args, { env: { ...process.env, ...peer.environment }, stdio: ["pipe", "pipe", "ignore"] }),
      ),
      (started) => Effect.sync(() => started.kill("SIGKILL")),
    )
    const seen: Array<string> = []
    const listeners = new Set<() => void>()
    child.stdin.on("error", () => undefined)
    createInterface({ input: child.stdout }).on("line", (line) => {
      seen.push(line)
      for (const listener of [...listeners]) listener()
    })
    const line = (fits: (line: string) => boolean) =>
      Effect.callback<string>((resume) => {
        const look = () => {
          const found = seen.find(fits)
          if (found === undefined) return
          listeners.delete(look)
          resume(Effect.succeed(found))
        }
        listeners.add(look)
        look()
      })
    const send = (message: object) => void child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
    const answers = (text: string, id: number) => {
      const message: WireMessage = text.startsWith("{") ? JSON.parse(text) : {}
      return message.id === id && message.method === undefined
    }
    return {
      child,
      send,
      line,
      ask: (id, method, params) =>
        Effect.suspend(() => {
          send({ id, method, ...(params === undefined ? {} : { params }) })
          return line((text) => answers(text, id))
        }).pipe(Effect.map((text): WireMessage => JSON.parse(text))),
      exit: Effect.callback((resume) => {
        const done = () => resume(Effect.succeed({ code: child.exitCode, signal: child.signalCode }))
        if (child.exitCode !== null || child.signalCode !== null) return done()
        child.once("exit", done)
      }),
    }
  })
