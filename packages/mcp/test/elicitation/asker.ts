/** A server that asks the person, a person who answers as a test says, and what became of both. */
import * as Effect from "effect/Effect"
import type { ElicitationAnswer, ElicitationMode, ElicitationRequest } from "../../src/capability/elicitation.ts"
import { CapabilityLayer, type Elicitation } from "../../src/index.ts"
import { type Script, scripted } from "../support/scripted.ts"

/** A form with these fields. */
export const form = (properties: object, required: ReadonlyArray<string> = []) => ({
  message: "Who are you?",
  requestedSchema: { type: "object", properties, required },
})

export const visit = (elicitationId: string, url = "https://example.com/sign-in") => ({
  mode: "url",
  message: "Please sign in",
  url,
  elicitationId,
})

export const accept = (content: ElicitationAnswer["content"] = {}): ElicitationAnswer => ({ action: "accept", content })

export interface Options {
  readonly modes?: ReadonlyArray<ElicitationMode>
  readonly elicit?: Elicitation["Service"]["elicit"]
  readonly script?: Script
}

/** A session whose server asks; `asked` is what reached the person. */
export const asker = (options: Options = {}) =>
  Effect.gen(function* () {
    const asked: Array<ElicitationRequest> = []
    const waiting = new Set<() => void>()
    /** Waits until the person was asked so often. */
    const reached = (count: number) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          if (asked.length < count) return
          waiting.delete(look)
          resume(Effect.void)
        }
        waiting.add(look)
        look()
      })
    const elicit: Elicitation["Service"]["elicit"] = (request) =>
      Effect.suspend(() => {
        asked.push(request)
        for (const look of [...waiting]) look()
        return options.elicit?.(request) ?? Effect.succeed<ElicitationAnswer>({ action: "decline" })
      })
    const peer = yield* scripted({
      ...options.script,
      client: CapabilityLayer.make({ elicitation: { modes: options.modes ?? ["form", "url"], elicit } }),
    })
    let next = 0
    const send = (params: unknown) => {
      const id = `e${++next}`
      peer.send({ jsonrpc: "2.0", id, method: "elicitation/create", params })
      return id
    }
    const answerTo = (id: string) => peer.wire.first("sent", (message) => message.id === id)
    const ask = (params: unknown) => Effect.suspend(() => answerTo(send(params)))
    const complete = (elicitationId: string) =>
      peer.deliver({ jsonrpc: "2.0", method: "notifications/elicitation/complete", params: { elicitationId } })
    return { ...peer, asked, reached, send, answerTo, ask, complete }
  })
