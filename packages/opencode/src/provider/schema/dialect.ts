/** What each provider takes of JSON Schema, and which provider a model is asked through. */
import type { Model } from "../provider.ts"

/** What a provider takes. */
export interface Dialect {
  readonly name: string
  /**
   * `kept`: JSON Schema 2020-12, references into `$defs`. `flat`: neither references nor `allOf`; a node has one type, or
   * is an `anyOf` and nothing else.
   */
  readonly shape: "kept" | "flat"
  /** How null is allowed beside another type: in `type`, by `nullable`, or as a branch of `anyOf`. */
  readonly nullable: "type" | "keyword" | "branch"
  /** Whether all values of an `enum` have to be strings. */
  readonly textEnums: boolean
  /** Whether objects may say what else they hold: `additionalProperties`. */
  readonly maps: boolean
  /** What formats are known; all where it is absent. */
  readonly formats?: ReadonlySet<string>
  /** What the name of a property may be. */
  readonly names?: RegExp
  /** Whether a pattern may look around and back. */
  readonly lookaround: boolean
}

const standard: Dialect = {
  name: "standard",
  shape: "kept",
  nullable: "type",
  textEnums: false,
  maps: true,
  lookaround: true,
}

const openai: Dialect = { ...standard, name: "openai", lookaround: false }

const anthropic: Dialect = { ...standard, name: "anthropic", names: /^[a-zA-Z0-9_.-]{1,64}$/ }

const moonshot: Dialect = { ...standard, name: "moonshot", shape: "flat", nullable: "branch" }

/** Gemini by the AI SDK, which turns `type: [x, "null"]` into `nullable`. */
const google: Dialect = {
  ...standard,
  name: "google",
  shape: "flat",
  textEnums: true,
  maps: false,
  formats: new Set(["date-time", "enum", "float", "double", "int32", "int64"]),
}

/** Gemini by a gateway, which passes on what it is given. */
const gemini: Dialect = { ...google, name: "gemini", nullable: "keyword" }

/** By the package of the provider, and for gateways by the name of the model. */
export const dialectOf = ({ modelID, npm, providerID }: Pick<Model, "npm" | "modelID" | "providerID">): Dialect => {
  const id = modelID.toLowerCase()
  const isClaude = id.includes("claude") || id.includes("anthropic")
  if (isClaude || npm.startsWith("@ai-sdk/anthropic") || npm === "@ai-sdk/google-vertex/anthropic") return anthropic
  if (npm.startsWith("@ai-sdk/google")) return google
  if (id.includes("gemini") || providerID === "google") return gemini
  if (id.includes("kimi") || id.includes("moonshot") || providerID.startsWith("moonshot")) return moonshot
  if (npm === "@ai-sdk/openai" || npm === "@ai-sdk/azure") return openai
  return standard
}
