/**
 * What the peers on the official SDKs can do, written once for both majors. The SDK owns the wire, the handshake and the
 * decoding of what arrives; these functions give the results. `recorded` gives back what the server received.
 */

import {
  anything,
  type Feature,
  type Features,
  type Handlers,
  type MakeError,
  members,
  number,
  schema,
  string,
  structured,
  told,
  text,
  untilAborted,
  type Answer,
  type Call,
} from "./features/feature.ts"
import { clientFeatures } from "./features/client.ts"
import { icons, png, wav } from "./features/media.ts"
import { noticeFeatures } from "./features/notices.ts"
import { outputFeatures } from "./features/output.ts"
import { promptHandlers } from "./features/prompts.ts"
import { resourceHandlers } from "./features/resources.ts"

export interface FeatureOptions {
  /** So many made-up tools instead of the real ones, 100 a page. */
  readonly manyTools?: number
  /** Everything that this server received, oldest first. */
  readonly received: ReadonlyArray<unknown>
  readonly error: MakeError
  /** Tools beside those that every peer has. */
  readonly tools?: Features
}

const PAGE = 100
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

/** As it arrived: an SDK may take members for itself. */
const metaOf = (messages: ReadonlyArray<unknown>, { id }: Call) =>
  members(members(messages.map(members).findLast((message) => message.id === id && "method" in message)).params)._meta

/** How many messages of each method there are. */
const counts = (messages: ReadonlyArray<unknown>) => {
  const count: Record<string, number> = {}
  for (const message of messages) {
    const { method } = Object(message)
    if (typeof method === "string") count[method] = (count[method] ?? 0) + 1
  }
  return count
}

/** What a tool of this server's changes of what it offers. */
interface State {
  extra: boolean
  /** Members of definitions that stand in place of their own, by the tool. */
  readonly retold: Map<string, object>
}

const features = (options: FeatureOptions, state: State): Features => ({
  echo: [
    { description: "Gives the message back", inputSchema: schema({ message: string }) },
    ({ message }) => text(String(message)),
  ],
  add: [
    {
      title: "Add",
      icons,
      inputSchema: schema({ a: number, b: number }),
      outputSchema: schema({ sum: number }),
      annotations: { readOnlyHint: true, idempotentHint: true },
    },
    ({ a, b }) => {
      const sum = Number(a) + Number(b)
      return structured({ sum })
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
    { description: "Every message that this server received, and how many of each method", inputSchema: schema() },
    () => structured({ received: options.received, counts: counts(options.received) }),
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
      await call.notify(String(method), params === undefined ? undefined : members(params))
      return text("sent")
    },
  ],
  ask: [
    {
      description: "Sends any request to the client",
      inputSchema: schema({ method: string, params: anything }, ["method"]),
    },
    async ({ method, params }, call) => {
      const asked = call.request(String(method), params === undefined ? undefined : members(params))
      return structured({ result: await asked.catch(told) })
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
  retell: [
    {
      description: "Replaces members of a tool's definition, and says that the list changed",
      inputSchema: schema({ tool: string, definition: anything }),
    },
    async ({ definition, tool }, call) => {
      state.retold.set(String(tool), members(definition))
      await call.notify("notifications/tools/list_changed")
      return text("retold")
    },
  ],
  meta: [
    { description: "The `_meta` of the call; the result has one too", inputSchema: schema() },
    (_, call) => ({ ...structured({ meta: metaOf(options.received, call) }), _meta: { "example.com/answer": 42 } }),
  ],
  process: [
    { description: "The server's process", inputSchema: schema() },
    () => {
      const about = { pid: process.pid, cwd: process.cwd(), argv: process.argv.slice(2), env: process.env }
      return structured(about)
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

/** The handlers by method. */
export const handlers = (options: FeatureOptions): Handlers => {
  const state: State = { extra: false, retold: new Map() }
  const subscribed = new Set<string>()
  const tools = {
    ...features(options, state),
    ...clientFeatures(options.error),
    ...noticeFeatures(options.received, subscribed),
    ...outputFeatures,
    ...options.tools,
  }
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
        many.length > 0
          ? many
          : Object.entries(current()).map(([name, [definition]]) => ({
              name,
              ...definition,
              ...state.retold.get(name),
            }))
      const { page, ...rest } = pageOf(all, params.cursor)
      return { tools: page, ...rest }
    },
    "tools/call": (call) => {
      const name = String(call.params.name)
      const args = call.params.arguments
      if (many.some((tool) => tool.name === name)) return text(name)
      const tool = current()[name]
      if (tool === undefined) return refuse(`Tool ${name} not found`)
      return tool[1](members(args), call)
    },
    ...resourceHandlers(options.error, subscribed),
    ...promptHandlers(options.error),
  }
}
