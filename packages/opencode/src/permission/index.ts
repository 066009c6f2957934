/**
 * May this be done? Rules of the configuration first, what the person said once for always next, the person last.
 *
 * A rule is a permission (the key of a tool, or `read`), a pattern (`*`, or `mcp:<server>:<uri>`) and an action; of the
 * rules that match, the last decides. Without any rule OpenCode's defaults hold, and a tool that its server calls
 * destructive asks. What a person allowed for always is kept as long as the instance, and overrules no denial.
 */
import type { Approver } from "../audit/audit.ts"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { randomUUID } from "node:crypto"
import * as Bus from "../bus/index.ts"
import { type Action, decisive, defaults, denies, narrowed, type Rule, type Ruleset } from "./rules.ts"

export { Action, fromConfig, ofReading, ofResource, type Read, Rule, type Ruleset } from "./rules.ts"

/** A question of permission. */
export const Request = Schema.Struct({
  id: Schema.String,
  sessionID: Schema.String,
  permission: Schema.String,
  patterns: Schema.Array(Schema.String),
  /** What the person is shown: for a tool of a server its title, arguments and annotations. */
  metadata: Schema.Record(Schema.String, Schema.Unknown),
  /** What is allowed from then on where the answer is `always`. */
  always: Schema.Array(Schema.String),
  tool: Schema.optionalKey(Schema.Struct({ messageID: Schema.String, callID: Schema.String })),
})
export type Request = typeof Request.Type

export const Reply = Schema.Literals(["once", "always", "reject"])
export type Reply = typeof Reply.Type

/** A question waits for the person. */
export const Asked = Bus.define("permission.asked", Request)
/** It was answered. */
export const Replied = Bus.define(
  "permission.replied",
  Schema.Struct({ sessionID: Schema.String, requestID: Schema.String, reply: Reply }),
)

/** What the model is to make of a refusal. */
const goOn = "Nothing was done. Do not try the same in another way: go on without it, or say what it is needed for."

const named = ({ pattern, permission }: { readonly permission: string; readonly pattern: string }) =>
  pattern === "*" ? permission : `${permission} of ${pattern}`

/** A rule denies it. */
export class Denied extends Data.TaggedError("Denied")<{
  readonly permission: string
  readonly pattern: string
  readonly rule: Rule
}> {
  override get message(): string {
    return `${named(this)} is denied by the rule ${JSON.stringify(this.rule)}. ${goOn}`
  }
}

/** The person said no; `feedback` is what the model should do instead. */
export class Rejected extends Data.TaggedError("Rejected")<{
  readonly permission: string
  readonly feedback?: string | undefined
}> {
  override get message(): string {
    const { feedback, permission } = this
    return `The user rejected ${permission}${feedback === undefined ? `. ${goOn}` : ` and said: ${feedback}`}`
  }
}

/** Nobody can be asked. */
export class Unanswerable extends Data.TaggedError("Unanswerable")<{ readonly permission: string }> {
  override get message(): string {
    const rule = `"permission": { ${JSON.stringify(this.permission)}: "allow" }`
    return `${this.permission} needs permission, and nobody is there to give it: it can be allowed beforehand, with ${rule} in opencode.json. ${goOn}`
  }
}

/** The error of this room. */
export class PermissionError extends Data.TaggedError("PermissionError")<{
  readonly reason: Denied | Rejected | Unanswerable
}> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}

/** What is asked: `id` is made where it is absent. */
export type AskInput = Omit<Request, "id"> & {
  readonly id?: string
  /** The rules of the agent and of the session, after those of the configuration. */
  readonly ruleset?: Ruleset
  /** Further names of the permission that rules may match: the full, unshortened key of a tool. */
  readonly aliases?: ReadonlyArray<string>
  /** Allow where nothing but a rule for all permissions (`*`) asks: read-only tools of trusted servers. */
  readonly relaxed?: boolean
  /** Ask where no rule says anything: destructive tools. */
  readonly careful?: boolean
}

export interface Interface {
  /** Waits until it may be done, and gives who said so. Interrupting it withdraws the question. */
  readonly ask: (input: AskInput) => Effect.Effect<Approver, PermissionError>
  /** Answers a question; `false` where none of this id waits. */
  readonly reply: (input: {
    readonly requestID: string
    readonly reply: Reply
    readonly message?: string
  }) => Effect.Effect<boolean>
  /** What waits now, oldest first. */
  readonly list: () => Effect.Effect<ReadonlyArray<Request>>
  /** The rule that decides; `undefined` where none matches, which allows it. */
  readonly evaluate: (input: {
    readonly permission: string
    readonly pattern: string
    readonly aliases?: ReadonlyArray<string>
    readonly ruleset?: Ruleset
  }) => Rule | undefined
  /** Whether the last rule for this permission denies all of it: then no model is offered what needs it. */
  readonly isHidden: (input: {
    readonly permission: string
    readonly aliases?: ReadonlyArray<string>
    readonly ruleset?: Ruleset
  }) => boolean
}

/** The permissions of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Permission") {}

export interface Options {
  /** Those of the configuration. */
  readonly rules?: Ruleset
  /** What others want asked or denied: each narrows the rules, those of a session too, and none widens them. */
  readonly limits?: ReadonlyArray<Ruleset>
  /** Whether somebody is there who answers. Where nobody is, a question is a denial that says so. Default: always. */
  readonly answerable?: () => boolean
}

interface Waiting {
  readonly request: Request
  readonly input: AskInput
  readonly answer: Deferred.Deferred<Approver, PermissionError>
}

const make = (options: Options, bus: Bus.Interface): Interface => {
  const { answerable = () => true, limits = [], rules = [] } = options
  /** What a person allowed for always. */
  const approved: Array<Rule> = []
  /** Oldest first. */
  const waiting = new Map<string, Waiting>()
  const own = randomUUID().slice(0, 8)
  let count = 0

  const namesOf = ({ aliases = [], permission }: Pick<AskInput, "aliases" | "permission">) => [permission, ...aliases]

  const written = (input: Pick<AskInput, "aliases" | "permission" | "ruleset">, pattern: string) =>
    narrowed([...rules, ...(input.ruleset ?? [])], limits, namesOf(input), pattern)

  const evaluate = (input: Pick<AskInput, "aliases" | "permission" | "ruleset">, pattern: string): Rule | undefined => {
    const rule = written(input, pattern)
    if (rule !== undefined && rule.action !== "ask") return rule
    return decisive(approved, [input.permission], pattern) ?? rule ?? decisive(defaults, [input.permission], pattern)
  }

  /** What is to be done about one pattern of a question. */
  const judge = (
    input: AskInput,
    pattern: string,
  ): { readonly action: Action; readonly rule?: Rule; readonly by: Approver } => {
    const rule = evaluate(input, pattern)
    if (rule === undefined) return { action: input.careful === true ? "ask" : "allow", by: "default" }
    const isForAll = rule.permission === "*" && rule.pattern === "*"
    if (rule.action === "ask" && isForAll && input.relaxed === true)
      return { action: "allow", by: "trusted annotations" }
    const by = approved.includes(rule) ? "person, for always" : defaults.includes(rule) ? "default" : "rule"
    return { action: rule.action, rule, by }
  }

  const told = (request: Request, reply: Reply) =>
    bus.publish(Replied, { sessionID: request.sessionID, requestID: request.id, reply })

  const end = ({ answer, request }: Waiting, reply: Reply, result: Exit.Exit<Approver, PermissionError>) =>
    Effect.suspend(() => {
      if (!waiting.delete(request.id)) return Effect.void
      return Effect.andThen(told(request, reply), Deferred.done(answer, result))
    })

  const rejected = ({ request: { permission } }: Waiting, feedback?: string) =>
    Exit.fail(new PermissionError({ reason: new Rejected({ permission, feedback }) }))

  const question = (input: AskInput) =>
    Effect.gen(function* () {
      const { always, metadata, patterns, permission, sessionID, tool } = input
      if (!answerable()) return yield* new PermissionError({ reason: new Unanswerable({ permission }) })
      count += 1
      const id = input.id ?? `per_${own}_${String(count).padStart(12, "0")}`
      const place = tool === undefined ? {} : { tool }
      const request: Request = { id, sessionID, permission, patterns, metadata, always, ...place }
      const one: Waiting = { request, input, answer: Deferred.makeUnsafe() }
      waiting.set(id, one)
      return yield* Effect.andThen(bus.publish(Asked, request), Deferred.await(one.answer)).pipe(
        Effect.onInterrupt(() => end(one, "reject", Exit.interrupt())),
      )
    })

  return {
    ask: (input) =>
      Effect.suspend(() => {
        const verdicts = input.patterns.map((pattern) => ({ pattern, ...judge(input, pattern) }))
        const denied = verdicts.find(({ action }) => action === "deny")
        if (denied?.rule !== undefined) {
          const { pattern, rule } = denied
          return Effect.fail(
            new PermissionError({ reason: new Denied({ permission: input.permission, pattern, rule }) }),
          )
        }
        if (verdicts.some(({ action }) => action === "ask")) return question(input)
        return Effect.succeed(verdicts[0]?.by ?? "default")
      }),
    reply: ({ message, reply, requestID }) =>
      Effect.gen(function* () {
        const one = waiting.get(requestID)
        if (one === undefined) return false
        const { always, permission, sessionID } = one.request
        if (reply === "reject") {
          yield* end(one, reply, rejected(one, message))
          // What else was asked for in the same turn is not wanted either.
          const others = [...waiting.values()].filter(({ request }) => request.sessionID === sessionID)
          yield* Effect.forEach(others, (other) => end(other, reply, rejected(other)), { discard: true })
          return true
        }
        if (reply === "always")
          approved.push(...always.map((pattern): Rule => ({ permission, pattern, action: "allow" })))
        yield* end(one, reply, Exit.succeed(reply === "once" ? "person" : "person, for always"))
        if (reply === "once") return true
        const settled = [...waiting.values()].filter(({ input }) =>
          input.patterns.every((pattern) => judge(input, pattern).action === "allow"),
        )
        yield* Effect.forEach(settled, (other) => end(other, reply, Exit.succeed("person, for always")), {
          discard: true,
        })
        return true
      }),
    list: () => Effect.sync(() => [...waiting.values()].map(({ request }) => request)),
    evaluate: (input) => evaluate(input, input.pattern),
    isHidden: (input) => [[...rules, ...(input.ruleset ?? [])], ...limits].some((each) => denies(each, namesOf(input))),
  }
}

/** Permissions by these rules, nothing allowed for always yet. */
export const layer = (options: Options = {}): Layer.Layer<Service, never, Bus.Service> =>
  Layer.effect(
    Service,
    Effect.map(Bus.Service, (bus) => make(options, bus)),
  )
