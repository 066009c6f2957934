/** The right answers of the hand-written servers, for what their scripts leave out. */

/** A message from the client, nothing of it trusted. */
export interface Rpc {
  readonly id?: string | number
  readonly method?: string
  readonly params?: { readonly [key: string]: unknown }
  readonly result?: unknown
  readonly error?: unknown
}

/** What scripts of both raw servers have in common. */
export interface Standard {
  /** What `initialize` answers; the version that was offered, by default. */
  readonly protocolVersion?: string
  /** Default: `{ tools: {} }`. */
  readonly capabilities?: object
  readonly instructions?: string
  /** The items of `tools/list`, good or malformed; `echo` by default. */
  readonly tools?: ReadonlyArray<unknown>
  /** So many of `tools` on a page; all of them by default. */
  readonly pageSize?: number
  /** `tools/list` gives `count` made-up tools, `pageSize` at a time. */
  readonly manyTools?: { readonly count: number; readonly pageSize: number }
  /** Every page of `tools/list` has this cursor after it. */
  readonly repeatedCursor?: string
}

const listTools = (script: Standard, request: Rpc): object => {
  if (script.manyTools === undefined) {
    const echo = { name: "echo", description: "Gives its arguments back", inputSchema: { type: "object" } }
    const cursor = script.repeatedCursor === undefined ? {} : { nextCursor: script.repeatedCursor }
    const tools = script.tools ?? [echo]
    if (script.pageSize === undefined) return { tools, ...cursor }
    const from = Number(request.params?.cursor ?? 0)
    const to = from + script.pageSize
    return { tools: tools.slice(from, to), ...(to < tools.length ? { nextCursor: String(to) } : {}) }
  }
  const { count, pageSize } = script.manyTools
  const from = Number(request.params?.cursor ?? 0)
  const page = Array.from({ length: Math.min(pageSize, count - from) }, (_, at) => ({
    name: `tool_${from + at}`,
    inputSchema: { type: "object", properties: { value: { type: "string" } } },
  }))
  return { tools: page, ...(from + pageSize < count ? { nextCursor: String(from + pageSize) } : {}) }
}

const result = (script: Standard, request: Rpc): object | undefined => {
  switch (request.method) {
    case "initialize":
      return {
        protocolVersion: script.protocolVersion ?? request.params?.protocolVersion,
        capabilities: script.capabilities ?? { tools: {} },
        serverInfo: { name: "raw", version: "1.0.0" },
        ...(script.instructions === undefined ? {} : { instructions: script.instructions }),
      }
    case "ping":
      return {}
    case "tools/list":
      return listTools(script, request)
    case "tools/call":
      return { content: [{ type: "text", text: JSON.stringify(request.params?.arguments ?? {}) }] }
    default:
      return undefined
  }
}

/** The answer to a request: `echo` gives its arguments back, an unknown method is -32601. */
export const standardAnswer = (script: Standard, request: Rpc): object => {
  const found = result(script, request)
  const error = { code: -32601, message: `Method not found: ${request.method}` }
  return { jsonrpc: "2.0", id: request.id, ...(found === undefined ? { error } : { result: found }) }
}
