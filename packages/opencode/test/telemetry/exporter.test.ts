/** Spans and metrics that leave the program, as a collector gets them. */
import { it } from "@opencode-ai/testing/effect"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { world } from "../cli/program.ts"

interface Received {
  readonly path: string
  readonly key: string | undefined
  // What a test looks at is of many shapes.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

/** What takes OTLP in JSON, as a collector does. */
const collector = Effect.gen(function* () {
  const received: Array<Received> = []
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const key = request.headers["x-key"]
      const body = JSON.parse(Buffer.concat(chunks).toString("utf8"))
      received.push({ path: request.url ?? "", key: typeof key === "string" ? key : undefined, body })
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      }),
  )
  const { port } = server.address() as AddressInfo
  return { received, url: `http://127.0.0.1:${port}` }
})

it.live("a collector gets the spans and the metrics of a command, under the name that the environment gives", () =>
  Effect.gen(function* () {
    const here = yield* world
    const { received, url } = yield* collector
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=of-the-collector",
      OTEL_SERVICE_NAME: "mine",
    }
    const called = yield* here.mcp({ s: sdkV2() }, ["call", "s", "echo", "message=unspoken"], { env })
    expect(called).toMatchObject({ code: 0, stdout: "unspoken\n", stderr: "" })
    const traces = received.filter(({ path }) => path === "/v1/traces")
    const spans = traces.flatMap(({ body }) => body.resourceSpans[0].scopeSpans[0].spans)
    expect(spans.map(({ name }: { name: string }) => name)).toContain("tools/call echo")
    expect(spans.map(({ name }: { name: string }) => name)).toContain("connect s")
    expect(traces[0]?.key).toBe("of-the-collector")
    expect(JSON.stringify(traces[0]?.body.resourceSpans[0].resource)).toContain('"mine"')
    const metrics = received.filter(({ path }) => path === "/v1/metrics")
    expect(JSON.stringify(metrics)).toContain("mcp.client.operation.duration")
    expect(JSON.stringify(received)).not.toContain("unspoken")
  }),
)

it.live("a collector that is not there costs no command anything but its patience with it", () =>
  Effect.gen(function* () {
    const here = yield* world
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT: "500" }
    const called = yield* here.mcp({ s: sdkV2() }, ["call", "s", "echo", "message=hi"], { env })
    expect(called).toMatchObject({ code: 0, stdout: "hi\n", stderr: "" })
  }),
)
