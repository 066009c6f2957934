import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { it } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Auth, CapabilityLayer, SessionLayer, type Transport, TransportLayer } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"

const begin = (transport: Layer.Layer<Transport>) =>
  failure(
    Layer.build(
      SessionLayer.make({ server: "peer", startupTimeout: 10_000 }).pipe(
        Layer.provide([transport, CapabilityLayer.none]),
      ),
    ),
  )

const explode = (): never => {
  throw new Error("a mistake of the plugin's")
}

describe("a plugin that throws", () => {
  const mistakes = {
    "in a server of this process": TransportLayer.inMemory(() => Effect.succeed(explode)),
    "where it sends": TransportLayer.custom({
      kind: "own",
      open: Effect.succeed({ send: explode, messages: Stream.never }),
    }),
    "where it receives": TransportLayer.custom({
      kind: "own",
      open: Effect.succeed({ send: () => Effect.void, messages: Stream.fromEffect(Effect.sync(explode)) }),
    }),
  }
  it.effect.each(Object.entries(mistakes).map(([name, transport]) => ({ name, transport })))(
    "%s fails its own connection, and says so",
    ({ transport }) =>
      Effect.gen(function* () {
        expect((yield* begin(transport)).message).toContain("a mistake of the plugin's")
      }),
  )

  it.live("where it gets credentials fails its own request, and says so", () =>
    Effect.gen(function* () {
      const { url } = yield* rawHttp()
      const auth = Layer.succeed(Auth)({
        current: () => undefined,
        headers: Effect.sync(explode),
        challenged: () => Effect.succeed(false),
      })
      const transport = TransportLayer.remote({ url }).pipe(Layer.provide(auth))
      expect((yield* begin(transport)).message).toContain("a mistake of the plugin's")
    }),
  )
})
