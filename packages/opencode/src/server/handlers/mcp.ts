/** What the routes of MCP do: OpenCode's service, its failures as the routes have them. */
import type { AuthError } from "@opencode-ai/mcp/auth/error"
import type { McpError } from "@opencode-ai/mcp/error"
import type { Resource } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as SchemaIssue from "effect/SchemaIssue"
import * as MCP from "../../mcp/index.ts"
import {
  Api,
  InvalidRequestError,
  type McpResource,
  McpServerNotFoundError,
  McpUnsupportedOAuthError,
  Validation,
} from "../routes/mcp.ts"

const notFound = ({ message, name }: MCP.NotFoundError) => new McpServerNotFoundError({ name, message })

const refused = ({ message }: AuthError) => new InvalidRequestError({ message, kind: "Authorization" })

/** A sign-in to a server that has none. */
const unsupported = ({ message }: McpError) => new McpUnsupportedOAuthError({ error: message })

const signing = <A>(effect: Effect.Effect<A, MCP.NotFoundError | McpError | AuthError>) =>
  Effect.catchTags(effect, {
    "MCP.NotFoundError": (error) => Effect.fail(notFound(error)),
    McpError: (error) => Effect.fail(unsupported(error)),
    AuthError: (error) => Effect.fail(refused(error)),
  })

const mcp = HttpApiBuilder.group(Api, "mcp", (handlers) =>
  Effect.gen(function* () {
    const service = yield* MCP.Service
    return handlers.handleAll({
      status: () => service.status(),
      add: ({ payload }) => Effect.map(service.add(payload.name, payload.config), ({ status }) => status),
      remove: ({ params: { name } }) =>
        Effect.as(Effect.mapError(service.remove(name), notFound), { success: true } as const),
      authStart: ({ params: { name } }) => signing(service.startAuth(name)),
      authCallback: ({ params: { name }, payload }) => signing(service.finishAuth(name, payload.code)),
      authAuthenticate: ({ params: { name } }) => signing(service.authenticate(name)),
      authRemove: ({ params: { name } }) =>
        service.removeAuth(name).pipe(
          Effect.as({ success: true } as const),
          Effect.mapError((error) => (error._tag === "AuthError" ? refused(error) : notFound(error))),
        ),
      connect: ({ params: { name } }) => Effect.as(Effect.mapError(service.connect(name), notFound), true),
      disconnect: ({ params: { name } }) => Effect.as(Effect.mapError(service.disconnect(name), notFound), true),
    })
  }),
)

/** What is told of a resource. All but its URI is as the server sent it. */
const shown = ({ client, description, mimeType, name, uri }: MCP.Of<Resource>): typeof McpResource.Type => {
  const text = <Name extends string>(field: Name, value: unknown) =>
    typeof value === "string" ? { [field]: value } : {}
  return {
    name: uri,
    ...text("name", name),
    uri,
    ...text("description", description),
    ...text("mimeType", mimeType),
    client,
  }
}

const experimental = HttpApiBuilder.group(Api, "experimental", (handlers) =>
  Effect.map(MCP.Service, (service) =>
    handlers.handleAll({
      resource: () =>
        Effect.map(service.resources(), (resources) =>
          Object.fromEntries(Object.entries(resources).map(([key, resource]) => [key, shown(resource)])),
        ),
    }),
  ),
)

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const segment = (key: PropertyKey | { readonly key: PropertyKey }) => String(typeof key === "object" ? key.key : key)

/** Names each thing that is wrong with a request, and where. */
const validation = HttpApiMiddleware.layerSchemaErrorTransform(Validation, (error) => {
  if (error.kind === "Body" || error.kind === "ResponseHeaders") return Effect.fail(error)
  const all = issuesOf(error.cause.issue).issues.map(({ message, path = [] }) => ({
    message,
    field: path.map(segment).join("."),
  }))
  const message = all.map((each) => (each.field === "" ? each.message : `${each.field}: ${each.message}`)).join("; ")
  const [{ field } = { field: "" }] = all
  return Effect.fail(new InvalidRequestError({ message, kind: error.kind, ...(field === "" ? {} : { field }) }))
})

/** The routes on a router of the host's. */
export const layer = HttpApiBuilder.layer(Api, { openapiPath: "/mcp/openapi.json" }).pipe(
  Layer.provide([mcp, experimental]),
  Layer.provide(validation),
)
