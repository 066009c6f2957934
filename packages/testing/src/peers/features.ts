/**
 * What the peers on the official SDKs can do, written once for both majors. The SDK owns the wire, the handshake and the
 * decoding of what arrives; these functions give the results. `recorded` gives back what the server received.
 */

/** A result with whatever members its method has. */
export interface Answer {
  [member: string]: unknown
  _meta?: { [member: string]: unknown }
}

/** One request being handled, and what its handler can do meanwhile. */
export interface Call {
  readonly params: { readonly [member: string]: unknown }
  readonly id: string | number
  readonly progressToken: string | number | undefined
  /** Aborted when the client cancels. */
  readonly signal: AbortSignal
  /** Sends a notification that belongs to this request. */
  readonly notify: (method: string, params?: { [member: string]: unknown }) => Promise<void>
  /** Asks the client. */
  readonly request: (method: string, params?: { [member: string]: unknown }) => Promise<unknown>
}

export type Handlers = { readonly [method: string]: (call: Call) => Answer | Promise<Answer> }

export interface FeatureOptions {
  /** So many made-up tools instead of the real ones, 100 a page. */
  readonly manyTools?: number
  /** Everything that this server received, oldest first. */
  readonly received: ReadonlyArray<unknown>
  /** Makes the SDK's error of a JSON-RPC error. */
  readonly error: (code: number, message: string, data?: unknown) => Error
}

const PAGE = 100
/** A PNG of one pixel and a WAV of no samples. */
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="

const text = (value: string): Answer => ({ content: [{ type: "text", text: value }] })

const schema = (properties: { readonly [name: string]: object } = {}, required = Object.keys(properties)) => ({
  type: "object" as const,
  properties,
  required,
})

const string = { type: "string" }
const number = { type: "number" }
const anything = { type: "object" }

/** A tool's definition and what it does. */
type Feature = readonly [
  definition: object,
  run: (args: { readonly [name: string]: unknown }, call: Call) => Answer | Promise<Answer>,
]

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((done) => (signal.aborted ? done() : signal.addEventListener("abort", () => done())))

const progress = async (steps: number, call: Call): Promise<Answer> => {
  for (let step = 1; step <= steps; step++) {
    if (call.progressToken !== undefined) {
      const { progressToken } = call
      await call.notify("notifications/progress", {
        progressToken,
        progress: step,
        total: steps,
        message: `step ${step}`,
      })
    }
    await new Promise<void>((next) => setImmediate(next))
  }
  return text(`${steps} steps`)
}

const features = (options: FeatureOptions, state: { extra: boolean }): { readonly [name: string]: Feature } => ({
  echo: [
    { description: "Gives the message back", inputSchema: schema({ message: string }) },
    ({ message }) => text(String(message)),
  ],
  add: [
    {
      title: "Add",
      inputSchema: schema({ a: number, b: number }),
      outputSchema: schema({ sum: number }),
      annotations: { readOnlyHint: true, idempotentHint: true },
    },
    ({ a, b }) => {
      const sum = Number(a) + Number(b)
      return { ...text(JSON.stringify({ sum })), structuredContent: { sum } }
    },
  ],
  progress: [
    { description: "Reports progress so many times", inputSchema: schema({ steps: number }) },
    ({ steps }, call) => progress(Number(steps), call),
  ],
  hang: [
    { description: "Says that it began (progress 0) and runs until it is cancelled", inputSchema: schema() },
    async (_, call) => {
      const { progressToken } = call
      if (progressToken !== undefined) await call.notify("notifications/progress", { progressToken, progress: 0 })
      await untilAborted(call.signal)
      return text("cancelled")
    },
  ],
  recorded: [
    { description: "Every message that this server received, as JSON", inputSchema: schema() },
    () => ({ ...text(JSON.stringify(options.received)), structuredContent: { received: options.received } }),
  ],
  content: [
    { description: "One block of every kind", inputSchema: schema() },
    () => ({
      content: [
        { type: "text", text: "words", annotations: { audience: ["user"], priority: 0.5 } },
        { type: "image", data: png, mimeType: "image/png" },
        { type: "audio", data: wav, mimeType: "audio/wav" },
        { type: "resource_link", uri: "test://text", name: "text", mimeType: "text/plain" },
        { type: "resource", resource: { uri: "test://text", mimeType: "text/plain", text: "embedded" } },
      ],
    }),
  ],
  fail: [
    { description: "An error of the tool", inputSchema: schema() },
    () => ({ ...text("it failed"), isError: true }),
  ],
  refuse: [
    { description: "An error of the protocol", inputSchema: schema() },
    () => Promise.reject(options.error(-32602, "refused", { why: "asked for" })),
  ],
  notify: [
    {
      description: "Sends any notification first",
      inputSchema: schema({ method: string, params: anything }, ["method"]),
    },
    async ({ method, params }, call) => {
      await call.notify(String(method), typeof params === "object" && params !== null ? { ...params } : undefined)
      return text("sent")
    },
  ],
  ask: [
    {
      description: "Sends any request to the client",
      inputSchema: schema({ method: string, params: anything }, ["method"]),
    },
    async ({ method, params }, call) => {
      const asked = call.request(
        String(method),
        typeof params === "object" && params !== null ? { ...params } : undefined,
      )
      const result = await asked.catch((error: unknown) => ({ error: String(error) }))
      return { ...text(JSON.stringify(result)), structuredContent: { result } }
    },
  ],
  toggle: [
    { description: "Adds or removes the tool `extra`, and says that the list changed", inputSchema: schema() },
    async (_, call) => {
      state.extra = !state.extra
      await call.notify("notifications/tools/list_changed")
      return text(String(state.extra))
    },
  ],
  process: [
    { description: "The server's process", inputSchema: schema() },
    () => {
      const about = { pid: process.pid, cwd: process.cwd(), argv: process.argv.slice(2), env: process.env }
      return { ...text(JSON.stringify(about)), structuredContent: about }
    },
  ],
})

const pageOf = (all: ReadonlyArray<object>, cursor: unknown) => {
  const from = cursor === undefined ? 0 : Number(cursor)
  return {
    page: all.slice(from, from + PAGE),
    ...(from + PAGE < all.length ? { nextCursor: String(from + PAGE) } : {}),
  }
}

/** The capabilities that go with the handlers. */
export const capabilities = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
}

/** What the server says of itself. */
export const instructions = "Use echo to hear yourself."

const prompts = [
  {
    name: "greet",
    title: "Greeting",
    description: "Greets somebody",
    arguments: [{ name: "name", description: "Who", required: true }, { name: "language" }],
  },
  { name: "plain" },
]

const resources = [
  { uri: "test://text", name: "text", mimeType: "text/plain", description: "Words" },
  { uri: "test://blob", name: "blob", mimeType: "image/png" },
]

const cities = ["Berlin", "Bern", "Bogotá", "Paris"]

/** The handlers by method. */
export const handlers = (options: FeatureOptions): Handlers => {
  const state = { extra: false }
  const tools = features(options, state)
  const extra: Feature = [{ inputSchema: schema() }, () => text("extra")]
  const current = () => (state.extra ? { ...tools, extra } : tools)
  const refuse = (message: string, data?: unknown, code = -32602) => Promise.reject(options.error(code, message, data))
  const many = Array.from({ length: options.manyTools ?? 0 }, (_, at) => ({
    name: `tool_${at}`,
    inputSchema: schema({ value: string }),
  }))
  return {
    "tools/list": ({ params }) => {
      const all =
        many.length > 0 ? many : Object.entries(current()).map(([name, [definition]]) => ({ name, ...definition }))
      const { page, ...rest } = pageOf(all, params.cursor)
      return { tools: page, ...rest }
    },
    "tools/call": (call) => {
      const name = String(call.params.name)
      const args = call.params.arguments
      if (many.some((tool) => tool.name === name)) return text(name)
      const tool = current()[name]
      if (tool === undefined) return refuse(`Tool ${name} not found`)
      return tool[1](typeof args === "object" && args !== null ? { ...args } : {}, call)
    },
    "resources/list": () => ({ resources }),
    "resources/templates/list": () => ({
      resourceTemplates: [{ uriTemplate: "test://item/{id}", name: "item", mimeType: "text/plain" }],
    }),
    "resources/read": ({ params }) => {
      const uri = String(params.uri)
      if (uri === "test://blob") return { contents: [{ uri, mimeType: "image/png", blob: png }] }
      if (uri !== "test://text" && !uri.startsWith("test://item/")) return refuse("Resource not found", { uri }, -32002)
      return { contents: [{ uri, mimeType: "text/plain", text: `the content of ${uri}` }] }
    },
    "resources/subscribe": () => ({}),
    "resources/unsubscribe": () => ({}),
    "prompts/list": () => ({ prompts }),
    "prompts/get": ({ params }) => {
      const args = Object(params.arguments)
      if (params.name === "plain") return { messages: [{ role: "user", content: { type: "text", text: "plain" } }] }
      if (params.name !== "greet") return refuse(`Prompt ${String(params.name)} not found`)
      if (args.name === undefined) return refuse("Missing required argument: name")
      const said = args.language === "de" ? `Hallo ${args.name}` : `Hello ${args.name}`
      return { description: "A greeting", messages: [{ role: "user", content: { type: "text", text: said } }] }
    },
    "completion/complete": ({ params }) => {
      const { value } = Object(params.argument)
      const values = cities.filter((city) => city.startsWith(String(value)))
      return { completion: { values, total: values.length, hasMore: false } }
    },
  }
}
