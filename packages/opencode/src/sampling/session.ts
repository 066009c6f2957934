/**
 * Sampling by the models of opencode.json: the session's own first, another where a server's hints name it. Nothing of a
 * provider is loaded before a server samples; whether it may is asked before this is (`Approval`).
 */
import { RequestRefused } from "@opencode-ai/mcp/capability/refused"
import { Sampling, type SamplingRequest } from "@opencode-ai/mcp/capability/sampling"
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

/** Which model would answer a request, as `provider/model`; `undefined` where none is chosen. Nothing of it is loaded. */
export const expected = (
  request: SamplingRequest,
): Effect.Effect<string | undefined, never, Provider.Service | Models.Service> =>
  Effect.gen(function* () {
    const provider = yield* Provider.Service
    const first = (yield* Models.Service).of(request.request) ?? (yield* provider.chosen())
    const { choose } = yield* Effect.promise(() => import("./model.ts"))
    const others = (yield* provider.list()).map((id) => ({ id }))
    return choose([{ id: first }, ...others], request.params.modelPreferences).id
  }).pipe(Effect.orElseSucceed(() => undefined))

const none = new RequestRefused({ code: -32603, message: "No model is configured here" })
