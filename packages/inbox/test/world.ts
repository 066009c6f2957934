/** The page's server on a real socket, over real servers, and what a page does: asks, and reads what is pushed. */
import { Mcp } from "@opencode-ai/mcp/mcp"
import { Questions } from "@opencode-ai/mcp/capability/questions"
import { Pins } from "@opencode-ai/mcp/catalog/pins"
import { Sampling, type SamplingRequest } from "@opencode-ai/mcp/capability/sampling"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { asking, openPage } from "@opencode-ai/testing/page"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Host } from "../src/host.ts"
import { listen } from "../src/inbox.ts"
import * as Underway from "../src/underway.ts"

/** The page itself is not what is tested here. */
export const html = `<!doctype html><title>page</title><style>body{margin:0}</style><script>"page"</script>`

export const password = "hunter2-hunter2"

export interface Options {
  /** Default: a page of nothing. */
  readonly html?: string
  /** Default: any that is free. */
  readonly port?: number
  readonly interactionTimeout?: number
  readonly host?: (host: Host) => Partial<Host>
  readonly pins?: Pins
  /** The person answers for the model. */
  readonly noModel?: boolean
  /** What the model is asked. */
  readonly asked?: Array<SamplingRequest>
}

/** These servers, connected, and their page. */
export const world = Effect.fnUntraced(function* (entries: Readonly<Record<string, object>>, options: Options = {}) {
  const model = Layer.succeed(Sampling)({
    tools: true,
    context: false,
    createMessage: (request) =>
      Effect.sync(() => {
        options.asked?.push(request)
        const { content } = request.params.messages[0] ?? {}
        const said = JSON.stringify(content)
        return { role: "assistant", content: { type: "text", text: `you said ${said}` }, model: "parrot" } as const
      }),
  })
  const timeout = options.interactionTimeout ?? 60_000
  const layer = Underway.layer.pipe(
    Layer.provideMerge(testMcp({ interactionTimeout: timeout })),
    Layer.provideMerge(options.noModel === true ? Questions.handlers : Layer.merge(Questions.person, model)),
    Layer.provideMerge(Questions.layer({ timeout })),
    Layer.provide(Layer.succeed(Pins)(options.pins)),
  )
  const context = yield* Layer.build(layer)
  const mcp = Context.get(context, Mcp)
  const underway = Context.get(context, Underway.Underway)
  const standard: Host = {
    mcp,
    questions: Context.get(context, Questions),
    directory: "/project",
    version: "1.2.3",
    mask: (text) => text.replaceAll(password, "***"),
    interactionTimeout: timeout,
    describe: (server) => Effect.succeed({ how: `runs ${server} with ${password}` }),
    connect: (server) => Effect.asVoid(Effect.mapError(mcp.connect(server), ({ message }) => ({ tag: "X", message }))),
    disconnect: (server) =>
      Effect.asVoid(Effect.mapError(mcp.disconnect(server), ({ message }) => ({ tag: "X", message }))),
    trust: () => Effect.fail({ tag: "NotTrusted", message: "it is not to be trusted", hint: "leave it alone" }),
    model: () => Effect.succeed("provider/parrot"),
  }
  const host: Host = { ...standard, ...options.host?.(standard) }
  const inbox = yield* Effect.provideService(listen(host, { html, ...options }), Underway.Underway, underway)
  yield* Effect.forEach(Object.entries(entries), ([name, entry]) => mcp.add(config(name, entry)), { discard: true })
  const { origin, searchParams } = new URL(inbox.url)
  const base = `${origin}/`
  const secret = searchParams.get("secret") ?? ""

  return {
    inbox,
    mcp,
    underway,
    base,
    secret,
    ask: asking(inbox.url),
    open: openPage(inbox.url),
    recordings: Context.get(context, Recordings),
  }
})
