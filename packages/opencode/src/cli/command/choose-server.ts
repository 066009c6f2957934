/** One of several servers: the person's choice on a terminal; elsewhere the name has to be typed. */
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import { badRequest } from "../failure.ts"
import { Output } from "../output.ts"
import * as Text from "../text.ts"

/** `command` is what is to be typed with a name. */
export const chooseServer = (message: string, names: ReadonlyArray<string>, command: string) =>
  Effect.gen(function* () {
    if (!(yield* Output).interactive()) {
      const all = names.map((name) => JSON.stringify(name)).join(", ")
      return yield* badRequest(`which server? There is ${all}; type mcp ${command} <server>`)
    }
    const { ask } = yield* Effect.promise(() => import("../ask.ts"))
    const choices = names.map((name) => ({ title: Text.oneLine(name), value: name }))
    return yield* ask(Prompt.Select<string>({ message, choices }))
  })
