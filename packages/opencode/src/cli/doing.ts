/** What a session is at, for a person who waits: the model, or the calls that run and how far they are. */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Schema from "effect/Schema"
import type { Definition, Payload } from "../bus/index.ts"
import { StatusChanged } from "../mcp/event.ts"
import * as Event from "../session/message.ts"
import type { Part } from "../session/part.ts"
import { bar } from "./live.ts"
import type { Writer } from "./output.ts"
import * as Text from "./text.ts"

export type Tool = Extract<Part, { readonly type: "tool" }>

/** The properties of an event, where it is of this kind. */
export const of = <D extends Definition>(
  { properties, type }: Payload,
  definition: D,
): D["properties"]["Type"] | undefined =>
  type === definition.type && Schema.is(definition.properties)(properties) ? properties : undefined

export interface Doing {
  readonly take: (event: Payload) => void
  /** One line, in at most `columns` columns; nothing where nothing is waited for. */
  readonly line: (output: Writer, columns: number) => string
}

const progressOf = (metadata: unknown) => {
  const { message, progress, total }: Record<string, unknown> = isObject(metadata) ? metadata : {}
  if (typeof progress !== "number") return undefined
  return {
    progress,
    total: typeof total === "number" ? total : undefined,
    message: typeof message === "string" ? message : undefined,
  }
}

export const make = (): Doing => {
  const pending = new Set<string>()
  const calls = new Map<string, Tool>()
  let model: string | undefined
  return {
    take: (event) => {
      const status = of(event, StatusChanged)
      if (status?.status === "pending") pending.add(status.server)
      else if (status !== undefined) pending.delete(status.server)
      const info = of(event, Event.MessageUpdated)?.info
      if (info?.role === "assistant") {
        model = info.time.completed === undefined ? `${info.providerID}/${info.modelID}` : undefined
      }
      const part = of(event, Event.PartUpdated)?.part
      if (part?.type !== "tool") return
      if (part.state.status === "running") calls.set(part.id, part)
      else calls.delete(part.id)
    },
    line: ({ err }, columns) => {
      const [call, ...others] = calls.values()
      if (call !== undefined) {
        const name = `${call.tool}${others.length === 0 ? "" : ` and ${others.length} more`}`
        const progress = progressOf(call.state.metadata)
        const label = Text.cut(Text.oneLine(name), progress === undefined ? columns : Math.floor(columns / 2))
        return progress === undefined ? label : `${label}  ${bar(progress, columns - Text.width(label) - 2, err.paint)}`
      }
      if (model === undefined) return ""
      const late = pending.size === 0 ? "" : `; still connecting: ${[...pending].join(", ")}`
      return Text.cut(Text.oneLine(`Waiting for ${model}${late}`), columns)
    },
  }
}
