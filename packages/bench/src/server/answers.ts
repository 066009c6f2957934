/**
 * What both raw servers answer. No SDK and no Effect: everything is serialised once, at start, and an answer
 * is that text with the id of its request spliced in, so that a round measures the client and not its peer.
 */

export interface Sizes {
  /** Bytes of text in the result of every `tools/call`. */
  readonly result: number
  /** Tools in the catalogue. */
  readonly tools: number
  /** Properties in each tool's input schema. */
  readonly properties: number
  /** Tools per page of `tools/list`. */
  readonly page: number
}

export const defaultSizes: Sizes = { result: 200, tools: 1, properties: 1, page: 100 }

/** Reads `--result 200 --tools 5000 …` as the runner writes it. */
export const sizesFrom = (args: ReadonlyArray<string>): Sizes => {
  const read = (name: keyof Sizes) => {
    const at = args.indexOf(`--${name}`)
    return at < 0 ? defaultSizes[name] : Number(args[at + 1])
  }
  return { result: read("result"), tools: read("tools"), properties: read("properties"), page: read("page") }
}

export const argumentsOf = (sizes: Partial<Sizes>): ReadonlyArray<string> =>
  Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)])

/** About the length that servers write. */
const described = (what: string) => `${what}: what it means, which values it takes and what is assumed without it.`

const tool = (index: number, properties: number) => ({
  name: index === 0 ? "echo" : `tool_${index}`,
  title: `Tool ${index}`,
  description: `The tool of number ${index}, described in a sentence of about the length that servers write.`,
  inputSchema: {
    type: "object",
    properties: Object.fromEntries(
      Array.from({ length: properties }, (_, at) => [
        at === 0 ? "value" : `property_${at}`,
        at % 4 === 0
          ? { type: "number", description: described(`Property ${at} of tool ${index}`) }
          : { type: "string", description: described(`Property ${at} of tool ${index}`), maxLength: 100 },
      ]),
    ),
    required: ["value"],
  },
})

const pagesOf = (sizes: Sizes): ReadonlyArray<string> => {
  const pages: Array<string> = []
  for (let start = 0; start < sizes.tools; start += sizes.page) {
    const end = Math.min(start + sizes.page, sizes.tools)
    const tools = Array.from({ length: end - start }, (_, at) => tool(start + at, sizes.properties))
    pages.push(JSON.stringify(end < sizes.tools ? { tools, nextCursor: String(pages.length + 1) } : { tools }))
  }
  return pages
}

interface Incoming {
  readonly id?: number | string
  readonly method?: string
  readonly params?: { readonly cursor?: string; readonly protocolVersion?: string }
}

/** Counts what was asked: the rows that promise "no request" look here. */
export const makeAnswers = (sizes: Sizes) => {
  const called = `{"content":[{"type":"text","text":"${"x".repeat(sizes.result)}"}]}`
  const pages = pagesOf(sizes)
  const counts = { lists: 0, calls: 0 }
  const result = (message: Incoming): string | undefined => {
    switch (message.method) {
      case "tools/call":
        counts.calls++
        return called
      case "tools/list":
        counts.lists++
        return pages[Number(message.params?.cursor ?? 0)] ?? `{"tools":[]}`
      case "initialize": {
        const version = JSON.stringify(message.params?.protocolVersion ?? "2025-11-25")
        return `{"protocolVersion":${version},"capabilities":{"tools":{}},"serverInfo":{"name":"raw","version":"1"}}`
      }
      case "ping":
        return "{}"
      default:
        return undefined
    }
  }
  /** The answer to one line or body, or `undefined` for a notification. */
  const answer = (text: string): string | undefined => {
    const message: Incoming = JSON.parse(text)
    if (message.id === undefined) return undefined
    const id = typeof message.id === "number" ? message.id : JSON.stringify(message.id)
    const body = result(message)
    return body === undefined
      ? `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"Method not found"}}`
      : `{"jsonrpc":"2.0","id":${id},"result":${body}}`
  }
  return { answer, counts }
}
