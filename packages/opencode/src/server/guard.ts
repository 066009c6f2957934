/**
 * Who may ask a server of ours: whoever names it by a name of this machine's own loopback interface, is no page of somebody
 * else's, and knows the secret of the run. OpenCode's own server has a middleware of its own in this place.
 */
import { hostsOf, isSame, stranger } from "@opencode-ai/mcp/http/loopback"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Layer from "effect/Layer"

const refuse = (status: number, error: string) => HttpServerResponse.jsonUnsafe({ error }, { status })

const refusals = {
  host: refuse(421, "This server answers only under the names of this machine's own loopback interface."),
  origin: refuse(403, "Another page tried to reach this server. Nothing was done."),
  secret: HttpServerResponse.setHeader(
    refuse(401, "The secret of this run is needed: Authorization: Bearer <secret>."),
    "www-authenticate",
    "Bearer",
  ),
}

/** Lets nobody in who does not send `Authorization: Bearer <secret>`. Nothing of a refused request is read but its headers. */
export const layer = (secret: string): Layer.Layer<never, never, HttpRouter.HttpRouter | HttpServer.HttpServer> =>
  HttpRouter.middleware(
    Effect.map(HttpServer.HttpServer, ({ address }) => {
      const hosts = hostsOf("port" in address ? address.port : 0)
      return (app) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
          const { authorization = "", host, origin } = headers
          const foreign = stranger(hosts, { host, origin })
          if (foreign !== undefined) return Effect.succeed(refusals[foreign])
          return isSame(authorization, `Bearer ${secret}`) ? app : Effect.succeed(refusals.secret)
        })
    }),
    { global: true },
  )
