/** A server as a list shows it. */
import type { Listed } from "../catalog/listed.ts"
import type { Status } from "../events.ts"
import type { Implementation, ServerCapabilities } from "../protocol/model.ts"
import type { Registered } from "./registry.ts"

/** What is known of a server at this moment. */
export interface ServerState {
  readonly name: string
  readonly type: "local" | "remote"
  readonly status: Status
  readonly protocolVersion?: string
  readonly serverInfo?: Implementation
  readonly instructions?: string
  readonly capabilities?: ServerCapabilities
  readonly transport?: string
  readonly pid?: number
  readonly tools: number
  readonly prompts: number
  readonly resources: number
  readonly templates: number
  /** Milliseconds from its start to the end of the handshake. */
  readonly connectMs?: number
}

const count = (list: Listed<unknown> | undefined): number => list?.known()?.length ?? 0

/** What is known of a server, without asking it. */
export const stateOf = ({ connection, name, status: read, type }: Registered): ServerState => {
  const status = read()
  const live = connection?.known()
  const catalog = live?.catalog
  const counts = {
    tools: count(catalog?.tools),
    prompts: count(catalog?.prompts),
    resources: count(catalog?.resources),
    templates: count(catalog?.templates),
  }
  if (live === undefined) return { name, type, status, ...counts }
  const { agreement, transport } = live.session
  // One that sleeps has no process.
  const pid = connection?.live()?.session.pid
  return {
    name,
    type,
    status,
    protocolVersion: agreement.revision,
    serverInfo: agreement.serverInfo,
    ...(agreement.instructions === undefined ? {} : { instructions: agreement.instructions }),
    capabilities: agreement.capabilities,
    transport,
    ...(pid === undefined ? {} : { pid }),
    ...counts,
    connectMs: live.connectMs,
  }
}
