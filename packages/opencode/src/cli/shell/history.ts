/**
 * The lines that a person typed, kept for the next shell: `$XDG_STATE_HOME/opencode/mcp-history`, mode 0600.
 *
 * What begins with a space is not kept, nor what may hold a secret: a line in which something would be masked, or that gives
 * a value to a name such as `token`, and entries of servers. Where nothing can be kept the shell goes on without it.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { secretName } from "../../config/secrets.ts"
import * as State from "../../trust/state.ts"
import * as Text from "../text.ts"

/** How many lines are kept, and how long one may be, in characters. */
export const size = 1_000
const longest = 2_000
/** A file with this many lines is written anew, with the last ones alone. */
const most = 2 * size

export interface History {
  /** The newest first. */
  readonly lines: ReadonlyArray<string>
  readonly keep: (line: string) => void
}

/** A name and its value: in a pair, or in JSON. */
const assignments = /["']?([A-Za-z][\w-]*)["']?\s*[=:]/g

/** A word is cut where its case changes: `apiKey` is `api_key`. */
const words = (name: string) => name.replace(/([a-z])([A-Z])/g, "$1_$2").replaceAll("-", "_")

/** Whether a line may be kept. `mask` hides what is known to be secret. */
export const mayBeKept = (line: string, mask: (text: string) => string): boolean => {
  if (line === "" || /^\s/.test(line) || line.length > longest || !Text.isPlain(line) || mask(line) !== line)
    return false
  // Entries of servers may hold anything; and nobody looks for how they left.
  if (/^(?:add|exit|quit)\b/.test(line)) return false
  return ![...line.matchAll(assignments)].some(([, name = ""]) => secretName.test(words(name)))
}

/** What was typed before; nothing where that cannot be read. */
export const load = (mask: (text: string) => string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const file = paths.join(yield* State.directory, "mcp-history")
    const text = yield* Effect.orElseSucceed(fs.readFileString(file), () => "")
    const all = text.split("\n").filter((line) => mayBeKept(line, mask))
    const kept = all.slice(-size)
    yield* Effect.ignore(
      text.split("\n").length > most
        ? State.write(fs, paths, file, kept.map((line) => `${line}\n`).join(""))
        : Effect.andThen(
            fs.makeDirectory(paths.dirname(file), { recursive: true, mode: 0o700 }),
            fs.chmod(file, 0o600),
          ),
    )
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    let last = kept.at(-1)
    const history: History = {
      lines: kept.toReversed(),
      keep: (line) => {
        if (line === last || !mayBeKept(line, mask)) return
        last = line
        fork(Effect.ignore(fs.writeFileString(file, `${line}\n`, { flag: "a", mode: 0o600 })))
      },
    }
    return history
  })
