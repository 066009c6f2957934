/**
 * How a peer becomes an entry of a configuration: a command for a local one, the URL of a started process for a remote
 * one. Peers that listen are started here, say on a line of their output that they are ready, and end with the Scope;
 * should this process be killed, they end because their stdin does.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

/** An entry of the `mcp` section for a peer over stdio. */
export interface LocalPeer {
  readonly type: "local"
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly environment?: { readonly [name: string]: string }
}

/** An entry of the `mcp` section for a peer that listens. */
export interface RemotePeer {
  readonly type: "remote"
  readonly url: string
}

/** A peer did not start. */
export class PeerError extends Data.TaggedError("PeerError")<{ readonly detail: string }> {
  override get message() {
    return this.detail
  }
}

/** The path of a file beside this one. */
export const peerFile = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** A program run by the runtime that runs the tests. */
export const local = (
  file: string,
  args: ReadonlyArray<string> = [],
  environment?: { readonly [name: string]: string },
): LocalPeer => ({
  type: "local",
  command: [process.execPath, file, ...args],
  ...(environment === undefined ? {} : { environment }),
})

/** A port of 127.0.0.1 that was free a moment ago, for peers that cannot listen on port 0. */
export const freePort: Effect.Effect<number, PeerError> = Effect.callback((resume) => {
  const server = createServer()
  server.once("error", (error) => resume(Effect.fail(new PeerError({ detail: error.message }))))
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const ended = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

const kill = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (ended(child)) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** Starts a peer's process, leashed to ours by its stdin; it is killed with the Scope. */
const start = (peer: LocalPeer): Effect.Effect<ChildProcess, never, Scope.Scope> => {
  const [command, ...args] = peer.command
  return Effect.acquireRelease(
    Effect.sync(() =>
      spawn(command, args, { env: { ...process.env, ...peer.environment }, stdio: ["pipe", "pipe", "pipe"] }),
    ),
    kill,
  )
}

/** Waits for a line (of stdout or stderr) that `ready` matches; gives the match. */
const whenReady = (child: ChildProcess, ready: RegExp): Effect.Effect<RegExpExecArray, PeerError> =>
  Effect.callback((resume) => {
    let text = ""
    const look = (chunk: Buffer) => {
      text += chunk.toString()
      const match = ready.exec(text)
      if (match !== null) resume(Effect.succeed(match))
    }
    child.stdout?.on("data", look)
    child.stderr?.on("data", look)
    child.once("error", (error) => resume(Effect.fail(new PeerError({ detail: error.message }))))
    child.once("exit", (code) =>
      resume(Effect.fail(new PeerError({ detail: `the peer exited with ${code}: ${text}` }))),
    )
  })

/** Starts a peer that prints `listening <url>` once it listens. */
export const serve = (peer: LocalPeer): Effect.Effect<RemotePeer, PeerError, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* start(peer)
    const match = yield* whenReady(child, /^listening (\S+)$/m)
    return { type: "remote", url: match[1] ?? "" }
  })

/** Starts a peer that listens on the port in `PORT`; the port may be lost to another process, so it is tried again. */
export const serveOnPort = (
  make: (port: number) => LocalPeer,
  ready: RegExp,
  path: string,
): Effect.Effect<RemotePeer, PeerError, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* freePort
    const child = yield* start(make(port))
    yield* whenReady(child, ready)
    return { type: "remote" as const, url: `http://127.0.0.1:${port}${path}` }
  }).pipe(Effect.retry(Schedule.recurs(3)))
