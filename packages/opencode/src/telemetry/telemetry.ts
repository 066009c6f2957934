/**
 * OpenTelemetry: spans and metrics of what servers are asked, sent where the environment says (`OTEL_EXPORTER_OTLP_ENDPOINT`
 * and its relatives, as OpenTelemetry specifies them). Without an endpoint nothing of it is loaded.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { environment } from "../config/substitute.ts"

const variables = [
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
]

/** For the layer of a client. */
export const layer: Layer.Layer<never> = Layer.unwrap(
  Effect.gen(function* () {
    for (const variable of variables) {
      const endpoint = yield* environment(variable)
      if (endpoint === undefined || endpoint === "") continue
      return (yield* Effect.promise(() => import("./exporter.ts"))).layer
    }
    return Layer.empty
  }),
)
