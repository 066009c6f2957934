/**
 * What one server may ask of the model: so many requests a minute, so many tokens an hour, both in sliding windows.
 *
 * Tokens are estimated: a character is a quarter of one, an image or a recording a flat number. A request reserves what
 * it may cost before anybody is asked; what it really cost takes the reservation's place.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { write } from "../protocol/json.ts"
import { userRejected } from "../protocol/jsonrpc.ts"
import type { CreateMessageRequestParams, SamplingMessageContentBlock, ToolResultContent } from "../protocol/model.ts"
import { blocksOf } from "./messages.ts"
import { RequestRefused } from "./refused.ts"
import type { SamplingResult } from "./sampling.ts"

/** What one server may ask of the model. */
export interface SamplingPolicy {
  /** Whether the person is asked, or the answer is always yes, or always no. */
  readonly approve: "ask" | "always" | "never"
  readonly requestsPerMinute: number
  /** Input and output together, estimated. */
  readonly tokensPerHour: number
}

export const defaultPolicy: SamplingPolicy = { approve: "ask", requestsPerMinute: 10, tokensPerHour: 100_000 }

/** What an image or a recording counts for: the largest that the providers charge for one, about. */
const mediaTokens = 1_500

const charactersPerToken = 4
const minute = 60_000
const hour = 3_600_000

type Block = SamplingMessageContentBlock | ToolResultContent["content"][number]

const characters = (value: unknown): number => (value === undefined ? 0 : (write({ value })?.length ?? 0))

const blockTokens = (block: Block): number => {
  switch (block.type) {
    case "text":
      return block.text.length / charactersPerToken
    case "image":
    case "audio":
      return mediaTokens
    case "tool_use":
      return (block.name.length + characters(block.input)) / charactersPerToken
    case "tool_result":
      return tokensOf(block.content) + characters(block.structuredContent) / charactersPerToken
    case "resource_link":
      return characters(block) / charactersPerToken
    case "resource":
      return "text" in block.resource ? block.resource.text.length / charactersPerToken : mediaTokens
  }
}

const tokensOf = (blocks: ReadonlyArray<Block>): number => blocks.reduce((sum, block) => sum + blockTokens(block), 0)

/** What the model reads of a request, in tokens, estimated. */
export const inputTokens = ({ messages, systemPrompt = "", tools }: CreateMessageRequestParams): number =>
  Math.ceil(
    (systemPrompt.length + characters(tools)) / charactersPerToken +
      messages.reduce((sum, message) => sum + tokensOf(blocksOf(message)), 0),
  )

/** What the model wrote, in tokens, estimated. */
export const outputTokens = (result: SamplingResult): number => Math.ceil(tokensOf(blocksOf(result)))

/** What a request may still cost. */
export interface Reservation {
  /** It may cost this much instead. Fails where that does not fit; then nothing has changed. */
  readonly change: (input: number, output: number) => Effect.Effect<void, RequestRefused>
  /** It did cost this much. Nothing changes it after that. */
  readonly settle: (tokens: number) => void
}

/** What one server has asked lately, held against its policy. It outlives the server's sessions. */
export interface Budget {
  readonly policy: SamplingPolicy
  /** Takes a place in the minute, and tokens of the hour. Fails with -1 where there is no room; then nothing is taken. */
  readonly reserve: (server: string, input: number, output: number) => Effect.Effect<Reservation, RequestRefused>
}

interface Spent {
  readonly at: number
  tokens: number
}

const amount = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",")

const plural = (count: number, thing: string): string => `${amount(count)} ${thing}${count === 1 ? "" : "s"}`

const after = (milliseconds: number): string =>
  milliseconds < 2 * minute
    ? plural(Math.ceil(milliseconds / 1_000), "second")
    : plural(Math.ceil(milliseconds / minute), "minute")

interface Refusal {
  readonly limit: "requestsPerMinute" | "tokensPerHour"
  readonly allowed: number
  readonly left: number
  readonly needed: number
  /** In milliseconds; absent where waiting does not help. */
  readonly retryAfter?: number | undefined
}

const refuse = (server: string, said: string, refusal: Refusal): RequestRefused => {
  const { limit, retryAfter } = refusal
  const again = retryAfter === undefined ? "Waiting does not help" : `Try again in ${after(retryAfter)}`
  const { retryAfter: _, ...data } = refusal
  return new RequestRefused({
    code: userRejected,
    message: `The sampling budget of ${JSON.stringify(server)} does not allow this request: ${said}. ${again}; the person can raise sampling.${limit} in the server's entry`,
    data: retryAfter === undefined ? data : { ...data, retryAfter },
  })
}

/** An unspent budget. */
export const makeBudget = (policy: SamplingPolicy = defaultPolicy): Budget => {
  /** When the requests of the last minute were made. */
  const recent: Array<number> = []
  /** What the requests of the last hour cost, oldest first. */
  const spent = new Set<Spent>()

  const forget = (now: number) => {
    while (recent[0] !== undefined && recent[0] <= now - minute) recent.shift()
    for (const each of spent) {
      if (each.at > now - hour) break
      spent.delete(each)
    }
  }

  const tooOften = (server: string, now: number): RequestRefused | undefined => {
    const { requestsPerMinute: allowed } = policy
    if (recent.length < allowed) return
    const first = recent[recent.length - allowed]
    return refuse(server, `it may ask ${plural(allowed, "time")} a minute, and has`, {
      limit: "requestsPerMinute",
      allowed,
      left: 0,
      needed: 1,
      retryAfter: first === undefined ? undefined : first + minute - now,
    })
  }

  /** `own` is what the request has reserved already. */
  const tooMuch = (server: string, now: number, input: number, output: number, own?: Spent) => {
    const { tokensPerHour: allowed } = policy
    const others = [...spent].filter((each) => each !== own)
    const left = Math.max(0, allowed - others.reduce((sum, { tokens }) => sum + tokens, 0))
    const needed = input + output
    if (needed <= left) return
    let free = left
    const enough = needed > allowed ? undefined : others.find(({ tokens }) => (free += tokens) >= needed)
    return refuse(
      server,
      `it may use ${amount(allowed)} tokens an hour, ${amount(left)} are left, and this needs about ${amount(needed)} (${amount(input)} to read, and maxTokens ${amount(output)})`,
      {
        limit: "tokensPerHour",
        allowed,
        left,
        needed,
        retryAfter: enough === undefined ? undefined : enough.at + hour - now,
      },
    )
  }

  return {
    policy,
    reserve: (server, input, output) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        forget(now)
        const refused = tooOften(server, now) ?? tooMuch(server, now, input, output)
        if (refused !== undefined) return Effect.fail(refused)
        const own: Spent = { at: now, tokens: input + output }
        let settled = false
        recent.push(now)
        spent.add(own)
        return Effect.succeed<Reservation>({
          change: (input, output) =>
            Effect.flatMap(Clock.currentTimeMillis, (now) => {
              forget(now)
              const refused = tooMuch(server, now, input, output, own)
              if (refused !== undefined) return Effect.fail(refused)
              own.tokens = input + output
              return Effect.void
            }),
          settle: (tokens) => {
            if (settled) return
            settled = true
            own.tokens = tokens
            if (tokens === 0) spent.delete(own)
          },
        })
      }),
  }
}
