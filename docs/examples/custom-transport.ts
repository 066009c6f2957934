/** A transport of a plugin's own: MCP over a TCP socket, one message to a line. */
import { connect, type Socket } from "node:net"
import { TransportLayer } from "@opencode-ai/mcp"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

class SocketFailed extends Data.TaggedError("SocketFailed")<{ readonly cause: unknown }> {}

const dial = (port: number, host: string) =>
  Effect.callback<Socket, SocketFailed>((resume) => {
    const socket = connect(port, host, () => resume(Effect.succeed(socket)))
    socket.once("error", (cause) => resume(Effect.fail(new SocketFailed({ cause }))))
  })

export const tcp = (port: number, host = "127.0.0.1") =>
  TransportLayer.custom({
    kind: "tcp",
    open: Effect.gen(function* () {
      const socket = yield* Effect.acquireRelease(dial(port, host), (socket) => Effect.sync(() => socket.destroy()))
      return {
        send: (message) => Effect.sync(() => void socket.write(`${JSON.stringify(message)}\n`)),
        messages: Stream.fromAsyncIterable(socket, (cause) => new SocketFailed({ cause })).pipe(
          Stream.decodeText(),
          Stream.splitLines,
        ),
      }
    }),
  })
