/** Effect's own `effect/ai/McpClient`, as its documentation uses it. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as McpClient from "effect/ai/McpClient"
import * as McpProtocol from "effect/ai/McpProtocol"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Context from "effect/Context"
import * as Scope from "effect/Scope"
import { check, type Connection, loadPromises, type Subject } from "../subject.ts"

/** One set of platform services for all servers, as a program has it. */
const services = Layer.succeedContext(
  await Effect.runPromise(Layer.buildWithScope(NodeServices.layer, Effect.runSync(Scope.make()))),
)

const shared = {
  name: "bench",
  version: "1",
  protocol: McpProtocol.v2025_11_25,
  maxMessageBytes: ByteSize.mebibytes(64),
}

const connect = <E>(layer: Layer.Layer<McpClient.McpClient, E>): Effect.Effect<Connection, unknown> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layer, scope)
    const client = Context.get(context, McpClient.McpClient)
    const [tool] = yield* client.listTools()
    if (tool === undefined) return yield* Effect.die(new Error("no tool"))
    const call = (value: number) => client.callTool({ tool, arguments: { value } })
    const promises = loadPromises((value, signal) =>
      Effect.runPromise(call(value), signal === undefined ? {} : { signal }),
    )
    const fibres: Connection["load"] = ({ calls, inflight }) => {
      let left = calls
      const caller = Effect.gen(function* () {
        while (left > 0) check(yield* call(left--))
      })
      return Effect.runPromise(
        Effect.forEach(Array.from({ length: inflight }), () => caller, { concurrency: "unbounded", discard: true }),
      )
    }
    return {
      load: (options) => (options.way === "fibres" ? fibres(options) : promises(options)),
      listTools: () => Effect.runPromise(client.listTools()),
      close: () => Effect.runPromise(Scope.close(scope, Exit.void)),
    }
  })

export const subject: Subject = {
  stdio: (servers) =>
    Effect.runPromise(
      Effect.forEach(
        servers,
        ({ command, args }) =>
          connect(
            McpClient.layerStdio({ ...shared, command: ChildProcess.make(command, args) }).pipe(
              Layer.provide(services),
            ),
          ),
        { concurrency: "unbounded" },
      ),
    ),
  http: (url) =>
    Effect.runPromise(connect(McpClient.layerHttp({ ...shared, url }).pipe(Layer.provide(FetchHttpClient.layer)))),
}
