/** `add`: writes a server's entry into a configuration file, from flags or from answers. */
import * as Entry from "@opencode-ai/mcp/config"
import { describe, describeUnknown } from "@opencode-ai/mcp/config/problem"
import { at, section } from "@opencode-ai/mcp/config/shape"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import { worktreeOf } from "../../config/discover.ts"
import * as Edit from "../../config/edit.ts"
import { Trust } from "../../trust/trust.ts"
import { argument } from "../../trust/question.ts"
import { configured, type Options } from "../configuration.ts"
import { badRequest, type CliFailure, Exit } from "../failure.ts"
import { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import * as Text from "../text.ts"

export interface AddOptions extends Options {
  readonly name: string | undefined
  readonly url: string | undefined
  /** `KEY=VALUE` each. */
  readonly env: ReadonlyArray<string>
  readonly header: ReadonlyArray<string>
  readonly command: ReadonlyArray<string>
  /** Into the configuration of all projects. */
  readonly global: boolean
}

/** What is to be written. */
export interface Wanted {
  readonly name: string
  readonly entry: Readonly<Record<string, unknown>>
}

const pairs = (flag: string, values: ReadonlyArray<string>) =>
  Effect.forEach(values, (value) => {
    const index = value.indexOf("=")
    return index < 1
      ? Effect.fail(badRequest(`${flag} ${JSON.stringify(value)}: expected KEY=VALUE`))
      : Effect.succeed([value.slice(0, index), value.slice(index + 1)] as const)
  }).pipe(Effect.map((each) => (each.length === 0 ? undefined : Object.fromEntries(each))))

/** The entry that the flags describe; nothing where they describe none, and the person is to be asked. */
const fromFlags = ({ command, env, header, name, url }: AddOptions) =>
  Effect.gen(function* () {
    const isBare = url === undefined && command.length === 0
    if (isBare && env.length === 0 && header.length === 0) return undefined
    if (name === undefined || name === "") return yield* badRequest("a server needs a name: mcp add <name> …")
    if (isBare || (url !== undefined && command.length > 0)) {
      return yield* badRequest("expected either --url URL or a command after --")
    }
    if (url !== undefined && env.length > 0) return yield* badRequest("--env is for servers with a command")
    if (url === undefined && header.length > 0) return yield* badRequest("--header is for servers with --url")
    const environment = yield* pairs("--env", env)
    const headers = yield* pairs("--header", header)
    const entry =
      url === undefined
        ? { type: "local", command, ...(environment === undefined ? {} : { environment }) }
        : { type: "remote", url, ...(headers === undefined ? {} : { headers }) }
    return { name, entry } satisfies Wanted
  })

/** Checks an entry as the configuration does when it is read. */
const check = ({ entry, name }: Wanted) =>
  Effect.gen(function* () {
    const output = yield* Output
    const decoded = Entry.decode(name, entry)
    for (const warning of decoded.warnings) yield* output.warn(describeUnknown(warning, [name]))
    if (decoded.config !== undefined) return
    const problems = decoded.problems.map((problem) => describe(problem, [name]))
    return yield* badRequest(problems.join("; "))
  })

/** Values that stand in the file for everybody to read, where a name could stand for them. */
const openSecrets = ({ entry }: Wanted): ReadonlyArray<string> =>
  ["headers", "environment"].flatMap((field) =>
    Object.entries(at(entry, [field]) ?? {}).flatMap(([name, value]) =>
      /auth|key|token|secret|password|cookie/i.test(name) && !/\{(?:env|file):/.test(String(value)) ? [name] : [],
    ),
  )

/** Such a URL is in logs and errors before long, so the client connects to none. */
const holdsCredentials = ({ entry: { url } }: Wanted): boolean => {
  const { password = "", username = "" } =
    (typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined) ?? {}
  return username !== "" || password !== ""
}

const whereTo = ({ config, global }: AddOptions) =>
  Effect.gen(function* () {
    const paths = yield* Path.Path
    const directory = paths.resolve(".")
    if (config !== undefined) return { file: paths.resolve(directory, config), project: false }
    const worktree = yield* worktreeOf(directory)
    const place = { directory, worktree: worktree ?? directory, git: worktree !== undefined }
    const project = global ? undefined : yield* Edit.projectFile(place)
    return project === undefined ? { file: yield* Edit.globalFile, project: false } : { file: project, project: true }
  })

export const add = (options: AddOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const { file, project } = yield* whereTo(options)
    // First of all: what cannot be changed is not asked about.
    const document = yield* Edit.open(file)
    const taken = (name: string) =>
      section(at(document.value, ["mcp"]) ?? {}).servers.some((server) => server.name === name)
    const free = (name: string) =>
      taken(name)
        ? Effect.fail(
            badRequest(`${file} has a server ${JSON.stringify(name)} already; see mcp remove ${argument(name)}`),
          )
        : Effect.void
    if (options.name !== undefined) yield* free(options.name)
    const wanted = (yield* fromFlags(options)) ?? (yield* asked(options.name, file, free))
    const { entry, name } = wanted
    yield* check(wanted)
    yield* Edit.write(document, name, entry)
    if (project) yield* approve(options, name)
    for (const secret of openSecrets(wanted)) {
      yield* output.warn(
        `the value of ${Text.oneLine(secret)} stands in ${file}; {env:NAME} in its place takes it from the environment`,
      )
    }
    if (holdsCredentials(wanted)) {
      yield* output.warn(
        `the URL of ${Text.oneLine(name)} holds a user name or a password, and is not used so: put them into "headers", as "authorization"`,
      )
    }
    if (output.json()) yield* output.printJson({ server: name, file })
    else yield* output.print(`${Text.oneLine(name)} is in ${file} now. See what it offers: mcp tools ${argument(name)}`)
    return Exit.done
  })

const asked = (name: string | undefined, file: string, free: (name: string) => Effect.Effect<void, CliFailure>) =>
  Effect.gen(function* () {
    const output = yield* Output
    if (!output.interactive()) {
      return yield* badRequest("expected mcp add <name> --url URL, or mcp add <name> -- command …")
    }
    yield* output.say(`It will be written into ${file}.`)
    const { askServer } = yield* Effect.promise(() => import("../ask-server.ts"))
    return yield* askServer(name, free)
  })

/** Whoever types an entry has approved it. */
const approve = (options: Options, name: string) =>
  Effect.gen(function* () {
    const snapshot = yield* configured
    const server = snapshot.servers.find((each) => each.name === name)
    if (server?.project !== true) return
    // Where it was typed, and where the project is mostly used.
    const directories = new Set([snapshot.directory, snapshot.worktree])
    for (const directory of directories) yield* (yield* Trust).approve(server, directory)
  }).pipe(Effect.provide(Runtime.configuration(options)))
