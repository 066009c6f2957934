/**
 * May this be done? Rules of the configuration first, what the person said once for always next, the person last.
 *
 * A rule is a permission (the key of a tool, or `read`), a pattern (`*`, or `mcp:<server>:<uri>`) and an action; of the
 * rules that match, the last decides. Without any rule the person is asked.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { define } from "../bus/index.ts"

/** What a rule says. */
export const Action = Schema.Literals(["allow", "deny", "ask"])
export type Action = typeof Action.Type

/** One rule. `permission` and `pattern` take `*` and `?`. */
export const Rule = Schema.Struct({ permission: Schema.String, pattern: Schema.String, action: Action })
export type Rule = typeof Rule.Type
export type Ruleset = ReadonlyArray<Rule>

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
export const Asked = define("permission.asked", Request)
/** It was answered. */
export const Replied = define(
  "permission.replied",
  Schema.Struct({ sessionID: Schema.String, requestID: Schema.String, reply: Reply }),
)

/** A rule denies it. */
export class Denied extends Data.TaggedError("Denied")<{
  readonly permission: string
  readonly pattern: string
  readonly rule: Rule
}> {
  override get message(): string {
    return `${this.permission} (${this.pattern}) is denied by the rule ${JSON.stringify(this.rule)}`
  }
}

/** The person said no; `feedback` is what the model should do instead. */
export class Rejected extends Data.TaggedError("Rejected")<{
  readonly permission: string
  readonly feedback?: string | undefined
}> {
  override get message(): string {
    const { feedback, permission } = this
    return `The user rejected ${permission}${feedback === undefined ? "" : ` and said: ${feedback}`}`
  }
}

/** Nobody can be asked. */
export class Unanswerable extends Data.TaggedError("Unanswerable")<{ readonly permission: string }> {
  override get message(): string {
    return `${this.permission} needs permission, and nobody is there to give it; allow it with "permission" in opencode.json`
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
  /** Waits until it may be done. Interrupting it withdraws the question. */
  readonly ask: (input: AskInput) => Effect.Effect<void, PermissionError>
  /** Answers a question; `false` where none of this id waits. */
  readonly reply: (input: {
    readonly requestID: string
    readonly reply: Reply
    readonly message?: string
  }) => Effect.Effect<boolean>
  /** What waits now, oldest first. */
  readonly list: () => Effect.Effect<ReadonlyArray<Request>>
  /** The rule that decides; `undefined` where none matches. */
  readonly evaluate: (input: {
    readonly permission: string
    readonly pattern: string
    readonly aliases?: ReadonlyArray<string>
    readonly ruleset?: Ruleset
  }) => Rule | undefined
}

/** The permissions of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Permission") {}
