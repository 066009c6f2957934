/**
 * Sampling by the models of opencode.json: the session's own first, another where a server's hints name it. Nothing of a
 * provider is loaded before a server samples; whether it may is asked before this is (`Approval`).
 */
import { RequestRefused } from "@opencode-ai/mcp/capability/refused"
import { Sampling } from "@opencode-ai/mcp/capability/sampling"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Provider from "../provider/provider.ts"
import * as Models from "../session/models.ts"

/** `Sampling` by the providers. */
export const layer: Layer.Layer<Sampling, never, Provider.Service | Models.Service> = Layer.effect(Sampling)(
  Effect.gen(function* () {
    const provider = yield* Provider.Service
    const models = yield* Models.Service
    const run = Effect.runPromiseWith(yield* Effect.context<never>())
    const candidate = (id: string) => ({
      id,
      model: () => run(Effect.map(provider.model(id), ({ language }) => language)),
    })
    return {
      tools: true,
      context: false,
      createMessage: (request) =>
        Effect.gen(function* () {
          const own = models.of(request.request)
          const first = yield* Effect.mapError(provider.model(own), () => none)
          const id = `${first.providerID}/${first.modelID}`
          const others = (yield* provider.list()).filter((other) => other !== id)
          const { make } = yield* Effect.promise(() => import("./model.ts"))
          return yield* make([candidate(id), ...others.map(candidate)]).createMessage(request)
        }),
    }
  }),
)

const none = new RequestRefused({ code: -32603, message: "No model is configured here" })
