/** Opens a page in the person's browser: never through a shell, never by fetching it here. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"

const program = (): readonly [command: string, ...before: ReadonlyArray<string>] => {
  const chosen = process.env["BROWSER"]
  if (chosen !== undefined && chosen !== "") return [chosen]
  if (process.platform === "darwin") return ["open"]
  return process.platform === "win32" ? ["rundll32", "url.dll,FileProtocolHandler"] : ["xdg-open"]
}

/** How long an opener that fails takes to do so, in milliseconds; one that still runs then is a browser. */
const patience = 2_000

/** Opens `url`, an `http:` or `https:` one. Why it could not be opened, where it could not. */
export const open = (url: string): Effect.Effect<string | undefined> =>
  Effect.callback<string | undefined>((resume) => {
    const [command, ...before] = program()
    const child = spawn(command, [...before, url], { stdio: "ignore", detached: true, windowsHide: true })
    child.unref()
    child.once("error", (error) => resume(Effect.succeed(`${command}: ${error.message}`)))
    child.once("exit", (code) => resume(Effect.succeed(code === 0 ? undefined : `${command} ended with ${code}`)))
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed(undefined) }))
