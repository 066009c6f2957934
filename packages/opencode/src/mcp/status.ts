/** The status of a server as OpenCode tells it. */
import { Status as ClientStatus } from "@opencode-ai/mcp/events"
import * as Schema from "effect/Schema"

const [connected, , disabled, failed, needsAuth, needsClientRegistration] = ClientStatus.members

/** A server that is being connected is waited for, so `pending` is never told. */
export const Status = Schema.Union([
  connected.annotate({ identifier: "MCPStatusConnected" }),
  disabled.annotate({ identifier: "MCPStatusDisabled" }),
  failed.annotate({ identifier: "MCPStatusFailed" }),
  needsAuth.annotate({ identifier: "MCPStatusNeedsAuth" }),
  needsClientRegistration.annotate({ identifier: "MCPStatusNeedsClientRegistration" }),
]).annotate({ identifier: "MCPStatus" })
export type Status = typeof Status.Type
