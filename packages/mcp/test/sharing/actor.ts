/**
 * A program with one server, as a test drives it: each line is what it is to do, and it says what came of that, and every
 * event. Asked for a form, it fills in its name. `main.ts` makes a process of it.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Config, Elicitation, Level, Mcp } from "../../src/index.ts"

/** What it is to do. */
export interface Line {
  readonly id?: number
  readonly does?: string
  readonly argument?: unknown
  /** What it is to do no longer. */
  readonly cancel?: number
}

/** What it says: of what it did, or an event. */
export interface Said {
  readonly id?: number
  readonly result?: unknown
  readonly error?: string
  readonly event?: string
  readonly data?: { readonly [name: string]: unknown }
}

/** A call of a tool. */
export interface Call {
  readonly tool: string
  readonly arguments: { readonly [name: string]: unknown }
}

const isCall = (value: unknown): value is Call => typeof value === "object" && value !== null && "tool" in value

/** The program, for the Scope: gives what takes its lines. It says the status of its server under the id 0. */
export const act = (options: {
  readonly entry: unknown
  readonly directory: string
  readonly name: string
  readonly say: (said: Said) => void
}): Effect.Effect<(line: Line) => void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { directory, entry, name, say } = options
    const elicitation = Layer.succeed(Elicitation)({
      modes: ["form"],
      elicit: () => Effect.succeed({ action: "accept", content: { name } }),
    })
    const layer = Layer.provide(Mcp.layer({ directory }), elicitation)
    const mcp = Context.get(yield* Layer.buildWithScope(layer, yield* Effect.scope), Mcp)
    mcp.listen(({ data, type }) => say({ event: type, data: { ...data } }))
    const decoded = Config.decode("work", entry)
    if (decoded.config === undefined) return yield* Effect.die(new Error("no configuration"))
    const status = yield* mcp.add(decoded.config)
    const actions = (argument: unknown, request: number): Record<string, Effect.Effect<unknown, unknown>> => ({
      call: isCall(argument) ? mcp.callTool("work", argument.tool, argument.arguments, { request }) : Effect.void,
      read: mcp.readResource("work", String(argument)),
      subscribe: mcp.subscribe("work", String(argument)),
      unsubscribe: mcp.unsubscribe("work", String(argument)),
      setLevel: Level.isLevel(argument) ? mcp.setLevel("work", argument) : Effect.void,
      tools: Effect.map(mcp.tools("work"), (tools) => tools.length),
      servers: mcp.servers,
      tasks: mcp.tasks("work"),
      taskResult: mcp.taskResult("work", String(argument)),
      cancelTask: mcp.cancelTask("work", String(argument)),
      disconnect: mcp.disconnect("work"),
      connect: mcp.connect("work"),
    })
    const running = new Map<number, Fiber.Fiber<unknown, unknown>>()
    say({ id: 0, result: status })
    return ({ argument, cancel, does = "", id = 0 }) => {
      if (cancel !== undefined) return running.get(cancel)?.interruptUnsafe()
      const fiber = Effect.runFork(actions(argument, id)[does] ?? Effect.die(new Error(`what is ${does}?`)))
      running.set(id, fiber)
      fiber.addObserver((exit) => {
        running.delete(id)
        if (Exit.isSuccess(exit)) say({ id, result: exit.value ?? null })
        else say({ id, error: String(Cause.squash(exit.cause)) })
      })
    }
  })
