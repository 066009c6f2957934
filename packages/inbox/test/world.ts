/** The page's server on a real socket, over real servers, and what a page does: asks, and reads what is pushed. */
import { Mcp } from "@opencode-ai/mcp/mcp"
import { Questions } from "@opencode-ai/mcp/capability/questions"
import { Pins } from "@opencode-ai/mcp/catalog/pins"
import { Sampling, type SamplingRequest } from "@opencode-ai/mcp/capability/sampling"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Host } from "../src/host.ts"
import { listen } from "../src/inbox.ts"
import type { Answer, Asks, Push } from "../src/model.ts"
import * as Underway from "../src/underway.ts"

/** The page itself is not what is tested here. */
export const html = `<!doctype html><title>page</title><style>body{margin:0}</style><script>"page"</script>`

export const password = "hunter2-hunter2"

type Of<Type extends Push["type"]> = Extract<Push, { readonly type: Type }>

export interface Page {
  readonly pushes: ReadonlyArray<Push>
  /** What tells of a state is waited for until the newest fits; of all else, the first that fits, past or to come. */
  readonly until: <Type extends Push["type"]>(type: Type, fits?: (push: Of<Type>) => boolean) => Effect.Effect<Of<Type>>
  /** Completes when the server ends the stream. */
  readonly ended: Effect.Effect<void>
}

const isOf = <Type extends Push["type"]>(push: Push, type: Type): push is Of<Type> => push.type === type

const isState: ReadonlySet<Push["type"]> = new Set(["servers", "questions", "visits", "calls", "tasks", "held"])

/** Reads the events of a page as long as the Scope. */
export const openPage = (base: string, secret: string): Effect.Effect<Page, never, Scope.Scope> =>
  Effect.gen(function* () {
    const pushes: Array<Push> = []
    const waiting = new Set<() => void>()
    let isOver = false
    const looked = () => [...waiting].forEach((look) => look())
    const stop = new AbortController()
    const response = yield* Effect.promise(() =>
      fetch(`${base}events`, { headers: { authorization: `Bearer ${secret}` }, signal: stop.signal }),
    )
    const read = async () => {
      let text = ""
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true })
        const messages = text.split("\n\n")
        text = messages.pop() ?? ""
        for (const message of messages) if (message.startsWith("data: ")) pushes.push(JSON.parse(message.slice(6)))
        looked()
      }
    }
    void read()
      .catch(() => undefined)
      .then(() => {
        isOver = true
        looked()
      })
    yield* Effect.addFinalizer(() => Effect.sync(() => stop.abort()))
    const wait = <A>(look: () => A | undefined) =>
      Effect.callback<A>((resume) => {
        const again = () => {
          const found = look()
          if (found === undefined) return
          waiting.delete(again)
          resume(Effect.succeed(found))
        }
        waiting.add(again)
        again()
        return Effect.sync(() => waiting.delete(again))
      })
    return {
      pushes,
      until: (type, fits = () => true) =>
        wait(() => {
          const all = pushes.filter((push): push is Of<typeof type> => isOf(push, type))
          return isState.has(type) ? all.slice(-1).find(fits) : all.find(fits)
        }),
      ended: Effect.asVoid(wait(() => (isOver ? true : undefined))),
    }
  })

export interface Options {
  /** Default: a page of nothing. */
  readonly html?: string
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
  const inbox = yield* Effect.provideService(listen(host, { html: options.html ?? html }), Underway.Underway, underway)
  yield* Effect.forEach(Object.entries(entries), ([name, entry]) => mcp.add(config(name, entry)), { discard: true })
  const { origin, searchParams } = new URL(inbox.url)
  const base = `${origin}/`
  const secret = searchParams.get("secret") ?? ""

  const ask = <Op extends keyof Asks>(op: Op, params: Asks[Op]["params"]) =>
    Effect.promise(async (signal): Promise<Answer<Op>> => {
      const response = await fetch(`${base}ask`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        body: JSON.stringify({ op, ...params }),
        signal,
      })
      return Object(await response.json())
    })

  return {
    inbox,
    mcp,
    underway,
    base,
    secret,
    ask,
    open: openPage(base, secret),
    recordings: Context.get(context, Recordings),
  }
})
