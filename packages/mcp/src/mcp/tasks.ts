/** Tasks of servers: calls that become one, and what is asked of one by its id (2025-11-25, Tasks). */
import * as Effect from "effect/Effect"
import { type Kind, list } from "../catalog/listing.ts"
import type { Live } from "../connection.ts"
import { McpError, TaskUnsupported } from "../error.ts"
import type { Event } from "../events.ts"
import type { JsonObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { CallToolRequestParams, CallToolResult, Task, Tool } from "../protocol/model.ts"
import type { Session } from "../session/session.ts"
import { call } from "../tasks/call.ts"
import { make as follow } from "../tasks/follow.ts"
import * as States from "../tasks/states.ts"
import type { CallError, CallOptions } from "./calls.ts"
import type { Registered, Registry } from "./registry.ts"

/** Where no entry says how long a request may be silent: five minutes. */
const defaultTimeout = 300_000

const timeoutOf = ({ connection }: Registered, options?: CallOptions): number =>
  options?.timeout ?? connection?.config.timeout.execution ?? defaultTimeout

/** The states of one server's tasks, each change an event. */
export const states = (server: string, publish: (event: Event) => void): States.States =>
  States.make((task, request) =>
    publish({ type: "mcp.task.status", data: { server, task, ...(request === undefined ? {} : { request }) } }),
  )

/**
 * How a call is to be made: as a task with these parameters, or not as one. A tool that has to be a task is one by
 * itself, but never on a server that does not declare it (Tasks, Tool-Level Negotiation).
 */
export const asTask = (
  session: Session["Service"],
  server: string,
  { execution, name }: Tool,
  asked: CallOptions["task"],
): Effect.Effect<{ readonly ttl?: number | undefined } | undefined, McpError> => {
  const support = execution?.taskSupport
  if (asked === undefined || asked === false) {
    return Effect.succeed(support === "required" && session.declares(Method.callToolAsTask) ? {} : undefined)
  }
  if (support === "required" || support === "optional") return Effect.succeed(asked === true ? {} : asked)
  return Effect.fail(new McpError({ reason: new TaskUnsupported({ server, tool: name }) }))
}

const renew = (registry: Registry, registered: Registered) =>
  Effect.map(registry.ready(registered), ({ session }) => session)

/** Calls a tool as a task. */
export const callAsTask = (
  registry: Registry,
  registered: Registered,
  { session }: Live,
  params: CallToolRequestParams,
  { ttl }: { readonly ttl?: number | undefined },
  options: CallOptions | undefined,
): Effect.Effect<CallToolResult, CallError> =>
  call({
    server: registered.name,
    session,
    renew: renew(registry, registered),
    states: registered.tasks,
    timeout: timeoutOf(registered, options),
    params,
    ttl,
    options,
  })

const taskKind: Kind<Task> = {
  method: Method.listTasks,
  member: "tasks",
  identify: ({ taskId }) => (typeof taskId === "string" ? taskId : undefined),
  is: (item): item is JsonObject & Task => Method.isTask(item),
}

/** What can be asked of the tasks of a server. */
export interface TaskOperations {
  readonly tasks: (server: string) => Effect.Effect<ReadonlyArray<Task>, CallError>
  readonly task: (server: string, taskId: string) => Effect.Effect<Task, CallError>
  readonly taskResult: (server: string, taskId: string) => Effect.Effect<object, CallError>
  readonly cancelTask: (server: string, taskId: string) => Effect.Effect<Task, CallError>
}

export const make = (registry: Registry): TaskOperations => {
  const through = <Result>(
    server: string,
    use: (session: Session["Service"], registered: Registered) => Effect.Effect<Result, CallError>,
  ): Effect.Effect<Result, CallError> =>
    Effect.flatMap(registry.lookup(server), (registered) =>
      Effect.flatMap(registry.ready(registered), ({ session }) => use(session, registered)),
    )

  const listed = (session: Session["Service"], timeout: number) => {
    const warn = (message: string) => session.notifications.publish("warning", { message })
    return Effect.map(list(session, taskKind, { timeout, warn, needsFirst: true }), ({ broken, items }) => {
      if (broken !== undefined) warn(broken)
      return items
    })
  }

  /** Asks for the state of one, and takes note of it for whoever follows it. */
  const state = (method: Method.RequestMethod<Method.OfTask, Task>) => (server: string, taskId: string) =>
    through(server, (session, { tasks }) =>
      Effect.tap(session.request(method, { taskId }), (task) => Effect.sync(() => tasks.noted(task))),
    )

  return {
    tasks: (server) =>
      through(server, (session, { connection }) =>
        session.declares(Method.listTasks)
          ? listed(session, connection?.config.timeout.catalog ?? defaultTimeout)
          : // It fails with what is missing, and sends nothing.
            Effect.map(session.request(Method.listTasks, {}), ({ tasks }) => tasks),
      ),
    task: state(Method.getTask),
    cancelTask: state(Method.cancelTask),
    taskResult: (server, taskId) =>
      through(server, (session, registered) =>
        Effect.acquireUseRelease(
          Effect.sync(() => registered.tasks.follow(taskId)),
          (known) =>
            Effect.acquireUseRelease(
              follow({
                server,
                session,
                renew: renew(registry, registered),
                known,
                timeout: timeoutOf(registered),
                request: undefined,
                quietly: false,
              }),
              (follower) => follower.answer,
              (follower) => Effect.sync(follower.end),
            ),
          (known) => Effect.sync(known.end),
        ),
      ),
  }
}
