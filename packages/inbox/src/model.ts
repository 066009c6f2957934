/**
 * What the page and its server say to each other: the server pushes what it knows (`GET /events`, server-sent events, one
 * JSON `Push` each), the page asks (`POST /ask`, one JSON `Ask`, answered with a JSON `Answer`). Types alone: the page is
 * made of nothing of the client's.
 *
 * Texts are those of servers, secrets of the configuration hidden in them, and what moves or hides in them made visible
 * (`\u{202e}`): whoever shows them shows them as text. Names, ids, URLs, and the names and values of schemas are what they are.
 * A request or an answer that is edited may come back as it was shown: texts in it that are as they were shown are taken for
 * the server's own.
 *
 * Every request needs `Authorization: Bearer <secret>`, the secret of the page's own address; `POST /ask` needs a content
 * type of `application/json`, too. A browser has six connections to one address, and `/events` takes one for each page: a
 * page has three long asks (`call`, `act`, `taskResult`) under way at most. One that is aborted is cancelled.
 */
import type { CallToolResult, CreateMessageRequestParams, Task, Tool } from "@opencode-ai/mcp/protocol/model"
import type { ElicitationAnswer } from "@opencode-ai/mcp/capability/elicitation"
import type { SamplingResult } from "@opencode-ai/mcp/capability/sampling"
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"

/** What can be done to a server. Those that make sense in its state are in `ServerView.actions`. */
export type Action = "connect" | "disconnect" | "restart" | "signIn" | "signOut" | "approve"

export interface ServerView {
  readonly name: string
  readonly type: "local" | "remote"
  readonly status: "connected" | "pending" | "disabled" | "failed" | "needs_auth" | "needs_client_registration"
  /** Why it is in this state, and what to do. */
  readonly error?: string | undefined
  readonly attempt?: number | undefined
  /** What is run or reached. */
  readonly how: string
  readonly transport?: string | undefined
  readonly protocolVersion?: string | undefined
  /** What it calls itself, and its version. */
  readonly title?: string | undefined
  readonly version?: string | undefined
  readonly instructions?: string | undefined
  readonly pid?: number | undefined
  readonly connectMs?: number | undefined
  readonly tools: number
  readonly prompts: number
  readonly resources: number
  readonly templates: number
  readonly actions: ReadonlyArray<Action>
  /** Of a project's server that nobody has approved: everything it would run or reach, and the risks of that. */
  readonly review?: string | undefined
  /** Stands for what `review` shows, and nothing else: the `form` of its approval. */
  readonly form?: string | undefined
  /** A sign-in under way: where the person has to go. */
  readonly signIn?: { readonly url: string; readonly host: string } | undefined
  /** Why the last sign-in came to nothing. */
  readonly signInFailed?: string | undefined
}

interface Waiting {
  readonly id: string
  readonly server: string
  /** When it was asked, and when its time is over: milliseconds since 1970. */
  readonly asked: number
  readonly until: number
  /** The call that it belongs to, as far as that can be told. */
  readonly call?: string | undefined
}

/** A question that waits for the person. */
export type QuestionView = Waiting &
  (
    | { readonly kind: "form"; readonly message: string; readonly schema: JsonObject }
    | {
        readonly kind: "visit"
        readonly message: string
        readonly url: string
        readonly host: string
        readonly unicodeHost?: string | undefined
        readonly warning?: string | undefined
      }
    /** May the model be asked this? `model`: which one would be. */
    | {
        readonly kind: "approval"
        readonly params: CreateMessageRequestParams
        readonly model?: string | undefined
      }
    /** There is no model: the person may write its answer, the `value` of `allow`. */
    | { readonly kind: "sampling"; readonly params: CreateMessageRequestParams }
    /** May the server have this answer? */
    | { readonly kind: "review"; readonly params: CreateMessageRequestParams; readonly result: SamplingResult }
  )

/**
 * A visit that the person agreed to, and that a call waits for, until its server says that it is over, or the person does
 * (`visited`).
 */
export interface VisitView {
  /** That of its question. */
  readonly id: string
  readonly server: string
  readonly url: string
  readonly host: string
  readonly call?: string | undefined
}

/** A call of a tool that has no answer yet, whoever made it. */
export interface CallView {
  readonly id: string
  readonly server: string
  readonly tool: string
  /** A line of its arguments, cut. */
  readonly summary: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly progress?: number | undefined
  readonly total?: number | undefined
  readonly message?: string | undefined
}

export interface TaskView {
  readonly server: string
  readonly task: Task
}

export type Level = "debug" | "info" | "notice" | "warning" | "error" | "critical" | "alert" | "emergency"

/** A line of the log. Stderr counts as `debug`; a status is `info` or `error`. */
export interface LineView {
  /** Later ones have greater ones. */
  readonly number: number
  readonly server: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly source: "log" | "stderr" | "status" | "warning"
  readonly level: Level
  readonly logger?: string | undefined
  readonly text: string
}

/** A tool that is held back because it changed. */
export interface HeldView {
  readonly key: string
  readonly server: string
  readonly tool: string
  readonly difference: ReadonlyArray<{
    readonly path: string
    readonly before?: unknown
    readonly after?: unknown
  }>
  /** Stands for this form of it, and no other: the `form` of its `offer`. */
  readonly form: string
}

/** What the server pushes: each kind whole, whenever it changed, but for lines, which are added. */
export type Push =
  | { readonly type: "hello"; readonly directory: string; readonly version: string }
  | { readonly type: "servers"; readonly servers: ReadonlyArray<ServerView> }
  | { readonly type: "questions"; readonly questions: ReadonlyArray<QuestionView> }
  /** A question that waits no longer, though nobody answered it here. */
  | {
      readonly type: "closed"
      readonly id: string
      readonly server: string
      readonly outcome: "answered" | "withdrawn" | "late"
    }
  | { readonly type: "visits"; readonly visits: ReadonlyArray<VisitView> }
  | { readonly type: "calls"; readonly calls: ReadonlyArray<CallView> }
  | { readonly type: "tasks"; readonly tasks: ReadonlyArray<TaskView> }
  | { readonly type: "held"; readonly held: ReadonlyArray<HeldView> }
  /** `lost`: how many lines came quicker than they were read. */
  | { readonly type: "lines"; readonly lines: ReadonlyArray<LineView>; readonly lost: number }
  /** The tools of a server are others now: ask for them again. */
  | { readonly type: "tools"; readonly server: string }

/** What the page asks, by `op`: its parameters, and its answer. */
export interface Asks {
  /**
   * `signIn` is answered as soon as `ServerView.signIn` says where to go; all others when they are done. `form`, of an
   * `approve` alone and needed there: that which the person has seen (`ServerView.form`). Another is not approved.
   */
  readonly act: {
    readonly params: { readonly server: string; readonly action: Action; readonly form?: string | undefined }
    readonly result: null
  }
  readonly tools: { readonly params: { readonly server: string }; readonly result: ReadonlyArray<Tool> }
  /** `id` is the page's own choice, by which it finds the call among `calls`. */
  readonly call: {
    readonly params: {
      readonly id: string
      readonly server: string
      readonly tool: string
      readonly arguments: JsonObject
    }
    readonly result: CallToolResult
  }
  readonly cancel: { readonly params: { readonly id: string }; readonly result: null }
  readonly answer: {
    readonly params: { readonly id: string; readonly answer: ElicitationAnswer }
    readonly result: null
  }
  /**
   * Of an approval or a review: yes; `value` is the edited request or answer, as they are where it is absent. Of a
   * sampling: `value` is the answer, and needed.
   */
  readonly allow: {
    readonly params: { readonly id: string; readonly value?: JsonObject | undefined }
    readonly result: null
  }
  /** No, to any question. */
  readonly refuse: { readonly params: { readonly id: string }; readonly result: null }
  /** The person has done what they went to a page for: what waits for it goes on. */
  readonly visited: { readonly params: { readonly id: string }; readonly result: null }
  /** Offers a held tool in the form that the person has seen (`HeldView.form`). One that is another by now stays held. */
  readonly offer: {
    readonly params: { readonly server: string; readonly tool: string; readonly form: string }
    readonly result: null
  }
  /** Reads the tasks of all servers anew; they are pushed. */
  readonly tasks: { readonly params: Record<string, never>; readonly result: null }
  readonly taskResult: {
    readonly params: { readonly server: string; readonly taskId: string }
    readonly result: object
  }
  readonly cancelTask: { readonly params: { readonly server: string; readonly taskId: string }; readonly result: null }
  /** The least level that a server sends. */
  readonly level: { readonly params: { readonly server: string; readonly level: Level }; readonly result: null }
}

export type Ask = { [Op in keyof Asks]: { readonly op: Op } & Asks[Op]["params"] }[keyof Asks]

/** `message` names what was wrong and where, `hint` what to do. */
export type Answer<Op extends keyof Asks = keyof Asks> =
  | { readonly ok: true; readonly result: Asks[Op]["result"] }
  | {
      readonly ok: false
      readonly error: { readonly tag: string; readonly message: string; readonly hint?: string | undefined }
    }
