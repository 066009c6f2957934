/** The exporters: OTLP over HTTP, in JSON, by Effect's own. What cannot be delivered holds nothing up. */
import * as Telemetry from "@opencode-ai/mcp/connection/telemetry"
import * as ConfigProvider from "effect/ConfigProvider"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import { version } from "../cli/version.ts"

/** What the environment does not say. Who names an endpoint wants to export to it, as OpenTelemetry has it. */
const defaults = ConfigProvider.fromUnknown({
  OTEL_TRACES_EXPORTER: "otlp",
  OTEL_METRICS_EXPORTER: "otlp",
  OTEL_SERVICE_NAME: "opencode",
  OTEL_SERVICE_VERSION: version,
})

export const layer: Layer.Layer<never> = Telemetry.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(OtlpTracer.layerFromConfig(), OtlpMetrics.layerFromConfig())),
  Layer.provide(OtlpSerialization.layerJson),
  Layer.provide(FetchHttpClient.layer),
  Layer.provide(ConfigProvider.layerAdd(defaults)),
)
