/** A server on Effect's own `McpServer`: `effect-main.ts stdio|http [revision]`; without a revision it speaks all stateful ones. */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as McpProtocol from "effect/ai/McpProtocol"
import * as McpSchema from "effect/ai/McpSchema"
import * as McpServer from "effect/ai/McpServer"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"

const Text = Schema.Struct({ text: Schema.String })

const Why = Schema.Struct({ why: Schema.String })

const kit = Toolkit.make(
  Tool.make("echo", {
    description: "Gives the message back",
    parameters: Schema.Struct({ message: Schema.String }),
    success: Text,
  }).annotate(Tool.Readonly, true),
  Tool.make("add", {
    parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
    success: Schema.Struct({ sum: Schema.Finite }),
  }),
  Tool.make("progress", {
    description: "Reports progress so many times",
    parameters: Schema.Struct({ steps: Schema.Finite }),
    success: Text,
    dependencies: [McpSchema.McpRequestContext],
  }),
  Tool.make("hang", { description: "Runs until it is cancelled", parameters: Tool.EmptyParams, success: Text }),
  Tool.make("interrupted", {
    description: "How many calls of hang were cancelled",
    parameters: Tool.EmptyParams,
    success: Schema.Struct({ count: Schema.Finite }),
  }),
  Tool.make("fail", {
    description: "An error of the tool",
    parameters: Tool.EmptyParams,
    success: Text,
    failure: Why,
  }),
  Tool.make("elicit", {
    description: "Elicits a name",
    parameters: Schema.Struct({ message: Schema.String }),
    success: Schema.Struct({ name: Schema.String }),
    failure: Why,
    dependencies: [McpSchema.McpServerClient],
  }),
  Tool.make("elicitUrl", {
    description: "Asks for a visit",
    parameters: Schema.Struct({ url: Schema.String, elicitationId: Schema.String }),
    success: Schema.Struct({ action: Schema.String }),
    failure: Why,
    dependencies: [McpSchema.McpServerClient],
  }),
  Tool.make("sample", {
    description: "Samples with one message",
    parameters: Text,
    success: Schema.Struct({ model: Schema.String, content: Schema.Unknown }),
    failure: Why,
    dependencies: [McpSchema.McpServerClient],
  }),
  Tool.make("roots", {
    description: "The client's roots",
    parameters: Tool.EmptyParams,
    success: Schema.Struct({ uris: Schema.Array(Schema.String) }),
    failure: Why,
    dependencies: [McpSchema.McpServerClient],
  }),
)

/** Asks the client, and tells why that failed. */
const ask = <A, E>(request: (client: McpSchema.McpReverseClient) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const { getClient } = yield* McpSchema.McpServerClient
    return yield* request(yield* getClient)
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) => ({ why: String(error) })),
  )

let interrupted = 0

const tools = Layer.unwrap(
  Effect.gen(function* () {
    const server = yield* McpServer.McpServer
    const progress = Effect.fnUntraced(function* ({ steps }: { readonly steps: number }) {
      const { requestMetadata } = yield* McpSchema.McpRequestContext
      const progressToken = requestMetadata?.progressToken
      for (let step = 1; step <= steps; step++) {
        if (typeof progressToken !== "string" && typeof progressToken !== "number") break
        yield* server.notifications["notifications/progress"]({ progressToken, progress: step, total: steps })
      }
      return { text: `${steps} steps` }
    })
    return McpServer.toolkit(kit).pipe(
      Layer.provide(
        kit.toLayer({
          echo: ({ message }) => Effect.succeed({ text: message }),
          add: ({ a, b }) => Effect.succeed({ sum: a + b }),
          progress,
          hang: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++)),
          interrupted: () => Effect.sync(() => ({ count: interrupted })),
          fail: () => Effect.fail({ why: "it failed" }),
          elicit: ({ message }) =>
            McpServer.elicit({ message, schema: Schema.Struct({ name: Schema.String }) }).pipe(
              Effect.mapError((error) => ({ why: String(error) })),
            ),
          elicitUrl: ({ url, elicitationId }) => {
            const message = "Please sign in"
            // An instance: Effect sends no plain object here.
            const visit = new McpSchema.ElicitRequestURLParams({ mode: "url", message, url, elicitationId })
            return Effect.map(
              ask((client) => client.elicit(visit)),
              ({ action }) => ({ action }),
            )
          },
          sample: ({ text }) => {
            const messages = [{ role: "user" as const, content: { type: "text" as const, text } }]
            return Effect.map(
              ask((client) => client.createMessage({ messages, maxTokens: 100 })),
              ({ model, content }) => ({ model, content }),
            )
          },
          roots: () =>
            Effect.map(
              // Without parameters Effect would send `params: null`.
              ask((client) => client.listRoots({})),
              ({ roots }) => ({ uris: roots.map(({ uri }) => uri) }),
            ),
        }),
      ),
    )
  }),
)

const registrations = Layer.mergeAll(
  tools,
  McpServer.resource({ uri: "test://text", name: "text", mimeType: "text/plain", content: Effect.succeed("words") }),
  McpServer.resource`test://item/${McpSchema.param("id", Schema.String)}`({
    name: "item",
    content: (uri, id) => Effect.succeed(`${uri} is ${id}`),
    completion: { id: (input) => Effect.succeed(["one", "two"].filter((id) => id.startsWith(input))) },
  }),
  McpServer.prompt({
    name: "greet",
    description: "Greets somebody",
    parameters: { name: Schema.String },
    content: ({ name }) => Effect.succeed(`Hello ${name}`),
  }),
)

const [mode, revision] = process.argv.slice(2)
const all = [
  McpProtocol.v2025_11_25,
  McpProtocol.v2025_06_18,
  McpProtocol.v2025_03_26,
  McpProtocol.v2024_11_05,
] as const
const one = all.find((protocol) => protocol.protocolVersion === revision)
const options = {
  name: "effect",
  version: "1.0.0",
  instructions: "Use echo to hear yourself.",
  protocols: one === undefined ? all : ([one] as const),
  registrations,
}

const http = HttpRouter.serve(McpServer.layerHttp({ ...options, path: "/mcp", allowSessionTermination: true }), {
  disableLogger: true,
}).pipe(
  Layer.tap(() =>
    Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
      Effect.sync(() => {
        const port = address._tag === "InetAddressV4" ? address.port : 0
        process.stdout.write(`listening http://127.0.0.1:${port}/mcp\n`)
      }),
    ),
  ),
  Layer.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
)

const stdio = McpServer.layerStdio(options).pipe(Layer.provide(NodeStdio.layer))

process.stdin.on("end", () => process.exit(0))
if (mode === "http") process.stdin.resume()
Effect.runFork(
  Layer.launch(mode === "http" ? http : stdio).pipe(
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
  ),
)
