/** A session asks whether a call may be made: the person at the terminal sees all that it would do, and answers. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Bus from "../../bus/index.ts"
import * as Permission from "../../permission/index.ts"
import * as Question from "../../permission/question.ts"
import { ask, interject } from "../ask.ts"
import { Output } from "../output.ts"
import * as Text from "../text.ts"

const choices: ReadonlyArray<Prompt.SelectChoice<Permission.Reply | "feedback">> = [
  { value: "once", title: "Yes", description: "this time" },
  { value: "always", title: "Always", description: "until this ends" },
  { value: "feedback", title: "No, do something else", description: "and say what" },
  { value: "reject", title: "No", description: "and end the answer; Ctrl-C does this too" },
]

/** A line in as many as the terminal needs, all set in as it is: what a server says stays behind its bar. */
const fitted = (line: string, columns: number): ReadonlyArray<string> => {
  const indent = /^ *(?:\| *)?/.exec(line)?.[0] ?? ""
  const room = columns - indent.length
  return Text.wrap(line.slice(indent.length), room)
    .flatMap((part) => Text.pieces(part, room))
    .map((part) => `${indent}${part}`)
}

/** `answered` is called once the person has: from then on nobody withdraws it. */
const one = (request: Permission.Request, told: Effect.Effect<void, never, Output>, answered: () => void) =>
  Effect.gen(function* () {
    const output = yield* Output
    const permission = yield* Permission.Service
    const requestID = request.id
    // The floor comes late to those in line: another answer may have settled it.
    const isOpen = (yield* permission.list()).some(({ id }) => id === requestID)
    if (!isOpen) return
    yield* told
    const lines = Question.lines(request).flatMap((line) => fitted(line, output.err.columns()))
    yield* output.say(`\n${lines.join("\n")}\n`)
    const reply = yield* interject(Prompt.Select({ message: "Allow it?", choices }))
    if (reply !== "feedback") {
      answered()
      return yield* permission.reply({ requestID, reply })
    }
    const message = yield* ask(Prompt.String({ message: "What should be done instead?" }))
    answered()
    return yield* permission.reply({ requestID, reply: "reject", message })
  }).pipe(
    Effect.catchTag("CliFailure", () =>
      Effect.flatMap(Permission.Service, (permission) => {
        answered()
        return permission.reply({ requestID: request.id, reply: "reject" })
      }),
    ),
  )

/**
 * Asks the person each question of permission, one after another, once what was `told` before is on the screen; takes one
 * off it that is withdrawn.
 */
export const answer = Effect.fnUntraced(
  function* (told: Effect.Effect<void, never, Output>) {
    const bus = yield* Bus.Service
    const output = yield* Output
    const scope = yield* Effect.scope
    const open = new Map<string, Fiber.Fiber<unknown>>()
    const questions = Stream.runForEach(bus.subscribe(Permission.Asked), ({ properties: request }) =>
      Effect.map(
        Effect.forkIn(
          output.floor.take(one(request, told, () => open.delete(request.id))).pipe(
            Effect.ensuring(Effect.sync(() => open.delete(request.id))),
            Effect.onInterrupt(() => (output.heard() ? Effect.void : output.say("\n\nThe question is withdrawn."))),
          ),
          scope,
        ),
        (fiber) => void open.set(request.id, fiber),
      ),
    )
    const answers = Stream.runForEach(bus.subscribe(Permission.Replied), ({ properties: { requestID } }) => {
      const fiber = open.get(requestID)
      open.delete(requestID)
      return fiber === undefined ? Effect.void : Effect.forkIn(Fiber.interrupt(fiber), scope)
    })
    return yield* Effect.all([questions, answers], { concurrency: "unbounded", discard: true })
  },
  Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer)),
)
