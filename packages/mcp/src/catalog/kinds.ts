/** The four kinds of lists: how each is asked for, and what an item of it has to have. */
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { Prompt, Resource, ResourceTemplate, Tool } from "../protocol/model.ts"
import type { Kind } from "./listing.ts"

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

export const toolKind: Kind<Tool> = {
  method: Method.listTools,
  member: "tools",
  identify: ({ inputSchema, name }) => (isObject(inputSchema) ? text(name) : undefined),
  is: (item): item is JsonObject & Tool => isObject(item.inputSchema),
}
export const promptKind: Kind<Prompt> = {
  method: Method.listPrompts,
  member: "prompts",
  identify: ({ name }) => text(name),
  is: (item): item is JsonObject & Prompt => text(item.name) !== undefined,
}
export const resourceKind: Kind<Resource> = {
  method: Method.listResources,
  member: "resources",
  identify: ({ uri }) => text(uri),
  is: (item): item is JsonObject & Resource => text(item.uri) !== undefined,
}
export const templateKind: Kind<ResourceTemplate> = {
  method: Method.listResourceTemplates,
  member: "resourceTemplates",
  identify: ({ uriTemplate }) => text(uriTemplate),
  is: (item): item is JsonObject & ResourceTemplate => text(item.uriTemplate) !== undefined,
}
