/** Who has the page of the servers open (`@opencode-ai/mcp-inbox`), without a browser: reads what is pushed, and asks. */
import type { Answer, Asks, Push } from "@opencode-ai/mcp-inbox/model"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

type Of<Type extends Push["type"]> = Extract<Push, { readonly type: Type }>

export interface Page {
  readonly origin: string
  readonly secret: string
  /** Everything that was pushed so far, oldest first. */
  readonly pushes: ReadonlyArray<Push>
  /** The newest push of a kind that fits, or the first that comes. */
  readonly until: <Type extends Push["type"]>(type: Type, fits?: (push: Of<Type>) => boolean) => Effect.Effect<Of<Type>>
  /** Completes when the server ends the stream. */
  readonly ended: Effect.Effect<void>
  readonly ask: <Op extends keyof Asks>(op: Op, params: Asks[Op]["params"]) => Effect.Effect<Answer<Op>>
}

const isOf = <Type extends Push["type"]>(push: Push, type: Type): push is Of<Type> => push.type === type

/** Opens the page at its address, which holds the secret; it is closed with the Scope. */
export const openPage = (url: string): Effect.Effect<Page, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { origin, searchParams } = new URL(url)
    const secret = searchParams.get("secret") ?? ""
    const authorization = `Bearer ${secret}`
    const pushes: Array<Push> = []
    const waiting = new Set<() => void>()
    let isOver = false
    const looked = () => [...waiting].forEach((look) => look())
    const stop = new AbortController()
    yield* Effect.addFinalizer(() => Effect.sync(() => stop.abort()))
    const response = yield* Effect.promise(() =>
      fetch(`${origin}/events`, { headers: { authorization }, signal: stop.signal }),
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
      origin,
      secret,
      pushes,
      until: (type, fits = () => true) =>
        wait(() => pushes.findLast((push): push is Of<typeof type> => isOf(push, type) && fits(push))),
      ended: Effect.asVoid(wait(() => (isOver ? true : undefined))),
      ask: <Op extends keyof Asks>(op: Op, params: Asks[Op]["params"]) =>
        Effect.promise(async (signal): Promise<Answer<Op>> => {
          const answered = await fetch(`${origin}/ask`, {
            method: "POST",
            headers: { authorization, "content-type": "application/json" },
            body: JSON.stringify({ op, ...params }),
            signal,
          })
          return Object(await answered.json())
        }),
    }
  })
