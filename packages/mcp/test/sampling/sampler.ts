/** A server that samples, a model that answers as a test says, and what became of both. */
import * as Effect from "effect/Effect"
import { type Approval, given } from "../../src/capability/approval.ts"
import type { Handlers } from "../../src/capability/capabilities.ts"
import { makeBudget, type SamplingPolicy } from "../../src/capability/budget.ts"
import type { SamplingRequest, SamplingResult } from "../../src/capability/sampling.ts"
import { CapabilityLayer, type Sampling } from "../../src/index.ts"
import { type Script, scripted } from "../support/scripted.ts"

export const hello = { role: "user", content: { type: "text", text: "Say hello" } }

/** What the simplest server sends. */
export const simple = { messages: [hello], maxTokens: 100 }

export const answer = (content: SamplingResult["content"], stopReason = "endTurn"): SamplingResult =>
  Object.assign({ role: "assistant" as const, model: "parrot", stopReason }, { content })

export const text = (said: string) => ({ type: "text" as const, text: said })

export const use = (id: string, name = "weather") => ({ type: "tool_use" as const, id, name, input: { city: "Paris" } })

export const result = (toolUseId: string) => ({ type: "tool_result", toolUseId, content: [text("sunny")] })

export const user = (...content: ReadonlyArray<object>) => ({ role: "user", content })
export const assistant = (...content: ReadonlyArray<object>) => ({ role: "assistant", content })

export const weather = { name: "weather", inputSchema: { type: "object", properties: { city: { type: "string" } } } }

/** Approves everything that it is not told about. */
export const approving = ({ sampled = given.sampled, sampling = given.sampling }: Partial<Approval>): Approval => ({
  sampling,
  sampled,
})

export interface Options {
  readonly policy?: Partial<SamplingPolicy>
  readonly approval?: Handlers["approval"]
  readonly tools?: boolean
  readonly context?: boolean
  readonly createMessage?: Sampling["Service"]["createMessage"]
  readonly script?: Script
}

const lenient: SamplingPolicy = { approve: "always", requestsPerMinute: 1_000, tokensPerHour: 10_000_000 }

/** A session whose server samples; `asked` is what reached the model. */
export const sampler = (options: Options = {}) =>
  Effect.gen(function* () {
    const asked: Array<SamplingRequest> = []
    const createMessage: Sampling["Service"]["createMessage"] = (request) =>
      Effect.suspend(() => {
        asked.push(request)
        return options.createMessage?.(request) ?? Effect.succeed(answer(text("hello")))
      })
    const peer = yield* scripted({
      ...options.script,
      client: CapabilityLayer.make({
        sampling: { tools: options.tools ?? true, context: options.context ?? false, createMessage },
        approval: options.approval,
        budget: makeBudget({ ...lenient, ...options.policy }),
      }),
    })
    let next = 0
    const send = (params: unknown) => {
      const id = `s${++next}`
      peer.send({ jsonrpc: "2.0", id, method: "sampling/createMessage", params })
      return id
    }
    const answerTo = (id: string) => peer.wire.first("sent", (message) => message.id === id)
    return { ...peer, asked, send, answerTo, sample: (params: unknown) => Effect.suspend(() => answerTo(send(params))) }
  })
