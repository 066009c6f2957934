/** What a page needs to see from the start. It is light: who serves a page later begins with it. */
import type { Mcp } from "@opencode-ai/mcp/mcp"
import * as Underway from "@opencode-ai/mcp-inbox/underway"
import * as Layer from "effect/Layer"

/** The client, whose calls are seen, whoever makes them. */
export const seen = <Others, E, R>(
  client: Layer.Layer<Mcp | Others, E, R>,
): Layer.Layer<Mcp | Others | Underway.Underway, E, R> => Layer.provideMerge(Underway.layer, client)
