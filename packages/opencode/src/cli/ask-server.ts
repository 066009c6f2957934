/** Asks for a server, question by question. */
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import { ask, confirm } from "./ask.ts"
import type { Wanted } from "./command/add.ts"
import type { CliFailure } from "./failure.ts"
import { split } from "./shell/words.ts"

const needed = (text: string) =>
  text.trim() === "" ? Effect.fail("Something is needed here") : Effect.succeed(text.trim())

const url = (text: string) =>
  /^https?:\/\//.test(text.trim()) && URL.canParse(text.trim())
    ? Effect.succeed(text.trim())
    : Effect.fail("Expected a URL that begins with https:// or http://")

const words = (text: string) =>
  Effect.flatMap(needed(text), (text) =>
    Effect.as(
      Effect.mapError(split(text), ({ message }) => message),
      text,
    ),
  )

/** The command as it is typed in a shell, without any of a shell's other powers. */
const local = Effect.gen(function* () {
  const typed = yield* ask(Prompt.String({ message: "Command and arguments", validate: words }))
  return { type: "local", command: yield* split(typed) }
})

const remote = Effect.gen(function* () {
  const at = yield* ask(Prompt.String({ message: "URL", validate: url }))
  const isRegistered = yield* confirm("Do you have a client ID for it? (Most servers need none)")
  if (!isRegistered) return { type: "remote", url: at }
  const clientId = yield* ask(Prompt.String({ message: "Client ID", validate: needed }))
  return { type: "remote", url: at, oauth: { clientId } }
})

/** The answers as an entry. `free` fails where there is a server of this name already. */
export const askServer = (known: string | undefined, free: (name: string) => Effect.Effect<unknown, CliFailure>) =>
  Effect.gen(function* () {
    const named = (text: string) =>
      Effect.tap(needed(text), (name) => Effect.mapError(free(name), ({ message }) => message))
    const name = known ?? (yield* ask(Prompt.String({ message: "Name", validate: named })))
    const kind = yield* ask(
      Prompt.Select({
        message: "What is it?",
        choices: [
          { title: "a command that runs on this machine", value: "local" as const },
          { title: "a URL", value: "remote" as const },
        ],
      }),
    )
    const entry: Wanted["entry"] = yield* kind === "local" ? local : remote
    return { name, entry } satisfies Wanted
  })
