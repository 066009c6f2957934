/** The steps of an answer: ask, call, tell, until the model has nothing to call any more. */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as MCP from "../mcp/index.ts"
import type * as Permission from "../permission/index.ts"
import type { Model } from "../provider/provider.ts"
import type { Budget } from "./budget.ts"
import * as Calls from "./calls.ts"
import { conversation } from "./conversation.ts"
import { named, SessionError } from "./failure.ts"
import type { Assistant, NamedError, Status } from "./message.ts"
import * as Loop from "./loop.ts"
import * as Many from "./many.ts"
import * as Models from "./models.ts"
import * as Step from "./step.ts"
import * as System from "./system.ts"
import * as Tools from "./tools.ts"
import type { Transcript } from "./transcript.ts"

export interface Input {
  readonly model: Model
  readonly transcript: Transcript
  /** The message of the person's that is answered. */
  readonly parentID: string
  /** Whether nothing was asked in this session yet. */
  readonly begins: boolean
  readonly directory: string
  /** What definitions of servers' tools may take of the model's context, in this session. */
  readonly budget: Budget
  /** The section `experimental`. */
  readonly experimental: unknown
  readonly mask: (text: string) => string
  readonly status: (status: Status) => Effect.Effect<void>
  readonly system?: string
  readonly ruleset?: Permission.Ruleset
}

export type Ended = "stop" | "length" | "content-filter" | "other" | "rejected" | "cancelled"

export type Needs =
  MCP.Service | Models.Service | Permission.Service | Effect.Services<ReturnType<typeof Tools.resolve>>

const endedOf = (finish: string): Ended =>
  finish === "stop" || finish === "length" || finish === "content-filter" ? finish : "other"

/** What a message that was cancelled ended with. */
export const aborted: NamedError = { name: "MessageAbortedError", data: { message: "cancelled" } }

/** One step: an answer of the model, and what came of its calls. `undefined`: it wants to go on. */
const step = (input: Input): Effect.Effect<Ended | undefined, SessionError, Needs> =>
  Effect.gen(function* () {
    const { model, transcript } = input
    const { sessionID } = transcript
    const rules = input.ruleset === undefined ? {} : { ruleset: input.ruleset }
    const system = yield* System.make({
      directory: input.directory,
      ...(input.system === undefined ? {} : { system: input.system }),
      ...rules,
    })
    const messages = conversation(transcript.messages(), model)
    const messageID = transcript.nextID("msg")
    const { modelID, providerID } = model
    let info: Assistant = {
      id: messageID,
      sessionID,
      role: "assistant",
      parentID: input.parentID,
      time: { created: yield* Clock.currentTimeMillis },
      providerID,
      modelID,
    }
    const calls = new Map<string, { readonly call: Step.Wanted; readonly partID: string }>()
    const tools = yield* Tools.resolve({
      sessionID,
      messageID,
      model,
      budget: input.budget,
      ...rules,
      progress: (callID, { metadata, title }) =>
        Effect.suspend(() => {
          const known = calls.get(callID)
          const part = known && transcript.part(messageID, known.partID)
          if (part?.type !== "tool" || part.state.status !== "running") return Effect.void
          return transcript.set({
            ...part,
            state: {
              ...part.state,
              ...(title === undefined ? {} : { title }),
              ...(metadata === undefined ? {} : { metadata: { ...part.state.metadata, ...metadata } }),
            },
          })
        }),
    })

    const texts = new Map<string, string>()
    // Only now: whoever puts a message has to close it.
    yield* transcript.put(info)
    const on = (said: Step.Said): Effect.Effect<void> => {
      if (said.type === "call") {
        const { callID, metadata } = said.call
        const { input, ...called } = Many.shown(said.call)
        const content = { type: "tool", callID, ...called, state: { status: "running", input } } as const
        return Effect.map(
          transcript.add(messageID, metadata === undefined ? content : { ...content, metadata }),
          (partID) => void calls.set(callID, { call: said.call, partID }),
        )
      }
      const id = `${said.kind} ${said.id}`
      if (said.type === "begin") {
        return Effect.map(
          transcript.add(messageID, { type: said.kind, text: "" }),
          (partID) => void texts.set(id, partID),
        )
      }
      const partID = texts.get(id)
      if (partID === undefined) return Effect.void
      if (said.type === "delta") return transcript.grow(messageID, partID, said.text)
      const part = transcript.part(messageID, partID)
      if (part?.type !== "text" && part?.type !== "reasoning") return Effect.void
      return transcript.set(said.metadata === undefined ? part : { ...part, metadata: said.metadata })
    }
    /** A call that was made before is asked about. */
    const allowed = (partID: string) =>
      Effect.suspend(() => {
        const part = transcript.part(messageID, partID)
        if (part?.type !== "tool") return Effect.void
        return Loop.check(part, Loop.repeated(transcript.messages(), input.parentID, partID), input.ruleset)
      })
    const question = { model, system, messages, tools: withoutExecute(tools), mask: input.mask }
    let waited = false
    const answering = Effect.gen(function* () {
      const ended = yield* Step.ask(question, on, (failure, attempt, delay) =>
        Effect.gen(function* () {
          waited = true
          calls.clear()
          yield* transcript.empty(messageID)
          const next = (yield* Clock.currentTimeMillis) + delay
          yield* input.status({ type: "retry", attempt, message: failure.message, next })
        }),
      ).pipe(Effect.mapError((reason) => new SessionError({ reason })))
      if (waited) yield* input.status({ type: "busy" })
      info = { ...info, finish: ended.finish, tokens: ended.tokens }
      const { calling } = yield* Models.Service
      const over = calling([...calls.keys()], `${providerID}/${modelID}`)
      const outcomes = yield* Effect.forEach(
        calls.values(),
        ({ call, partID }) =>
          Effect.tap(Calls.run(call, tools, messages, allowed(partID), input.mask), (outcome) =>
            transcript.call(
              messageID,
              partID,
              stateOf(Many.shown(call).input, outcome, transcript.part(messageID, partID)),
            ),
          ),
        { concurrency: "unbounded" },
      ).pipe(Effect.ensuring(Effect.sync(over)))
      const goesOn = isObject(input.experimental) && input.experimental["continue_loop_on_deny"] === true
      if (!goesOn && outcomes.some((outcome) => outcome.type === "error" && outcome.rejected)) return "rejected"
      return calls.size > 0 ? undefined : endedOf(ended.finish)
    })
    return yield* Effect.onExit(answering, (exit) => {
      if (Exit.isSuccess(exit)) return transcript.close(info)
      const error = Cause.hasInterruptsOnly(exit.cause) ? aborted : errorOf(Cause.squash(exit.cause), input.mask)
      return transcript.close({ ...info, error })
    })
  })

const errorOf = (error: unknown, mask: (text: string) => string): NamedError =>
  error instanceof SessionError
    ? named(error)
    : { name: "UnknownError", data: { message: mask(error instanceof Error ? error.message : String(error)) } }

/** The calls are made here, once the answer is whole: not by the AI SDK. */
const withoutExecute = (tools: Readonly<Record<string, Tools.SessionTool>>) =>
  Object.fromEntries(
    Object.entries(tools).map(([key, { description, inputSchema, providerOptions, strict, title }]) => [
      key,
      {
        type: "dynamic" as const,
        inputSchema,
        ...(description === undefined ? {} : { description }),
        ...(title === undefined ? {} : { title }),
        ...(strict === undefined ? {} : { strict }),
        ...(providerOptions === undefined ? {} : { providerOptions }),
      },
    ]),
  )

type Part = ReturnType<Transcript["part"]>

const stateOf = (input: unknown, outcome: Calls.Outcome, part: Part) => {
  const metadata = part?.type === "tool" && part.state.status === "running" ? part.state.metadata : undefined
  if (outcome.type === "error") {
    return { status: "error", input, error: outcome.error, ...(metadata === undefined ? {} : { metadata }) } as const
  }
  const { attachments, output, title } = outcome.result
  return {
    status: "completed",
    input,
    output,
    title,
    metadata: { ...metadata, ...outcome.result.metadata },
    ...(attachments === undefined ? {} : { attachments }),
  } as const
}

/** How long servers that are being connected are waited for when a session begins, in milliseconds. */
const patience = 10_000
/** The same before any later step: a list that changed in the step before is mostly a matter of milliseconds. */
const glance = 1_000

/** Steps until the answer is there. A server that takes longer than it is waited for has its tools in a later step. */
export const run = (input: Input): Effect.Effect<Ended, SessionError, Needs> =>
  Effect.gen(function* () {
    const mcp = yield* MCP.Service
    const { begins } = input
    yield* Effect.timeoutOption(mcp.settled(), begins ? patience : glance)
    if (begins) yield* mcp.recheck()
    for (;;) {
      const ended = yield* step(input)
      if (ended !== undefined) return ended
      yield* Effect.timeoutOption(mcp.settled(), glance)
    }
  })
