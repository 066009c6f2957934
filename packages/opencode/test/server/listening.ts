/** The routes on a real socket, as a host would have them; the listener is the test's. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { createServer, request } from "node:http"
import type { Browser } from "@opencode-ai/mcp/auth/browser"
import * as Guard from "../../src/server/guard.ts"
import * as Handlers from "../../src/server/handlers/mcp.ts"
import { serving } from "../mcp/serving.ts"

export const secret = "the secret of this run"

export interface Answer {
  readonly status: number
  readonly body: unknown
}

const asked = (
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
) =>
  Effect.callback<Answer>((resume) => {
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString()
        resume(Effect.succeed({ status: response.statusCode ?? 0, body: text === "" ? undefined : JSON.parse(text) }))
      })
    })
    outgoing.on("error", (error) => resume(Effect.die(error)))
    outgoing.end(body)
    return Effect.sync(() => void outgoing.destroy())
  })

/** Listens with these servers configured, as long as the Scope. */
export const listening = (servers: object, open?: Browser["open"]) =>
  Effect.gen(function* () {
    const node = NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })
    const routes = Layer.mergeAll(Handlers.layer, Guard.layer(secret))
    const context = yield* Layer.build(
      HttpRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
        Layer.provideMerge(Layer.mergeAll(node, serving(servers, open))),
      ),
    )
    const { address } = Context.get(context, HttpServer.HttpServer)
    const port = "port" in address ? address.port : 0
    return {
      port,
      context,
      /** A request of whoever knows the secret. */
      ask: (method: string, path: string, body?: unknown) =>
        asked(
          port,
          method,
          path,
          { authorization: `Bearer ${secret}`, "content-type": "application/json" },
          body === undefined ? undefined : JSON.stringify(body),
        ),
      /** A request with these headers and no others. */
      knock: (headers: Readonly<Record<string, string>>, method = "GET", path = "/mcp") =>
        asked(port, method, path, headers, undefined),
    }
  })
