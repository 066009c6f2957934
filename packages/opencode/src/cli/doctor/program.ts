/** The programs that local servers are started with: where one is found, what it is, and how it is installed. */
import { nearest } from "@opencode-ai/mcp/config/nearest"
import { programOf } from "@opencode-ai/mcp/process/program"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { execFile } from "node:child_process"

/** Where a server's program is looked for. */
export interface Place {
  /** Absolute: what a command with a slash is relative to. */
  readonly directory: string
  /** The server's own. */
  readonly environment: Readonly<Record<string, string>>
}

const node = "Install Node.js 18 or later (nodejs.org)"
const python = "Install Python 3 (python.org)"
const uv = "Install uv (docs.astral.sh/uv)"
const docker = "Install Docker (docs.docker.com)"

interface Known {
  readonly install: string
  /** What shows its version. Default: `--version`. */
  readonly version?: ReadonlyArray<string>
}

/** What is started most often. Anything else may take `--version` for something to do. */
const known: ReadonlyMap<string, Known> = new Map<string, Known>([
  ["node", { install: node }],
  ["npx", { install: node }],
  ["npm", { install: node }],
  ["pnpm", { install: "Install pnpm (pnpm.io)" }],
  ["yarn", { install: "Install Yarn (yarnpkg.com)" }],
  ["bun", { install: "Install Bun (bun.sh)" }],
  ["bunx", { install: "Install Bun (bun.sh)" }],
  ["deno", { install: "Install Deno (deno.com)" }],
  ["uv", { install: uv }],
  ["uvx", { install: uv }],
  ["pipx", { install: "Install pipx (pipx.pypa.io)" }],
  ["python", { install: python }],
  ["python3", { install: python }],
  // It asks the daemon: the program alone is of no use.
  ["docker", { install: docker, version: ["version", "--format", "{{.Server.Version}}"] }],
  ["podman", { install: "Install Podman (podman.io)" }],
  ["go", { install: "Install Go (go.dev)", version: ["version"] }],
  ["java", { install: "Install Java (adoptium.net)" }],
  ["dotnet", { install: "Install .NET (dot.net)" }],
  ["ruby", { install: "Install Ruby (ruby-lang.org)" }],
])

const nameOf = (program: string): string =>
  (/[^/\\]*$/.exec(program)?.[0] ?? "").replace(/\.(exe|cmd)$/i, "").toLowerCase()

/** How a program is installed, where it is one that many servers need. */
export const installing = (program: string): string | undefined => known.get(nameOf(program))?.install

const isWindows = process.platform === "win32"

const variable = (environment: Readonly<Record<string, string>>, name: string): string =>
  Object.entries(environment).find(([each]) => (isWindows ? each.toUpperCase() : each) === name)?.[1] ?? ""

const directoriesOf = ({ environment }: Place): ReadonlyArray<string> =>
  variable(environment, "PATH")
    .split(isWindows ? ";" : ":")
    .filter((each) => each !== "")

export type Found =
  | { readonly file: string }
  /** It is there, and is no program that can be started. */
  | { readonly unusable: string; readonly advice: string }
  | { readonly missing: true }

/** The file that a command names. */
export const locate = (program: string, place: Place) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const isPath = /[\\/]/.test(program)
    const directories = isPath ? [place.directory] : directoriesOf(place)
    const extensions = isWindows ? [...(variable(place.environment, "PATHEXT") || ".EXE;.CMD").split(";"), ""] : [""]
    let unusable: Found | undefined
    for (const directory of directories) {
      for (const extension of extensions) {
        const file = paths.resolve(place.directory, directory, program + extension.toLowerCase())
        const info = yield* Effect.option(fs.stat(file))
        if (info._tag === "None") continue
        if (info.value.type === "Directory") {
          if (isPath) unusable ??= { unusable: `${file} is a directory`, advice: `Correct "command" in its entry.` }
        } else if (!isWindows && (info.value.mode & 0o111) === 0) {
          unusable ??= { unusable: `${file} may not be executed`, advice: `Run: chmod +x ${file}` }
        } else return { file } satisfies Found
      }
    }
    const found: Found = unusable ?? { missing: true }
    return found
  })

/** Programs of a similar name that are there. */
export const similar = (program: string, place: Place) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const lists = yield* Effect.forEach(directoriesOf(place), (directory) =>
      Effect.orElseSucceed(fs.readDirectory(directory), (): ReadonlyArray<string> => []),
    )
    const all = new Set(lists.flat())
    const usual = [...known.keys()].filter((name) => all.has(name))
    const likely = nearest(program, usual)
    return likely.length > 0 ? likely : nearest(program, all)
  })

/** How long a program may take to say its version, in milliseconds. */
const patience = 5_000
const outputLimit = 64 * 1024

const run = (file: string, words: ReadonlyArray<string>, { directory, environment }: Place) =>
  Effect.callback<string, string>((resume) => {
    const program = programOf([file, ...words], { cwd: directory, environment })
    const child = execFile(
      program.file,
      [...program.args],
      {
        cwd: directory,
        env: environment,
        timeout: patience,
        killSignal: "SIGKILL",
        maxBuffer: outputLimit,
        windowsHide: true,
        windowsVerbatimArguments: program.verbatim,
      },
      (error, stdout, stderr) => {
        const said = (text: string) => text.trim().split("\n").at(-1)?.trim() ?? ""
        if (error === null) return resume(Effect.succeed(said(stdout) || said(stderr)))
        resume(
          Effect.fail(
            error.killed === true ? `it did not answer within ${patience / 1000} s` : said(stderr) || error.message,
          ),
        )
      },
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  }).pipe(Effect.catchDefect((defect) => Effect.fail(String(defect))))

/** The version of a program that is known to have one; `undefined` for others. Fails with what it says instead. */
export const version = (program: string, file: string, place: Place): Effect.Effect<string | undefined, string> => {
  const one = known.get(nameOf(program))
  return one === undefined ? Effect.succeed(undefined) : run(file, one.version ?? ["--version"], place)
}
