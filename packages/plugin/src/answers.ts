/**
 * What servers ask: of the person, on the page; of the model, by the provider of the session, once the person has said yes
 * on the page.
 */
import { Questions } from "@opencode-ai/mcp/capability/questions"
import { Sampling } from "@opencode-ai/mcp/capability/sampling"
import type { Answers } from "@opencode-ai/opencode/mcp/instance"
import * as Layer from "effect/Layer"

export const layer = (sampling: Sampling["Service"]): Answers =>
  Layer.merge(Questions.person, Layer.succeed(Sampling)(sampling))
