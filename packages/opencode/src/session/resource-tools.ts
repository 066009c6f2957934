/**
 * The three tools by which a model finds and reads resources of servers: there when a server has some.
 *
 * A resource's URI is a name that its server gives: what is read is what the server answers, whatever the URI looks
 * like, and no path of this machine comes of it (2025-11-25, Resources).
 */
import { parse, type Value } from "@opencode-ai/mcp/catalog/template"
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { Resource, ResourceTemplate } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as MCP from "../mcp/index.ts"
import { pretty } from "../mcp/structured.ts"
import { ofReading, ofResource } from "../permission/index.ts"
import type { Model } from "../provider/provider.ts"
import type { Context, Info, Result as Output } from "../tool/tool.ts"
import * as Truncate from "../tool/truncate.ts"
import { BadArguments, ToolError, Unavailable } from "./error.ts"
import * as Content from "./result.ts"

/** What the tools need. */
export interface Needs {
  readonly mcp: MCP.Interface
  readonly truncate: Truncate.Interface
  readonly model: Model
  /** Whether a rule denies to read this. */
  readonly isDenied: (pattern: string) => boolean
}

const bad = (tool: string, expected: string) => new ToolError({ tool, reason: new BadArguments({ expected }) })

const text = (args: unknown, name: string): string | undefined => {
  const value = isObject(args) ? args[name] : undefined
  return typeof value === "string" && value !== "" ? value : undefined
}

const serverArgument = { type: "string", description: "The name of a server, as list_mcp_resources tells it" }

/** Servers that have resources, in the order of their names. */
export const servers = (mcp: MCP.Interface): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(mcp.clients(), (clients) =>
    Object.entries(clients)
      .filter(([, client]) => client.getServerCapabilities()?.resources !== undefined)
      .map(([name]) => name)
      .toSorted(),
  )

/** The server that was named; it has to have resources. */
const known = ({ mcp }: Needs, tool: string, server: string) =>
  Effect.flatMap(servers(mcp), (names) =>
    names.includes(server)
      ? Effect.void
      : Effect.fail(
          bad(tool, `a connected server that has resources (${names.join(", ")}), not ${JSON.stringify(server)}`),
        ),
  )

/** Which servers a list is of: the one that was named, or all that may be read. */
const chosen = (needs: Needs, tool: string, args: unknown) =>
  Effect.gen(function* () {
    const server = text(args, "server")
    if (server === undefined) {
      return (yield* servers(needs.mcp)).filter((name) => !needs.isDenied(ofResource(name, "*")))
    }
    yield* known(needs, tool, server)
    return [server]
  })

/** What the model is told of a resource: all but pictures and what is for programs. */
const listed = ({ client, ...item }: { readonly client: string }) => {
  const { _meta, icons: _, ...told }: Record<string, unknown> = item
  return { server: client, ...told }
}

const list = (
  needs: Needs,
  about: { readonly id: string; readonly what: string; readonly description: string },
  items: (server: string) => Effect.Effect<Readonly<Record<string, MCP.Of<Resource | ResourceTemplate>>>>,
): Info => ({
  id: about.id,
  description: about.description,
  parameters: { type: "object", properties: { server: serverArgument }, additionalProperties: false },
  permission: "read",
  execute: (args, context) =>
    Effect.gen(function* () {
      const names = yield* chosen(needs, about.id, args)
      const patterns = names.map((name) => ofResource(name, "*"))
      yield* context.ask({ permission: "read", patterns, always: patterns, metadata: { servers: names } })
      const found = (yield* Effect.forEach(names, items)).flatMap((record) => Object.values(record).map(listed))
      const { content, ...cut } = yield* needs.truncate.output(pretty({ [about.what]: found }))
      return { title: `MCP ${about.what}`, metadata: { servers: names, count: found.length, ...cut }, output: content }
    }),
})

const isValue = (value: unknown): value is Value =>
  typeof value === "string" ||
  typeof value === "number" ||
  typeof value === "boolean" ||
  (Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [0]).every(
    (each) => typeof each === "string",
  )

/** The URI that was asked for: as it stands, or of a template and its values. */
const uriOf = (tool: string, args: unknown): Effect.Effect<string, ToolError> => {
  const uri = text(args, "uri")
  if (uri !== undefined) return Effect.succeed(uri)
  const template = text(args, "uriTemplate")
  if (template === undefined) return Effect.fail(bad(tool, '"uri", or "uriTemplate" and "arguments"'))
  const given: JsonObject = isObject(args) && isObject(args["arguments"]) ? args["arguments"] : {}
  const values: Array<readonly [string, Value]> = []
  for (const [name, value] of Object.entries(given)) {
    if (!isValue(value)) return Effect.fail(bad(tool, `a text, or texts, for the variable ${JSON.stringify(name)}`))
    values.push([name, value])
  }
  return Effect.fromResult(
    Result.mapError(
      Result.flatMap(parse(template), ({ expand }) => expand(Object.fromEntries(values))),
      ({ message }) => bad(tool, `values that the template takes: ${message}`),
    ),
  )
}

const readTool = "read_mcp_resource"

/** A URI with its scheme (RFC 3986), of characters that stand in one. */
const isUri = (uri: string) => /^[a-z][a-z\d+.-]*:[^\s\p{Cc}<>"{}|\\^`]*$/iu.test(uri)

/** What is no URI is read where the server lists it so, and nowhere else. */
const readable = ({ mcp }: Needs, server: string, uri: string) =>
  Effect.gen(function* () {
    if (isUri(uri)) return
    const listed = Object.values(yield* mcp.resources(server)).some((resource) => resource.uri === uri)
    if (!listed) return yield* bad(readTool, `a URI as list_mcp_resources tells it, not ${JSON.stringify(uri)}`)
  })

const read = (needs: Needs, args: unknown, context: Context): Effect.Effect<Output, Error> =>
  Effect.gen(function* () {
    const server = text(args, "server")
    if (server === undefined) return yield* bad(readTool, '"server", the name of a server')
    yield* known(needs, readTool, server)
    const uri = yield* uriOf(readTool, args)
    yield* readable(needs, server, uri)
    yield* context.ask({
      permission: "read",
      patterns: ofReading(server, uri),
      always: [ofResource(server, "*")],
      metadata: { server, uri },
    })
    const contents = yield* Effect.mapError(
      needs.mcp.readResource(server, uri),
      (error) => new ToolError({ tool: readTool, reason: new Unavailable({ error }) }),
    )
    const way = { server, readable: true, model: needs.model }
    const result = Effect.flatMap(Content.ofResource(contents, way), (parts) =>
      Content.finish(parts, `MCP resource: ${uri}`, { server, uri }),
    )
    return yield* Effect.provideService(result, Truncate.Service, needs.truncate)
  })

/** The tools. */
export const make = (needs: Needs): ReadonlyArray<Info> => [
  list(
    needs,
    {
      id: "list_mcp_resources",
      what: "resources",
      description:
        "Lists the resources of connected MCP servers: files, records and other context that they offer. Read one with read_mcp_resource.",
    },
    (server) => needs.mcp.resources(server),
  ),
  list(
    needs,
    {
      id: "list_mcp_resource_templates",
      what: "templates",
      description:
        "Lists the templates of the resources of connected MCP servers. Read one with read_mcp_resource, giving its uriTemplate and values for its variables as arguments.",
    },
    (server) => needs.mcp.resourceTemplates(server),
  ),
  {
    id: readTool,
    description:
      "Reads a resource of an MCP server, by its URI or by a template and values for its variables. A URI is a name that the server knows; it is read through that server whatever its scheme.",
    parameters: {
      type: "object",
      properties: {
        server: serverArgument,
        uri: { type: "string", description: "The URI, exactly as listed or linked" },
        uriTemplate: { type: "string", description: "Instead of uri: a template, exactly as listed" },
        arguments: { type: "object", description: "The values of the template's variables, by name" },
      },
      required: ["server"],
      additionalProperties: false,
    },
    permission: "read",
    execute: (args, context) => read(needs, args, context),
  },
]
