/** `remove`, `enable` and `disable`: change the entry of a server where it stands. */
import * as Effect from "effect/Effect"
import * as Edit from "../../config/edit.ts"
import type { Server } from "../../config/config.ts"
import { Trust } from "../../trust/trust.ts"
import { configured, find, type Options } from "../configuration.ts"
import { badRequest, Exit } from "../failure.ts"
import { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import * as Text from "../text.ts"

type ConfigureOptions = Options & { readonly server: string }

const variable = "OPENCODE_CONFIG_CONTENT"

/** The files that say something of a server, the last word first. */
const filesOf = ({ name, origins }: Server) => {
  const files = [...new Set(origins.map(({ file }) => file))].toReversed()
  return files.includes(variable)
    ? Effect.fail(badRequest(`${Text.oneLine(name)} stands in the environment variable ${variable}: change it there`))
    : Effect.succeed(files)
}

/** Takes a server out of every file that defines it, and takes back what was approved of it here. */
export const remove = (options: ConfigureOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const snapshot = yield* configured
    const server = yield* find(snapshot, options.server)
    // All are read before any is changed.
    const documents = yield* Effect.forEach(yield* filesOf(server), Edit.open)
    const files: Array<string> = []
    for (const document of documents) if (yield* Edit.remove(document, server.name)) files.push(document.file)
    yield* (yield* Trust).revoke(server.name, snapshot.directory)
    if (output.json()) yield* output.printJson({ server: server.name, files })
    else yield* output.print(`${Text.oneLine(server.name)} is no longer in ${files.join(", ")}.`)
    return Exit.done
  }).pipe(Effect.provide(Runtime.configuration(options)))

const switching = (enabled: boolean) => (options: ConfigureOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const snapshot = yield* configured
    const server = yield* find(snapshot, options.server)
    const name = Text.oneLine(server.name)
    const [file] = yield* filesOf(server)
    const word = enabled ? "on" : "off"
    const before = server.config?.enabled
    if (file !== undefined && before !== enabled) {
      yield* Edit.setEnabled(yield* Edit.open(file), server.name, enabled)
    }
    if (output.json()) yield* output.printJson({ server: server.name, enabled, file, changed: before !== enabled })
    else if (before === enabled) yield* output.print(`${name} is switched ${word} already.`)
    else yield* output.print(`${name} is switched ${word} in ${file}.`)
    return Exit.done
  }).pipe(Effect.provide(Runtime.configuration(options)))

export const enable = switching(true)
export const disable = switching(false)
