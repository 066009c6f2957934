/**
 * What a server asks of the person (2025-11-25, Client Features, Elicitation). Absent: not declared.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { JsonObject } from "../protocol/jsonrpc.ts"
import type { ElicitRequestFormParams, ElicitResult } from "../protocol/model.ts"
import type { RequestRefused } from "./refused.ts"

/** The ways of asking. */
export type ElicitationMode = "form" | "url"

interface Asked {
  /** The server that asks: a person is always told. */
  readonly server: string
  /** What the host calls the call that this belongs to, where that can be told. */
  readonly request?: unknown
  /** What the server says, as it says it. */
  readonly message: string
  /** The request's own, as the server sent it. */
  readonly _meta?: JsonObject
}

/** Fields to be filled in. */
export interface FormElicitation extends Asked {
  readonly mode: "form"
  readonly requestedSchema: ElicitRequestFormParams["requestedSchema"]
}

/** A visit that a call of ours waits for. */
export interface Visit {
  /** Completes once the server says that the visit is over, or `end` was called. */
  readonly over: Effect.Effect<void>
  /** The person says that it is over. */
  readonly end: () => void
}

/** A page to be visited. Nothing may be fetched from it before the person agreed. */
export interface UrlElicitation extends Asked {
  readonly mode: "url"
  readonly elicitationId: string
  /** `https:`, or `http:` on loopback; normalised, so that what is shown is what is opened. */
  readonly url: string
  /** The host as it goes on the wire: Punycode, where it is not ASCII. */
  readonly host: string
  /** The host as a browser may show it, where that differs. */
  readonly unicodeHost?: string | undefined
  /** What a person may overlook in the URL: to be shown with it. */
  readonly warning?: string | undefined
  /** Only where a call was refused until the visit is over (-32042). */
  readonly visit?: Visit | undefined
}

/** A question of a server, after it was checked. */
export type ElicitationRequest = FormElicitation | UrlElicitation

/** What the person said. */
export type ElicitationAnswer = Pick<ElicitResult, "action" | "content" | "_meta">

/**
 * Answers `elicitation/create`. It is asked only what is well-formed and allowed; its answer is held against the schema
 * before it is sent. Interrupted when the server cancels the request, the call that it is for is given up, or the session ends.
 *
 * @example
 * ```ts
 * const shy = Layer.succeed(Elicitation)({
 *   modes: ["form"],
 *   elicit: () => Effect.succeed({ action: "decline" as const }),
 * })
 * ```
 */
export class Elicitation extends Context.Service<
  Elicitation,
  {
    /** The modes that are declared; one that is not is refused with -32602. */
    readonly modes: ReadonlyArray<ElicitationMode>
    readonly elicit: (request: ElicitationRequest) => Effect.Effect<ElicitationAnswer, RequestRefused>
  }
>()("@opencode/mcp/Elicitation") {}
