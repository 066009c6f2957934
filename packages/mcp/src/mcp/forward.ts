/** What a server says, as the module's events. */
import type { Question } from "../capability/questions.ts"
import type { Connection } from "../connection.ts"
import type { Event } from "../events.ts"
import type { States } from "../tasks/states.ts"

/** Publishes each notification of a server as the event that it is to a host. */
export const forward = (
  server: string,
  { notifications }: Connection,
  tasks: States,
  publish: (event: Event) => void,
): void => {
  notifications.listen("resources/updated", ({ uri }) =>
    publish({ type: "mcp.resource.updated", data: { server, uri } }),
  )
  notifications.listen("message", ({ data, level, logger }) =>
    publish({ type: "mcp.log", data: { server, level, data, ...(logger === undefined ? {} : { logger }) } }),
  )
  notifications.listen("cancelled", ({ reason, requestId }) =>
    publish({ type: "mcp.cancelled", data: { server, requestId, ...(reason === undefined ? {} : { reason }) } }),
  )
  notifications.listen("elicitation/complete", ({ elicitationId }) =>
    publish({ type: "mcp.elicitation.completed", data: { server, elicitationId } }),
  )
  notifications.listen("tasks/status", tasks.heard)
  notifications.listen("stderr", ({ line }) => publish({ type: "mcp.stderr", data: { server, line } }))
  notifications.listen("warning", ({ message }) => publish({ type: "mcp.warning", data: { server, message } }))
}

/** Publishes a question that waits for an answer. */
export const tellQuestion = ({ id, kind, request }: Question, publish: (event: Event) => void): void => {
  const { server } = request
  if (kind === "sampling") {
    return publish({ type: "mcp.sampling.requested", data: { server, requestID: id, params: request.params } })
  }
  const asked = request.request === undefined ? {} : { request: request.request }
  const { message } = request
  publish({
    type: "mcp.elicitation.requested",
    data:
      request.mode === "form"
        ? { server, requestID: id, mode: "form", message, requestedSchema: request.requestedSchema, ...asked }
        : {
            server,
            requestID: id,
            mode: "url",
            message,
            url: request.url,
            elicitationId: request.elicitationId,
            ...asked,
          },
  })
}
