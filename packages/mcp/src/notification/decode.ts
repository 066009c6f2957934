/**
 * Reads the parameters of a notification, member by member where a listener relies on it. `_meta` is passed on with all
 * of them, where it is an object. Each reader gives `undefined` where a member that is needed is missing or of another
 * type.
 */
import { isObject, isRequestId, type JsonObject } from "../protocol/jsonrpc.ts"
import type { Task } from "../protocol/model.ts"
import { isLevel } from "./level.ts"
import type { Meta, Topics } from "./notifications.ts"

/** The topics that are notifications of the protocol. */
export type WireTopic = Exclude<keyof Topics, "stderr" | "warning" | "dropped">

const isLogMessage = (params: JsonObject & Meta): params is JsonObject & Topics["message"] =>
  "level" in params && isLevel(params.level)

const isTask = (params: JsonObject & Meta): params is JsonObject & Meta & Task =>
  typeof params.taskId === "string" && typeof params.status === "string"

const text = (value: unknown): value is string => typeof value === "string"

/** `_meta` alone, for a payload that is made anew. */
const metaOf = (_meta: JsonObject | undefined): Meta => (_meta === undefined ? {} : { _meta })

const readers: { readonly [T in WireTopic]: (params: JsonObject & Meta) => Topics[T] | undefined } = {
  "tools/list_changed": (params) => params,
  "prompts/list_changed": (params) => params,
  "resources/list_changed": (params) => params,
  "resources/updated": ({ _meta, uri }) => (text(uri) ? { uri, ...metaOf(_meta) } : undefined),
  message: (params) => (isLogMessage(params) ? params : undefined),
  progress: ({ _meta, message, progress, progressToken, total }) =>
    isRequestId(progressToken) && typeof progress === "number"
      ? {
          progressToken,
          progress,
          ...(typeof total === "number" ? { total } : {}),
          ...(text(message) ? { message } : {}),
          ...metaOf(_meta),
        }
      : undefined,
  cancelled: ({ _meta, reason, requestId }) =>
    isRequestId(requestId) ? { requestId, ...(text(reason) ? { reason } : {}), ...metaOf(_meta) } : undefined,
  "elicitation/complete": ({ _meta, elicitationId }) =>
    text(elicitationId) ? { elicitationId, ...metaOf(_meta) } : undefined,
  "tasks/status": (params) => (isTask(params) ? params : undefined),
}

const prefix = "notifications/"

const isTopic = (name: string): name is WireTopic => Object.hasOwn(readers, name)

/** The topic of a notification's method, where this client knows it. */
export const topicOf = (method: string): WireTopic | undefined => {
  const name = method.startsWith(prefix) ? method.slice(prefix.length) : ""
  return isTopic(name) ? name : undefined
}

const hasMeta = (params: JsonObject): params is JsonObject & Meta =>
  params._meta === undefined || isObject(params._meta)

const withoutMeta = ({ _meta, ...rest }: JsonObject): JsonObject => rest

/** The payload of a notification, or `undefined` where it makes no sense. */
export const decode = <T extends WireTopic>(topic: T, params: unknown): Topics[T] | undefined =>
  readers[topic](!isObject(params) ? {} : hasMeta(params) ? params : withoutMeta(params))
