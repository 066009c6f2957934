/**
 * Recording where the transport is in another process (a command line under test) or hidden (a whole client): our own
 * peers keep what passes in a file, any other local server gets a process in front of it that does, any HTTP server a
 * proxy. All of them fill a `Wire`, and closing the Scope fails the test when what was sent is not allowed.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { local, type LocalPeer, peerFile, type RemotePeer } from "./peers/launch.ts"
import { type RecordLine, recordVariable } from "./peers/record-file.ts"
import { poll } from "./polling.ts"
import { Wire } from "./recorder.ts"

/** A record that a process writes. */
export interface FileRecord {
  readonly path: string
  /** Everything so far. */
  readonly lines: () => ReadonlyArray<RecordLine>
  /** The messages so far; several connections one after the other are fine, at the same time they are not. */
  readonly wire: () => Wire
  /** What happened beside messages so far: `eof`, `SIGTERM`. */
  readonly events: () => ReadonlyArray<string>
  /** The first line, past or to come, that fits. */
  readonly first: (fits: (line: RecordLine) => boolean) => Effect.Effect<RecordLine>
}

const linesOf = (path: string): ReadonlyArray<RecordLine> =>
  readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line): RecordLine => JSON.parse(line))

const wireOf = (lines: ReadonlyArray<RecordLine>): Wire => {
  const wire = new Wire()
  for (const line of lines) {
    if (!("direction" in line)) continue
    if (line.direction === "sent") wire.sent(line.message)
    else wire.received(line.message)
  }
  return wire
}

/** A directory that is removed with the Scope. */
export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "mcp-test-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)

/** An empty record in a temporary file, for `recordTo`, `rawStdio` or `recordedStdio`. Held to the specification at the end. */
export const fileRecord: Effect.Effect<FileRecord, never, Scope.Scope> = Effect.gen(function* () {
  const path = join(yield* temporaryDirectory, "record.jsonl")
  writeFileSync(path, "")
  yield* Effect.addFinalizer(() => Effect.suspend(() => Effect.orDie(wireOf(linesOf(path)).check)))
  return {
    path,
    lines: () => linesOf(path),
    wire: () => wireOf(linesOf(path)),
    events: () => linesOf(path).flatMap((line) => ("event" in line ? [line.event] : [])),
    first: (fits) =>
      Effect.suspend(() => {
        let size = -1
        // Not `fs.watch`: of two writes within a millisecond Bun tells the first alone, and the second may be the last.
        return poll(() => {
          const now = statSync(path).size
          if (now === size) return undefined
          size = now
          return linesOf(path).find(fits)
        })
      }),
  }
})

/** One of our own peers, keeping what passes in the record. */
export const recordTo = (record: FileRecord, peer: LocalPeer): LocalPeer => ({
  ...peer,
  environment: { ...peer.environment, [recordVariable]: record.path },
})

/** Any local server, behind a process that keeps what passes. It passes on bytes as they are, and ends with its child. */
export const recordedStdio = (record: FileRecord, peer: LocalPeer): LocalPeer =>
  recordTo(record, { ...local(peerFile("record-stdio-main.ts"), peer.command), environment: peer.environment ?? {} })

/** What a proxy in front of an HTTP server gives. */
export interface RecordedHttp extends RemotePeer {
  readonly wire: Wire
}

const receivedFrom = (wire: Wire, answer: IncomingMessage) => {
  const keepText = (text: string) => {
    try {
      wire.received(JSON.parse(text))
    } catch {
      return
    }
  }
  let rest = ""
  answer.setEncoding("utf8")
  const stream = answer.headers["content-type"]?.includes("text/event-stream") === true
  answer.on("data", (chunk: string) => {
    rest += chunk
    if (!stream) return
    const events = rest.split(/\r?\n\r?\n/)
    rest = events.pop() ?? ""
    for (const event of events) {
      const data = event.split(/\r?\n/).flatMap((line) => (line.startsWith("data:") ? [line.slice(5).trim()] : []))
      keepText(data.join("\n"))
    }
  })
  answer.on("end", () => keepText(rest))
}

const forward = (wire: Wire, origin: string, incoming: IncomingMessage, response: ServerResponse) => {
  const chunks: Array<Buffer> = []
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
  incoming.on("end", () => {
    const body = Buffer.concat(chunks)
    if (incoming.method === "POST") wire.sent(JSON.parse(body.toString("utf8")))
    const target = new URL(incoming.url ?? "/", origin)
    const headers = { ...incoming.headers, host: target.host }
    const onward = httpRequest(target, { method: incoming.method ?? "GET", headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      receivedFrom(wire, answer)
      answer.on("data", (chunk: string) => response.write(chunk))
      answer.on("end", () => response.end())
      answer.on("error", () => response.destroy())
    })
    onward.on("error", () => response.destroy())
    response.on("close", () => onward.destroy())
    onward.end(body)
  })
}

/** A proxy on loopback in front of an HTTP server, which keeps what passes; it answers as the server does. */
export const recordedHttp = (peer: RemotePeer): Effect.Effect<RecordedHttp, never, Scope.Scope> =>
  Effect.gen(function* () {
    const wire = new Wire({ ordered: false })
    const server = createServer((incoming, response) => forward(wire, peer.url, incoming, response))
    const port = yield* Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    })
    yield* Effect.addFinalizer(() => Effect.orDie(wire.check))
    yield* Effect.addFinalizer(() =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      }),
    )
    const { pathname, search } = new URL(peer.url)
    return { type: "remote", url: `http://127.0.0.1:${port}${pathname}${search}`, wire }
  })
