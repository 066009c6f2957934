/** What a feature of the peers on the official SDKs is: written once, for both majors. */

/** A result with whatever members its method has. */
export interface Answer {
  [member: string]: unknown
  _meta?: { [member: string]: unknown }
}

export interface Params {
  [member: string]: unknown
}

/** One request being handled, and what its handler can do meanwhile. */
export interface Call {
  readonly params: { readonly [member: string]: unknown }
  readonly id: string | number
  readonly progressToken: string | number | undefined
  /** Aborted when the client cancels. */
  readonly signal: AbortSignal
  /** On whose behalf, where a gate in front of the server found out. */
  readonly auth?: object | undefined
  /** Sends a notification that belongs to this request. */
  readonly notify: (method: string, params?: Params) => Promise<void>
  /** Asks the client. */
  readonly request: (method: string, params?: Params) => Promise<unknown>
  readonly sdk: Sdk
}

/** What the SDKs have methods for. They hold what is sent and answered to what the client declared. */
export interface Sdk {
  readonly sample: (params: Params) => Promise<unknown>
  readonly elicit: (params: Params) => Promise<unknown>
  /** Says that the visit to a URL has ended. */
  readonly complete: (elicitationId: string) => Promise<void>
  /** Logs, where the client's level lets it pass. */
  readonly log: (level: Level, data: unknown, logger: string) => Promise<void>
  readonly updated: (uri: string) => Promise<void>
}

/** How grave a log message may be, the least first. */
export const levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] as const

export type Level = (typeof levels)[number]

export type Handlers = { readonly [method: string]: (call: Call) => Answer | Promise<Answer> }

export interface Arguments {
  readonly [name: string]: unknown
}

/** A tool's definition and what it does. */
export type Feature = readonly [definition: object, run: (args: Arguments, call: Call) => Answer | Promise<Answer>]

export interface Features {
  readonly [name: string]: Feature
}

/** Makes the SDK's error of a JSON-RPC error. */
export type MakeError = (code: number, message: string, data?: unknown) => Error

export const text = (value: string): Answer => ({ content: [{ type: "text", text: value }] })

/** A result in both of its forms. */
export const structured = (value: object): Answer => ({ ...text(JSON.stringify(value)), structuredContent: value })

export const schema = (properties: { readonly [name: string]: object } = {}, required = Object.keys(properties)) => ({
  type: "object" as const,
  properties,
  required,
})

export const string = { type: "string" }
export const number = { type: "number" }
export const boolean = { type: "boolean" }
export const anything = { type: "object" }

/** The members of an argument that should be an object; none of anything else. */
export const members = (value: unknown): Params => (typeof value === "object" && value !== null ? { ...value } : {})

export const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((done) => (signal.aborted ? done() : signal.addEventListener("abort", () => done())))

/** An error as a tool can tell it: what it says, and the code and data of the protocol. */
export const told = (error: unknown) => {
  const { code, data } = Object(error)
  return { error: String(error), code, data }
}
