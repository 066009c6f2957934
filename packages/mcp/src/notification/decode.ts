/**
 * Reads the parameters of a notification, member by member where a listener relies on it, and passes them on whole.
 * Each reader gives `undefined` where a member that is needed is missing or of another type.
 */
import { isObject, isRequestId, type JsonObject } from "../protocol/jsonrpc.ts"
import type { Task } from "../protocol/model.ts"
import { isLevel } from "./level.ts"
import type { Topics } from "./notifications.ts"

/** The topics that are notifications of the protocol. */
export type WireTopic = Exclude<keyof Topics, "stderr" | "warning" | "dropped">

const isLogMessage = (params: object): params is Topics["message"] => "level" in params && isLevel(params.level)

const isTask = (params: JsonObject): params is JsonObject & Task =>
  typeof params.taskId === "string" && typeof params.status === "string"

const text = (value: unknown): value is string => typeof value === "string"

const readers: { readonly [T in WireTopic]: (params: JsonObject) => Topics[T] | undefined } = {
  "tools/list_changed": (params) => params,
  "prompts/list_changed": (params) => params,
  "resources/list_changed": (params) => params,
  "resources/updated": ({ uri }) => (text(uri) ? { uri } : undefined),
  message: (params) => (isLogMessage(params) ? params : undefined),
  progress: ({ message, progress, progressToken, total }) =>
    isRequestId(progressToken) && typeof progress === "number"
      ? {
          progressToken,
          progress,
          ...(typeof total === "number" ? { total } : {}),
          ...(text(message) ? { message } : {}),
        }
      : undefined,
  cancelled: ({ reason, requestId }) =>
    isRequestId(requestId) ? { requestId, ...(text(reason) ? { reason } : {}) } : undefined,
  "elicitation/complete": ({ elicitationId }) => (text(elicitationId) ? { elicitationId } : undefined),
  "tasks/status": (params) => (isTask(params) ? params : undefined),
}

const prefix = "notifications/"

const isTopic = (name: string): name is WireTopic => Object.hasOwn(readers, name)

/** The topic of a notification's method, where this client knows it. */
export const topicOf = (method: string): WireTopic | undefined => {
  const name = method.startsWith(prefix) ? method.slice(prefix.length) : ""
  return isTopic(name) ? name : undefined
}

/** The payload of a notification, or `undefined` where it makes no sense. */
export const decode = <T extends WireTopic>(topic: T, params: unknown): Topics[T] | undefined =>
  readers[topic](isObject(params) ? params : {})
