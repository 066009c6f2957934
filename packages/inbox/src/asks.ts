/** What a page can ask, each by its name: read, done, and answered. What fails is an answer, too. */
import type { ElicitationAnswer } from "@opencode-ai/mcp/capability/elicitation"
import { describe, problemsOf } from "@opencode-ai/mcp/config/problem"
import * as Level from "@opencode-ai/mcp/notification/level"
import { parse } from "@opencode-ai/mcp/protocol/json"
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Board } from "./board.ts"
import type { Host, Refusal } from "./host.ts"
import type { Action, Answer, Asks } from "./model.ts"
import * as Text from "./text.ts"
import { CallId, Underway } from "./underway.ts"
import * as View from "./views.ts"

/** What was asked makes no sense; nothing was done. */
class Unreadable extends Data.TaggedError("Unreadable")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** There is nothing, or nothing any more, by this id. */
class Gone extends Data.TaggedError("Gone")<{ readonly what: string; readonly id: string }> {
  override get message(): string {
    return `there is no ${this.what} ${JSON.stringify(this.id)}: it has ended, or never began`
  }
}

const named = <T>(expected: string, is: (value: unknown) => value is T) =>
  Schema.declare<T>(is, { identifier: expected, expected }).pipe(
    Schema.annotateKey({ messageMissingKey: `Expected ${expected}` }),
  )
const oneOf = <const T extends string>(...all: ReadonlyArray<T>) =>
  named(`one of ${all.join(", ")}`, (value): value is T => all.some((each) => each === value))

const text = named("a string", (value): value is string => typeof value === "string")
const id = named(
  "a string of 1 to 200 characters",
  (value): value is string => typeof value === "string" && value.length > 0 && value.length <= 200,
)
const object = named("an object", isObject)
const answers: ReadonlyArray<unknown> = ["accept", "decline", "cancel"]
const answer = named(
  'an answer: { "action": "accept", "decline" or "cancel", "content"?: an object }',
  (value): value is ElicitationAnswer =>
    isObject(value) && answers.includes(value.action) && (value.content === undefined || isObject(value.content)),
)
const actions: ReadonlyArray<Action> = ["connect", "disconnect", "restart", "signIn", "signOut", "approve"]
const nothing = Schema.Struct({})
const ofServer = Schema.Struct({ server: text })
const ofTool = Schema.Struct({ server: text, tool: text, form: text })
const ofAction = Schema.Struct({ server: text, action: oneOf(...actions), form: Schema.optionalKey(text) })
const ofTask = Schema.Struct({ server: text, taskId: text })
const ofId = Schema.Struct({ id })

/** An `Answer`, whatever was asked. */
export type Reply = { readonly ok: true; readonly result: unknown } | Extract<Answer, { readonly ok: false }>

type Run = (given: JsonObject) => Effect.Effect<unknown, unknown>

const make = <Op extends keyof Asks>(
  op: Op,
  shape: Schema.Decoder<Asks[Op]["params"]>,
  run: (params: Asks[Op]["params"]) => Effect.Effect<Asks[Op]["result"], unknown>,
): readonly [Op, Run] => {
  const decode = Schema.decodeUnknownResult(shape, { errors: "all" })
  return [
    op,
    (given) =>
      Effect.suspend((): Effect.Effect<unknown, unknown> => {
        const decoded = decode(given)
        if (Result.isSuccess(decoded)) return run(decoded.success)
        const problems = problemsOf(decoded.failure.issue, given).map((problem) => describe(problem))
        return Effect.fail(new Unreadable({ detail: `${op}: ${problems.join("; ")}` }))
      }),
  ]
}

const isRefusal = (value: unknown): value is Refusal =>
  isObject(value) && typeof value.tag === "string" && typeof value.message === "string"

/** The reason's own name, where an error has one; the hint is the host's. */
const told = (mask: (text: string) => string, cause: Cause.Cause<unknown>): Reply => {
  const error = Cause.squash(cause)
  const said = (text: string) => Text.said(mask, text)
  if (isRefusal(error)) {
    const { hint, message, tag } = error
    return { ok: false, error: { tag, message: said(message), ...(hint === undefined ? {} : { hint: said(hint) }) } }
  }
  if (Cause.hasDies(cause) || !(error instanceof Error)) {
    return { ok: false, error: { tag: "Internal", message: said(`this is a defect of the client: ${String(error)}`) } }
  }
  const reason = "reason" in error && isObject(error.reason) ? error.reason : error
  const tag = "_tag" in reason && typeof reason._tag === "string" ? reason._tag : error.name
  return { ok: false, error: { tag, message: said(error.message) } }
}

/** How the text of a request is answered. Interrupted with the request. */
export const answering = (
  host: Host,
  board: Board,
): Effect.Effect<(text: string) => Effect.Effect<Reply>, never, Underway> =>
  Effect.map(Underway, (underway) => {
    const { mask, mcp, questions } = host

    const act = ({ action, form, server }: Asks["act"]["params"]): Effect.Effect<unknown, unknown> => {
      switch (action) {
        case "connect":
          return host.connect(server)
        case "disconnect":
          return host.disconnect(server)
        case "restart":
          return Effect.andThen(host.disconnect(server), host.connect(server))
        case "signIn":
          return board.signIns.begin(server)
        case "signOut":
          return Effect.flatMap(mcp.authorization(server), ({ remove }) => remove)
        case "approve":
          return form === undefined
            ? Effect.fail(new Unreadable({ detail: "act: form: Expected that of what was approved; nothing was" }))
            : host.trust(server, form)
      }
    }

    /** Yes, to what was asked or to what the person made of it. */
    const allow = (id: string, edited: JsonObject | undefined): Effect.Effect<void, unknown> => {
      const question = board.question(id)
      const restored = (original: object) => (edited === undefined ? undefined : Text.restored(mask, original, edited))
      switch (question?.kind) {
        case "approval": {
          const { params } = question.request
          return questions.approve(id, { approved: true, value: restored(params) ?? params })
        }
        case "review":
          return questions.release(id, { approved: true, value: restored(question.result) ?? question.result })
        case "sampling":
          return edited === undefined
            ? Effect.fail(new Unreadable({ detail: "allow: value: Expected the answer; the question stays open" }))
            : questions.sampled(id, edited)
        default:
          return Effect.fail(new Gone({ what: "question to be allowed", id }))
      }
    }

    const listTasks = Effect.flatMap(mcp.servers, (all) =>
      Effect.forEach(
        all.filter(({ capabilities, status }) => status.status === "connected" && capabilities?.tasks !== undefined),
        ({ name }) =>
          // One that does not list them tells of each by itself.
          Effect.ignore(Effect.map(mcp.tasks(name), (tasks) => board.listed(name, tasks))),
        { concurrency: "unbounded", discard: true },
      ),
    )

    const asks = new Map<string, Run>([
      make("act", ofAction, (params) =>
        Effect.ensuring(
          Effect.as(act(params), null),
          Effect.sync(() => board.touched(params.server)),
        ),
      ),
      make("tools", ofServer, ({ server }) =>
        Effect.map(mcp.tools(server), (all) => all.map(({ tool }) => View.tool(mask, tool))),
      ),
      make("call", Schema.Struct({ id, server: text, tool: text, arguments: object }), (params) => {
        if (underway.calls().some((call) => call.id === params.id)) {
          return Effect.fail(
            new Unreadable({ detail: `call: id: ${JSON.stringify(params.id)} is that of another call` }),
          )
        }
        return mcp.callTool(params.server, params.tool, params.arguments).pipe(
          Effect.provideService(CallId, params.id),
          Effect.map((result) => View.result(mask, result)),
        )
      }),
      make("cancel", ofId, ({ id }) =>
        Effect.flatMap(underway.cancel(id), (found) =>
          found ? Effect.succeed(null) : Effect.fail(new Gone({ what: "call", id })),
        ),
      ),
      make("answer", Schema.Struct({ id, answer }), ({ answer, id }) =>
        Effect.suspend(() => {
          const question = board.question(id)
          const isVisit = question !== undefined && answer.action === "accept"
          return questions
            .answer(id, answer)
            .pipe(Effect.andThen(isVisit ? board.visiting(question) : Effect.void), Effect.as(null))
        }),
      ),
      make("allow", Schema.Struct({ id, value: Schema.optionalKey(object) }), ({ id, value }) =>
        Effect.as(
          Effect.suspend(() => allow(id, value)),
          null,
        ),
      ),
      make("refuse", ofId, ({ id }) => Effect.as(questions.refuse(id), null)),
      make("visited", ofId, ({ id }) =>
        Effect.suspend(() => (board.visited(id) ? Effect.succeed(null) : Effect.fail(new Gone({ what: "visit", id })))),
      ),
      make("offer", ofTool, ({ form, server, tool }) => Effect.as(mcp.approve(server, tool, form), null)),
      make("tasks", nothing, () => Effect.as(listTasks, null)),
      make("taskResult", ofTask, ({ server, taskId }) =>
        Effect.map(mcp.taskResult(server, taskId), (result) => Text.saidIn(mask, result)),
      ),
      make("cancelTask", ofTask, ({ server, taskId }) => Effect.as(mcp.cancelTask(server, taskId), null)),
      make("level", Schema.Struct({ server: text, level: oneOf(...Level.levels) }), ({ level, server }) =>
        Effect.as(mcp.setLevel(server, level), null),
      ),
    ])

    return (body) =>
      Effect.suspend((): Effect.Effect<unknown, unknown> => {
        const asked = parse(body)
        if (!isObject(asked)) return Effect.fail(new Unreadable({ detail: "the body is no JSON object" }))
        const { op } = asked
        const run = typeof op === "string" ? asks.get(op) : undefined
        if (run !== undefined) return run(asked)
        return Effect.fail(new Unreadable({ detail: `op: Expected one of ${[...asks.keys()].join(", ")}` }))
      }).pipe(
        Effect.matchCauseEffect({
          onSuccess: (result): Effect.Effect<Reply> => Effect.succeed({ ok: true, result }),
          onFailure: (cause) => (Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.succeed(told(mask, cause))),
        }),
      )
  })
