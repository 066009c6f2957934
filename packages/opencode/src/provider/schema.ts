/** The input schema of a tool as a provider takes it. What is added for a provider never reaches a server. */
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { Model } from "./provider.ts"

/** A schema that a provider takes, and what of the server's it could not express: for a warning. */
export interface Normalised {
  readonly schema: JsonObject
  readonly dropped: ReadonlyArray<string>
}

/** Normalises a schema for a model's provider. Never fails: what cannot be expressed is dropped. */
export type Normalise = (model: Pick<Model, "npm" | "modelID" | "providerID">, schema: JsonObject) => Normalised
