/**
 * Which session a call of a tool is made for, and which model that session uses. OpenCode's client does not say, but its
 * hooks tell of each call just before.
 */
import type { Hooks, ModelRef } from "./host.ts"

export interface Caller {
  readonly sessionID: string
  readonly callID: string
}

export interface Callers {
  /** Whose the call of a tool is that comes in now, by the tool's key; `undefined` where it may be of several sessions. */
  readonly of: (tool: string, args: unknown) => Caller | undefined
  /** The model that was last asked in a session. */
  readonly model: (sessionID: string) => ModelRef | undefined
  readonly hooks: Pick<Hooks, "chat.message" | "event" | "tool.execute.before" | "tool.execute.after">
}

/** As a request of `Mcp.callTool` was called. */
export const isCaller = (request: unknown): request is Caller =>
  typeof request === "object" && request !== null && "sessionID" in request && "callID" in request

/** Calls that were announced and have not come, and sessions: more are not remembered. */
const bound = 256

const sessionOf = (properties: unknown): unknown =>
  typeof properties === "object" && properties !== null && "sessionID" in properties ? properties.sessionID : undefined

/** Models number their calls, and so do those of two sessions. */
const keyOf = ({ callID, sessionID }: Caller) => `${sessionID} ${callID}`

export const make = (): Callers => {
  const announced = new Map<string, Caller & { readonly tool: string; readonly args: string }>()
  const models = new Map<string, ModelRef>()
  const keep = <A>(map: Map<string, A>, key: string, value: A) => {
    map.delete(key)
    map.set(key, value)
    const [oldest] = map.keys()
    if (map.size > bound && oldest !== undefined) map.delete(oldest)
  }
  return {
    of: (tool, args) => {
      const ofTool = [...announced.values()].filter((call) => call.tool === tool)
      const same = ofTool.filter((call) => call.args === JSON.stringify(args))
      // Another plugin may have changed what it is called with.
      const likely = same.length > 0 ? same : ofTool
      const [first] = likely
      if (first === undefined || likely.some(({ sessionID }) => sessionID !== first.sessionID)) return undefined
      announced.delete(keyOf(first))
      return { sessionID: first.sessionID, callID: first.callID }
    },
    model: (sessionID) => models.get(sessionID),
    hooks: {
      "tool.execute.before": async ({ callID, sessionID, tool }, { args }) =>
        keep(announced, keyOf({ sessionID, callID }), { tool, sessionID, callID, args: JSON.stringify(args ?? {}) }),
      "tool.execute.after": async (call) => void announced.delete(keyOf(call)),
      "chat.message": async ({ sessionID }, { message: { model } }) => {
        if (model !== undefined) keep(models, sessionID, { providerID: model.providerID, modelID: model.modelID })
      },
      event: async ({ event: { properties, type } }) => {
        // What was announced and was not allowed never comes.
        if (type !== "session.idle" && type !== "session.deleted") return
        const session = sessionOf(properties)
        for (const call of announced.values()) if (call.sessionID === session) announced.delete(keyOf(call))
      },
    },
  }
}
