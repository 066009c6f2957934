/** Who has the page of the servers open (`@opencode-ai/mcp-inbox`), without a browser: reads what is pushed, and asks. */
import type { Answer, Asks, Push } from "@opencode-ai/mcp-inbox/model"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

type Of<Type extends Push["type"]> = Extract<Push, { readonly type: Type }>

export interface Page {
  /** Everything that was pushed so far, oldest first. */
  readonly pushes: ReadonlyArray<Push>
  /** What tells of a state is waited for until the newest fits; of all else, the first that fits, past or to come. */
  readonly until: <Type extends Push["type"]>(type: Type, fits?: (push: Of<Type>) => boolean) => Effect.Effect<Of<Type>>
  /** Completes when the server ends the stream. */
  readonly ended: Effect.Effect<void>
  readonly ask: <Op extends keyof Asks>(op: Op, params: Asks[Op]["params"]) => Effect.Effect<Answer<Op>>
}

const isOf = <Type extends Push["type"]>(push: Push, type: Type): push is Of<Type> => push.type === type

const isState: ReadonlySet<Push["type"]> = new Set(["servers", "questions", "visits", "calls", "tasks", "held"])

const secretOf = (url: string) => new URL(url).searchParams.get("secret") ?? ""

/** Asks the page's server, by the page's address. */
export const asking =
  (url: string) =>
  <Op extends keyof Asks>(op: Op, params: Asks[Op]["params"]): Effect.Effect<Answer<Op>> =>
    Effect.promise(async (signal) => {
      const answered = await fetch(`${new URL(url).origin}/ask`, {
        method: "POST",
        headers: { authorization: `Bearer ${secretOf(url)}`, "content-type": "application/json" },
        body: JSON.stringify({ op, ...params }),
        signal,
      })
      return Object(await answered.json())
    })

/** Opens the page at its address, which holds the secret; it is closed with the Scope. */
export const openPage = (url: string): Effect.Effect<Page, never, Scope.Scope> =>
  Effect.gen(function* () {
    const pushes: Array<Push> = []
    const waiting = new Set<() => void>()
    let isOver = false
    const looked = () => [...waiting].forEach((look) => look())
    const signal = yield* Effect.abortSignal
    const response = yield* Effect.promise(() =>
      fetch(`${new URL(url).origin}/events`, {
        headers: { authorization: `Bearer ${secretOf(url)}` },
        signal,
      }),
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
      pushes,
      until: (type, fits = () => true) =>
        wait(() => {
          const all = pushes.filter((push): push is Of<typeof type> => isOf(push, type))
          return (isState.has(type) ? all.slice(-1) : all).find(fits)
        }),
      ended: Effect.asVoid(wait(() => (isOver ? true : undefined))),
      ask: asking(url),
    }
  })
