/** What a server says, as the module's events. */
import type { Outcome, Question } from "../capability/questions.ts"
import type { Connection } from "../connection.ts"
import type { Event, Status } from "../events.ts"
import { Channel } from "../notification/channel.ts"
import type { SessionError } from "../session/error.ts"
import type { States } from "../tasks/states.ts"

const lostMessage = (count: number, what: string): string =>
  `${count} of its ${what} were lost: they came quicker than they were read`

/** How many events wait for the first subscriber, and for one that lags; how many of one kind and server; how many bytes. */
const capacity = 16_384
const groupCapacity = 4_096
const bytes = 16_777_216

/** Events that are few, and that nothing replaces: a flood of others takes no room from them. */
const precious: ReadonlySet<Event["type"]> = new Set<Event["type"]>([
  "mcp.status.changed",
  "mcp.elicitation.requested",
  "mcp.sampling.requested",
  "mcp.question.closed",
  "mcp.tool.held",
  "mcp.auth.required",
  "mcp.browser.open.failed",
])

/** The events of all servers. What is lost of them becomes one warning for each burst, server and kind. */
export const eventChannel = (): Channel<Event> =>
  new Channel<Event>({
    capacity,
    groupCapacity,
    bytes,
    group: ({ data, type }) => (precious.has(type) ? undefined : `${type} ${data.server}`),
    lost: ({ data: { server }, type }, count) => ({
      type: "mcp.warning",
      data: { server, message: lostMessage(count, `${type} events`) },
    }),
  })

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
  notifications.listen("dropped", ({ count, topic }) =>
    publish({ type: "mcp.warning", data: { server, message: lostMessage(count, topic) } }),
  )
}

/** Publishes a change of a status, and that a person has to sign in where that is what it means. */
export const tellStatus = (server: string, status: Status, publish: (event: Event) => void): void => {
  publish({ type: "mcp.status.changed", data: { server, ...status } })
  if (status.status !== "needs_auth") return
  publish({ type: "mcp.auth.required", data: { server, reason: status.error ?? "it asks for authorization" } })
}

/** Publishes that a person has to sign in, where that is why lists of a server that is connected could not be read. */
export const tellLists = (
  server: string,
  errors: ReadonlyArray<SessionError>,
  publish: (event: Event) => void,
): void => {
  for (const { reason } of errors) {
    const why = reason._tag === "Transport" ? reason.error.reason : undefined
    if (why?._tag !== "CredentialsFailed" || why.cause.reason._tag !== "SignInRequired") continue
    return publish({ type: "mcp.auth.required", data: { server, reason: why.message } })
  }
}

/** Publishes a question that waits for an answer. */
export const tellQuestion = ({ id, kind, request }: Question, publish: (event: Event) => void): void => {
  const { server } = request
  // What is asked of the host's own person is no business of whoever reads the events.
  if (kind === "approval" || kind === "review") return
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
            host: request.host,
            ...(request.warning === undefined ? {} : { warning: request.warning }),
            elicitationId: request.elicitationId,
            ...asked,
          },
  })
}

/** Publishes that a question waits no longer. */
export const tellClosed = (
  { id, kind, request: { server } }: Question,
  outcome: Outcome,
  publish: (event: Event) => void,
): void => {
  if (kind === "approval" || kind === "review") return
  publish({ type: "mcp.question.closed", data: { server, requestID: id, outcome } })
}
