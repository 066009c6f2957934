/** A session whose server gives its client tasks: elicitations, which a test answers. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { members } from "@opencode-ai/testing/peers/features/feature"
import type { WireMessage } from "@opencode-ai/testing/recorder"
import type { Elicitation } from "../../src/capability/elicitation.ts"
import { defaults } from "../../src/capability/tasks.ts"
import { CapabilityLayer, type RequestRefused } from "../../src/index.ts"
import { scripted, type Scripted } from "./scripted.ts"

export const form = { mode: "form", message: "Who?", requestedSchema: { type: "object", properties: {} } }
export const declined = { action: "decline" as const }

type Answering = Elicitation["Service"]["elicit"]

/** A session whose person answers as a test says; `limits` are those of its tasks. */
export const peerOf = (
  elicit: Answering,
  limits: Partial<typeof defaults> = {},
  script: Parameters<typeof scripted>[0] = {},
) =>
  scripted({
    ...script,
    client: CapabilityLayer.make({
      elicitation: { modes: ["form", "url"], elicit },
      tasks: { ...defaults, ...limits },
    }),
  })

let requests = 0

/** Sends a request of the server, and waits for its answer. */
export const ask = ({ send, wire }: Scripted, method: string, params: object): Effect.Effect<WireMessage> =>
  Effect.suspend(() => {
    const id = `ask-${++requests}`
    send({ jsonrpc: "2.0", id, method, params })
    return wire.first("sent", (message) => message.id === id)
  })

/** Has the client keep a task, and gives its id. */
export const create = (peer: Scripted, task: object = {}) =>
  Effect.map(ask(peer, "elicitation/create", { ...form, task }), ({ result }) => String(members(result?.task).taskId))

export const statusOf = (peer: Scripted, taskId: string) =>
  Effect.map(ask(peer, "tasks/get", { taskId }), ({ error, result }) => result?.status ?? error?.code)

/** A person who thinks until the test says otherwise, and how often a form was withdrawn. */
export const thinker = Effect.gen(function* () {
  const answer = yield* Deferred.make<typeof declined, RequestRefused>()
  const asked = yield* Queue.unbounded<void>()
  const seen = { asked: 0, withdrawn: 0 }
  const elicit: Answering = () =>
    Effect.suspend(() => {
      seen.asked += 1
      Queue.offerUnsafe(asked, undefined)
      return Effect.onInterrupt(Deferred.await(answer), () => Effect.sync(() => (seen.withdrawn += 1)))
    })
  return { answer, elicit, seen, isAsked: Queue.take(asked) }
})
