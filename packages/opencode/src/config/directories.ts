/** Where OpenCode keeps what is the user's. */
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import { homedir } from "node:os"
import { environment } from "./substitute.ts"

/** Below the home directory, where no variable names another place (XDG Base Directory Specification). */
const bases = {
  CONFIG: [".config"],
  DATA: [".local", "share"],
  STATE: [".local", "state"],
  CACHE: [".cache"],
} as const

/** OpenCode's directory of a kind: `$XDG_<kind>_HOME/opencode`, which has to be absolute to count. It may not exist. */
export const directory = (kind: keyof typeof bases) =>
  Effect.gen(function* () {
    const paths = yield* Path.Path
    const configured = yield* environment(`XDG_${kind}_HOME`)
    const home = (yield* environment("HOME")) ?? homedir()
    const base =
      configured !== undefined && paths.isAbsolute(configured) ? configured : paths.join(home, ...bases[kind])
    return paths.join(base, "opencode")
  })
