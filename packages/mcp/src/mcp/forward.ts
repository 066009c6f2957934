/** What a server says, as the module's events. */
import type { Connection } from "../connection.ts"
import type { Event } from "../events.ts"

/** Publishes each notification of a server as the event that it is to a host. */
export const forward = (server: string, { notifications }: Connection, publish: (event: Event) => void): void => {
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
  notifications.listen("tasks/status", (task) => publish({ type: "mcp.task.status", data: { server, task } }))
  notifications.listen("stderr", ({ line }) => publish({ type: "mcp.stderr", data: { server, line } }))
  notifications.listen("warning", ({ message }) => publish({ type: "mcp.warning", data: { server, message } }))
}
