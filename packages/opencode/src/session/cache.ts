/**
 * Where a provider is to cache a request: at the end of the system prompt and of the conversation so far. Most providers see
 * by themselves that a request begins as the one before; Anthropic's models have to be told.
 */
import type { ModelMessage, SystemModelMessage } from "ai"
import type { Model } from "../provider/provider.ts"

const ephemeral = { anthropic: { cacheControl: { type: "ephemeral" } } }

const marks = new Map<string, NonNullable<ModelMessage["providerOptions"]>>([
  ["@ai-sdk/anthropic", ephemeral],
  ["@ai-sdk/google-vertex/anthropic", ephemeral],
  ["@ai-sdk/amazon-bedrock", { bedrock: { cachePoint: { type: "default" } } }],
])

interface Prompt {
  readonly system: string | SystemModelMessage
  readonly messages: Array<ModelMessage>
}

/** A prompt with these places marked, for providers that want it. */
export const cached = (
  { modelID, npm }: Pick<Model, "modelID" | "npm">,
  system: string,
  messages: ReadonlyArray<ModelMessage>,
): Prompt => {
  const providerOptions = marks.get(npm)
  // Bedrock refuses the mark for models that do not know it.
  if (providerOptions === undefined || (npm === "@ai-sdk/amazon-bedrock" && !/claude/i.test(modelID))) {
    return { system, messages: [...messages] }
  }
  // The last two: what the request before ended with, and what this one does.
  const from = messages.length - 2
  return {
    system: { role: "system", content: system, providerOptions },
    messages: messages.map((message, index) => (index < from ? message : { ...message, providerOptions })),
  }
}
