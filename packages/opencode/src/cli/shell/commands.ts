/**
 * The commands of one pipe: each line answered once, as it finishes, beside all others.
 *
 * An id is any JSON value, compared as JSON; it may be missing, which is `null`, and it may be used again while it is in
 * flight: `cancel` then ends every command of that id. Who wrote a line is not looked at, nor where the reply goes.
 */
import { Questions } from "@opencode-ai/mcp/capability/questions"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import { nearest } from "@opencode-ai/mcp/config/nearest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { badRequest, type CliFailure, type Failure, fromCause } from "../failure.ts"
import { parseJson } from "../json.ts"
import type * as Fields from "./fields.ts"
import type { Line } from "./lines.ts"
import { type Needs, type Operation, operations } from "./operations.ts"
import type { State } from "./state.ts"

/** How a command ended: the result, and whether it is a server's own words. */
export type Answer =
  | { readonly ok: true; readonly result: unknown; readonly exact: boolean }
  | { readonly ok: false; readonly error: Failure }

export interface CommandsOptions {
  readonly state: State
  readonly reply: (id: unknown, answer: Answer) => void
  /** `exit` was asked for. It is not answered here, because everything has to be closed first. */
  readonly exit: (id: unknown) => void
}

export interface Commands {
  /** Begins what a line asks for; its reply comes when it comes. */
  readonly line: (line: Line) => void
  /** Waits for every command in flight. */
  readonly finished: Effect.Effect<void>
  /** Cancels every command in flight, and waits until each has answered. */
  readonly cancelAll: Effect.Effect<void>
}

/** The same text for ids that are the same JSON value, whatever the order of their members. */
const keyOf = (id: unknown): string =>
  JSON.stringify(id, (_, value: unknown) =>
    isObject(value)
      ? Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
      : Array.isArray(value)
        ? ["array", ...value]
        : value,
  )

const own = (given: Fields.Given, key: string): unknown => (Object.hasOwn(given, key) ? given[key] : undefined)

const special = ["cancel", "exit"]

const unknownOperation = (op: string) => {
  const near = nearest(op, [...operations.keys(), ...special]).map((name) => JSON.stringify(name))
  const meant =
    near.length > 0 ? `did you mean ${near.join(" or ")}?` : `there is ${[...operations.keys(), ...special].join(", ")}`
  return badRequest(`unknown operation ${JSON.stringify(op)}; ${meant}`)
}

// What recurses over a value ends in the runtime's RangeError at some depth.
const tooDeep = () => Effect.fail(badRequest("the line is nested too deep"))

const parse = (line: Line): Effect.Effect<Fields.Given, CliFailure> =>
  Effect.flatMap(
    line.text === undefined ? Effect.fail(badRequest(line.problem)) : parseJson(line.text, "the line"),
    (value) =>
      isObject(value)
        ? Effect.succeed(value)
        : Effect.fail(badRequest(`expected a JSON object, such as {"id": 1, "op": "status"}`)),
  )

/** The commands in flight end with the Scope. */
export const make = (options: CommandsOptions): Effect.Effect<Commands, never, Needs> =>
  Effect.gen(function* () {
    const fork = Effect.runForkWith(yield* Effect.context<Needs>())
    const questions = yield* Questions
    const inFlight = new Map<string, Set<Fiber.Fiber<unknown, unknown>>>()
    const all = () => [...inFlight.values()].flatMap((fibers) => [...fibers])

    const failed = (id: unknown, cause: Cause.Cause<unknown>) =>
      options.reply(id, { ok: false, error: fromCause(cause) })

    /** What was asked for a command that has ended has nobody left who waits for the answer. */
    const withdraw = (key: string) => {
      for (const { id, request } of questions.open()) {
        if (request.request === undefined || keyOf(request.request) !== key) continue
        fork(Effect.ignore(questions.refuse(id, "the call that it was for has ended")))
      }
    }

    const start = (id: unknown, given: Fields.Given, { exact, run }: Operation) => {
      const key = keyOf(id)
      const fiber = fork(run(given, { id, state: options.state }))
      const fibers = inFlight.get(key) ?? new Set()
      inFlight.set(key, fibers.add(fiber))
      fiber.addObserver((exit) => {
        fibers.delete(fiber)
        if (fibers.size === 0) {
          inFlight.delete(key)
          withdraw(key)
        }
        if (Exit.isSuccess(exit)) options.reply(id, { ok: true, result: exit.value, exact })
        else failed(id, exit.cause)
      })
    }

    const cancel = (target: unknown): boolean => {
      const fibers = inFlight.get(keyOf(target))
      for (const fiber of [...(fibers ?? [])]) fiber.interruptUnsafe()
      return fibers !== undefined
    }

    const begin = (given: Fields.Given): void => {
      const id = own(given, "id") ?? null
      const op = own(given, "op")
      const refuse = (error: unknown) => failed(id, Cause.fail(error))
      if (typeof op !== "string") return refuse(badRequest(`"op": expected the name of an operation, a string`))
      if (op === "exit") return options.exit(id)
      if (op === "cancel") {
        if (!Object.hasOwn(given, "target")) return refuse(badRequest(`cancel: target: expected the id of a command`))
        return options.reply(id, { ok: true, result: cancel(given["target"]), exact: false })
      }
      const operation = operations.get(op)
      if (operation === undefined) return refuse(unknownOperation(op))
      start(id, given, operation)
    }

    const cancelAll = Effect.suspend(() => Fiber.interruptAll(all()))
    yield* Effect.addFinalizer(() => cancelAll)

    return {
      line: (line) => {
        fork(
          parse(line).pipe(
            Effect.flatMap((given) => Effect.sync(() => begin(given))),
            Effect.catchDefect(tooDeep),
            // It has no id that can be told.
            Effect.catchCause((cause) => Effect.sync(() => failed(null, cause))),
          ),
        )
      },
      finished: Effect.suspend(() => Effect.asVoid(Fiber.awaitAll(all()))),
      cancelAll,
    }
  })
