/** What concerns every server: the configuration that was read, where things are kept, the runtime, proxies. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { Snapshot } from "../../config/config.ts"
import * as Directories from "../../config/directories.ts"
import * as State from "../../trust/state.ts"
import { version } from "../version.ts"
import { type Check, failed, ok, skipped, warning } from "./check.ts"
import * as Remote from "./remote.ts"

const runtime = (): Check => {
  const { bun, node } = process.versions
  const what = bun === undefined ? `Node.js ${node}` : `Bun ${bun}`
  return ok("program", `opencode ${version} on ${what}, ${process.platform} ${process.arch}`)
}

const configuration = ({ files, warnings }: Snapshot): ReadonlyArray<Check> => [
  files.length === 0
    ? warning("configuration", "no file was found", "Add a server: mcp add")
    : ok("configuration", `${files.join(", ")}${files.length > 1 ? " (the later over the earlier)" : ""}`),
  ...warnings.map((each) => warning("configuration", each, "Correct its name, or take it out.")),
]

/** Whether something can be kept in a directory; where there is none yet, in the nearest that there is. */
const writable = (check: string, directory: string, what: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    let place = directory
    while (!(yield* Effect.orElseSucceed(fs.exists(place), () => false)) && paths.dirname(place) !== place) {
      place = paths.dirname(place)
    }
    const info = yield* Effect.option(fs.stat(place))
    const isDirectory = info._tag === "Some" && info.value.type === "Directory"
    const may = isDirectory && (yield* Effect.isSuccess(fs.access(place, { writable: true })))
    return may
      ? ok(check, directory)
      : failed(
          check,
          `${place} ${isDirectory ? "cannot be written" : "is no directory"}`,
          `Without it ${what} cannot be kept: correct its owner or its mode.`,
        )
  })

const proxies = (): Check => {
  const named = Remote.proxies().map(([name, url]) => `${name}=${url}`)
  const not = process.env["no_proxy"] ?? process.env["NO_PROXY"]
  if (named.length === 0) return skipped("proxies", "the environment names none")
  return ok("proxies", `${named.join(", ")}${not === undefined ? "" : `, except for ${not}`}`)
}

export const checks = (snapshot: Snapshot) =>
  Effect.gen(function* () {
    return [
      runtime(),
      ...configuration(snapshot),
      yield* writable("data", yield* Directories.directory("DATA"), "sign-ins"),
      yield* writable("state", yield* State.directory, "approvals"),
      proxies(),
    ]
  })
