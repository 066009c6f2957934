/** The page of a shell: served once it is asked for, as long as the shell. */
import type { Questions } from "@opencode-ai/mcp/capability/questions"
import type { Inbox, InboxError } from "@opencode-ai/mcp-inbox/inbox"
import type { PageError } from "@opencode-ai/mcp-inbox/page"
import type { Underway } from "@opencode-ai/mcp-inbox/underway"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Instance from "../../mcp/instance.ts"
import type { Output } from "../output.ts"

/** What is served with it. */
interface Shown {
  readonly mask: (text: string) => string
  readonly own: Instance.Own
}

export interface Page {
  /** Whether whoever looks at it may answer questions. */
  readonly isServed: () => boolean
  /** Serves it, or gives the one that is served. */
  readonly serve: (
    shown: Shown,
  ) => Effect.Effect<Inbox, InboxError | PageError, Instance.Needs | Questions | Underway | Output | Scope.Scope>
}

/** No page is served yet. `announces`: what waits on it is said on standard error. */
export const make = (options: { readonly interactionTimeout: number; readonly announces: () => boolean }): Page => {
  const one = Semaphore.makeUnsafe(1)
  let served: Inbox | undefined
  return {
    isServed: () => served !== undefined,
    serve: ({ mask, own }) =>
      one.withPermit(
        Effect.gen(function* () {
          if (served !== undefined) return served
          const { announce, serve } = yield* Effect.promise(() => import("../page.ts"))
          const inbox = yield* serve({ mask, own, interactionTimeout: options.interactionTimeout })
          if (options.announces()) yield* announce(inbox)
          return (served = inbox)
        }),
      ),
  }
}
