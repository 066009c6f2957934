/**
 * What the shell can be asked: each operation of docs/cli.md by its name, with its fields and what it does. Both faces
 * of the shell, lines of JSON and the prompt, ask the same operations.
 */
import { Questions } from "@opencode-ai/mcp/capability/questions"
import { RequestRefused } from "@opencode-ai/mcp/capability/refused"
import { type CallOptions, Mcp } from "@opencode-ai/mcp/mcp"
import type { Underway } from "@opencode-ai/mcp-inbox/underway"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { badRequest } from "../failure.ts"
import type { Output } from "../output.ts"
import * as Present from "../present.ts"
import type * as Runtime from "../runtime.ts"
import * as Authorization from "./authorization.ts"
import * as Fields from "./fields.ts"
import * as Manage from "./manage.ts"
import type { State } from "./state.ts"

/** Who asks. */
export interface Asking {
  /** The id of the command: its progress carries it. */
  readonly id: unknown
  readonly state: State
}

/** What an operation runs in. The Scope is the shell's. */
export type Needs = Runtime.Services | Underway | Output | Scope.Scope

export interface Operation {
  /** Its fields, in the order in which they are typed at the prompt. */
  readonly fields: Readonly<Record<string, "needed" | "optional">>
  /** Whether the result is what a server answered, which is passed on exactly as it is. */
  readonly exact: boolean
  readonly run: (given: Fields.Given, asking: Asking) => Effect.Effect<unknown, unknown, Needs>
}

const make = <Input>(
  name: string,
  shape: Fields.Shape<Input>,
  run: (input: Input, asking: Asking) => Effect.Effect<unknown, unknown, Needs>,
  exact = false,
): readonly [string, Operation] => {
  const read = Fields.reader(name, shape)
  const fields = Object.entries(shape.fields).map(
    ([field, { ast }]) => [field, ast.context?.isOptional === true ? "optional" : "needed"] as const,
  )
  return [
    name,
    {
      fields: Object.fromEntries(fields),
      exact,
      run: (given, asking) => Effect.flatMap(read(given), (input) => run(input, asking)),
    },
  ]
}

const { action, argument, content, context, level, message, milliseconds } = Fields
const { object, optional, reference, roots, strings, task, text } = Fields

const nothing = Schema.Struct({})
const ofServer = Schema.Struct({ server: text })
const ofServers = Schema.Struct({ server: optional(text) })

/** An operation of the service. */
const ask = <A, E, R>(use: (mcp: Mcp["Service"]) => Effect.Effect<A, E, R>) => Effect.flatMap(Mcp, use)

const request = ({ id }: Asking, timeout?: number): CallOptions => ({ request: id, timeout })

const call = Schema.Struct({
  server: text,
  tool: text,
  args: optional(object),
  timeout: optional(milliseconds),
  task: optional(task),
})

const complete = Schema.Struct({ server: text, ref: reference, argument, context: optional(context) })

const ofTask = Schema.Struct({ server: text, taskId: text })

const elicitationReply = Schema.Struct({ requestID: text, action, content: optional(content) })

const samplingReply = Schema.Struct({ requestID: text, result: optional(message), error: optional(Fields.error) })

/** Every operation but `cancel` and `exit`, which are of the commands themselves. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  make("status", nothing, () =>
    ask((mcp) =>
      Effect.map(mcp.servers, (servers) =>
        Object.fromEntries(servers.map(({ name, status }) => [name, Present.status(status)])),
      ),
    ),
  ),
  make("servers", nothing, () => ask((mcp) => Effect.map(mcp.servers, (servers) => servers.map(Present.server)))),
  make("connect", ofServer, ({ server }, { state }) => Effect.map(Manage.connect(server, state), Present.status)),
  make("disconnect", ofServer, ({ server }) => ask((mcp) => Effect.map(mcp.disconnect(server), Present.status))),
  make("add", Schema.Struct({ name: text, config: object }), ({ config, name }, { state }) =>
    Effect.map(Manage.add(name, config, state), Present.status),
  ),
  make("remove", ofServer, ({ server }, { state }) => Effect.as(Manage.remove(server, state), true)),
  make("tools", ofServers, ({ server }) => ask((mcp) => Effect.map(mcp.tools(server), (all) => all.map(Present.tool)))),
  make(
    "call",
    call,
    ({ args, server, task, timeout, tool }, asking) =>
      ask((mcp) =>
        mcp.callTool(server, tool, args, { ...request(asking, timeout), ...(task === undefined ? {} : { task }) }),
      ),
    true,
  ),
  make("resources", ofServers, ({ server }) =>
    ask((mcp) => Effect.map(mcp.resources(server), (all) => all.map(Present.item))),
  ),
  make("templates", ofServers, ({ server }) =>
    ask((mcp) => Effect.map(mcp.templates(server), (all) => all.map(Present.item))),
  ),
  make("prompts", ofServers, ({ server }) =>
    ask((mcp) => Effect.map(mcp.prompts(server), (all) => all.map(Present.item))),
  ),
  make(
    "read",
    Schema.Struct({ server: text, uri: text }),
    ({ server, uri }, asking) => ask((mcp) => mcp.readResource(server, uri, request(asking))),
    true,
  ),
  make(
    "prompt",
    Schema.Struct({ server: text, name: text, args: optional(strings) }),
    ({ args, name, server }, asking) => ask((mcp) => mcp.getPrompt(server, name, args, request(asking))),
    true,
  ),
  make("ping", ofServer, ({ server }) => ask((mcp) => Effect.map(mcp.ping(server), (ms) => ({ ms })))),
  make("roots", Schema.Struct({ roots }), ({ roots }) => ask((mcp) => Effect.as(mcp.setRoots(roots), true))),
  make("instructions", nothing, () => Manage.instructions),
  make("reload", nothing, (_, { state }) => Manage.reload(state)),
  make("trust", ofServer, ({ server }, { state }) => Effect.map(Manage.trust(server, state), Present.status)),
  ...(["subscribe", "unsubscribe"] as const).map((name) =>
    make(name, Schema.Struct({ server: text, uri: text }), ({ server, uri }) =>
      ask((mcp) => Effect.as(mcp[name](server, uri), true)),
    ),
  ),
  make("complete", complete, ({ server, ...question }) => ask((mcp) => mcp.complete(server, question))),
  make("setLevel", Schema.Struct({ server: text, level }), ({ level, server }) =>
    ask((mcp) => Effect.as(mcp.setLevel(server, level), true)),
  ),
  make("tasks", ofServer, ({ server }) => ask((mcp) => mcp.tasks(server))),
  make("task.get", ofTask, ({ server, taskId }) => ask((mcp) => mcp.task(server, taskId))),
  make("task.result", ofTask, ({ server, taskId }) => ask((mcp) => mcp.taskResult(server, taskId)), true),
  make("task.cancel", ofTask, ({ server, taskId }) => ask((mcp) => mcp.cancelTask(server, taskId))),
  make("elicitation.reply", elicitationReply, ({ action, content, requestID }) =>
    Effect.flatMap(Questions, (questions) =>
      Effect.as(questions.answer(requestID, { action, ...(content === undefined ? {} : { content }) }), true),
    ),
  ),
  make("sampling.reply", samplingReply, ({ error, requestID, result }) =>
    Effect.gen(function* () {
      const answer = error === undefined ? result : new RequestRefused(error)
      if (answer === undefined || (error !== undefined && result !== undefined)) {
        return yield* badRequest("sampling.reply: expected either result or error")
      }
      yield* (yield* Questions).sampled(requestID, answer)
      return true
    }),
  ),
  // The address has to be whole to be of use, and holds no credential.
  make(
    "auth.start",
    ofServer,
    ({ server }, { state }) => Effect.andThen(Manage.hold(server, state), Authorization.start(server)),
    true,
  ),
  make("auth.finish", Schema.Struct({ server: text, callbackUrl: text }), ({ callbackUrl, server }) =>
    Effect.map(Authorization.finish(server, callbackUrl), Present.status),
  ),
  make("auth.remove", ofServer, ({ server }) => Authorization.remove(server)),
  make("auth.status", ofServer, ({ server }) => Authorization.status(server)),
  // It holds the secret of the page, and is of no use without.
  make("ui", nothing, (_, { state }) => Effect.map(state.page.serve(state), ({ url }) => ({ url })), true),
  make("approve", Schema.Struct({ server: text, tool: text }), ({ server, tool }) =>
    ask((mcp) => Effect.as(mcp.approve(server, tool), true)),
  ),
])
