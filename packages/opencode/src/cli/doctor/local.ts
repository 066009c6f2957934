/** What a local server needs on this machine: its program, its directory, its arguments. */
import type { LocalServer } from "@opencode-ai/mcp/config"
import { environment } from "@opencode-ai/mcp/process/environment"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { type Check, failed, ok, skipped, warning } from "./check.ts"
import * as Program from "./program.ts"

const correctCommand = `correct "command" in its entry`

/** Servers of older versions of Node begin with this one. */
const oldestNode = 18

const directoryCheck = (config: LocalServer, directory: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const info = yield* Effect.option(fs.stat(directory))
    if (info._tag === "Some" && info.value.type === "Directory") return ok("directory", directory)
    const found = `${directory} ${info._tag === "None" ? "does not exist" : "is no directory"}`
    const advice =
      config.cwd === undefined ? "Start in another directory." : `Create it, or correct "cwd" in its entry.`
    return failed("directory", found, advice)
  })

const missing = (config: LocalServer, place: Program.Place) =>
  Effect.gen(function* () {
    const [program, ...rest] = config.command
    const words = program.trim().split(/\s+/)
    if (words.length > 1 && rest.length === 0) {
      const advice = `No shell reads it: write each word for itself, "command": ${JSON.stringify(words)}.`
      return failed("command", `no program is called ${JSON.stringify(program)}`, advice)
    }
    if (/[\\/]/.test(program)) {
      const advice = /^~|\$/.test(program)
        ? `No shell reads it: write the whole path, or {env:HOME} in it.`
        : `Create it, or ${correctCommand}. It is relative to ${place.directory}.`
      return failed("command", `there is no ${program}`, advice)
    }
    const elsewhere = yield* Program.locate(program, { ...place, environment: environment(true, []) })
    if ("file" in elsewhere) {
      const advice = `Correct PATH in "environment" of its entry, or write ${JSON.stringify(elsewhere.file)} in "command".`
      return failed("command", `the PATH of its entry has no ${program}; this machine's has`, advice)
    }
    const near = yield* Program.similar(program, place)
    const install = Program.installing(program)
    const meant = near.length === 0 ? "" : ` Did you mean ${near.map((each) => JSON.stringify(each)).join(" or ")}?`
    const advice = install === undefined ? `Install it, or ${correctCommand}.${meant}` : `${install}.${meant}`
    return failed("command", `no program ${JSON.stringify(program)} is on PATH`, advice)
  })

const versionCheck = (program: string, file: string, place: Program.Place) =>
  Program.version(program, file, place).pipe(
    Effect.map((version) => {
      if (version === undefined) return skipped("version", "not asked for: this program may have none")
      const major = Number(/^v(\d+)\./.exec(version)?.[1])
      return major < oldestNode
        ? warning("version", version, `Most servers need Node.js ${oldestNode} or later: update it.`)
        : ok("version", version)
    }),
    Effect.catch((said) => {
      const advice = /docker/i.test(program)
        ? "Docker is installed, and does not answer: start it."
        : `${Program.installing(program) ?? "Install it"} anew: it does not run by itself.`
      return Effect.succeed(warning("version", `it does not tell its version: ${said}`, advice))
    }),
  )

/** Arguments that a shell would have changed, or that name what is not there. */
const argumentsCheck = ([, ...words]: LocalServer["command"]) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const shell = words.find((word) => /^~\/|^\$\{?[A-Z_]+\}?(\/|$)/.test(word))
    if (shell !== undefined) {
      const found = `${JSON.stringify(shell)} reaches the server as it is: no shell reads it`
      return [warning("arguments", found, "Write the whole path, or {env:HOME} in place of ~.")]
    }
    const lost: Array<string> = []
    for (const word of words) {
      if (paths.isAbsolute(word) && !(yield* Effect.orElseSucceed(fs.exists(word), () => true))) lost.push(word)
    }
    if (lost.length === 0) return []
    return [
      warning("arguments", `${lost.join(", ")}: not there`, `If that is to be a path, create it or ${correctCommand}.`),
    ]
  })

/** In order. Nothing but the version of a program that is well known is run. */
export const checks = (config: LocalServer, projectDirectory: string) =>
  Effect.gen(function* () {
    const paths = yield* Path.Path
    const directory = paths.resolve(projectDirectory, config.cwd ?? ".")
    const place = { directory, environment: environment(config.inheritEnvironment, config.environment) }
    const [program] = config.command
    const there = yield* directoryCheck(config, directory)
    const found = yield* Program.locate(program, place)
    const all: Array<Check> = []
    if ("file" in found) {
      all.push(ok("command", found.file))
      if (there.result === "ok") all.push(yield* versionCheck(program, found.file, place))
    } else if ("unusable" in found) all.push(failed("command", found.unusable, found.advice))
    else all.push(yield* missing(config, place))
    return [...all, there, ...(yield* argumentsCheck(config.command))]
  })
