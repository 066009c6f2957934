/**
 * What a command is started as, so that its arguments arrive as they are written and no shell reads them.
 *
 * Elsewhere that is the command itself. On Windows many programs are shims: batch files that call Node with a script. A shim is
 * read, and what it would call is called instead. Of other batch files `cmd.exe` is the interpreter, and gets a line in which
 * nothing has a meaning but the words themselves; an argument that no such line can hold is refused. Nothing is looked for in
 * the working directory, which may be anybody's.
 */
import { readFileSync, statSync } from "node:fs"
import { win32 } from "node:path"

/** What to call: a file, its arguments, and whether they are one line already (`windowsVerbatimArguments`). */
export interface Program {
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly verbatim: boolean
}

/** Why a command is not started, with the code that `spawn` would give. */
export interface Refused {
  readonly code: "ENOENT" | "ERR_INVALID_ARG_VALUE"
  readonly message: string
}

/** The files that are there. */
export interface Disk {
  readonly isFile: (path: string) => boolean
  /** The text of a file; empty where it cannot be read. */
  readonly read: (path: string) => string
}

export interface Place {
  /** Where a relative path begins. */
  readonly cwd: string
  /** The environment of the program: its `PATH` is searched. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The directory of Windows itself. */
  readonly system: string
  readonly disk: Disk
}

/** A variable, whatever the case of its name. */
const variable = ({ environment }: Place, name: string): string =>
  Object.entries(environment).find(([each]) => each.toUpperCase() === name)?.[1] ?? ""

const programs = new Set([".exe", ".com"])
const batches = new Set([".cmd", ".bat"])

const extensionOf = (path: string): string => win32.extname(path).toLowerCase()

/** The file that a command means; `undefined` where there is none. */
const find = (command: string, place: Place): string | undefined => {
  const extensions = (variable(place, "PATHEXT") || ".COM;.EXE;.BAT;.CMD").split(";").filter((each) => each !== "")
  const known = [...extensions.map((each) => each.toLowerCase()), ".ps1"]
  const isPath = /[\\/:]/.test(command)
  const directories = isPath
    ? [place.cwd]
    : variable(place, "PATH")
        .split(";")
        .map((each) => each.replaceAll('"', ""))
        .filter((each) => win32.isAbsolute(each))
  const names = [
    ...(known.includes(extensionOf(command)) ? [command] : []),
    ...extensions.map((extension) => command + extension.toLowerCase()),
    ...(isPath ? [command] : []),
  ]
  return directories
    .flatMap((directory) => names.map((name) => win32.resolve(directory, name)))
    .find((path) => place.disk.isFile(path))
}

/** How a shim calls a script beside it: as npm, pnpm and yarn write it. */
const shimCall = /("[^"\r\n]*"|[^\s"]+)[ \t]+"%(?:~dp0|dp0%)\\?([^"%\r\n]+)"[ \t]+%\*/g
const node = /^"?(?:%_prog%|%~?dp0%?\\node\.exe|node(?:\.exe)?)"?$/i
/** How `npm` and `npx` themselves say which script they are. */
const npmScript = /^SET "NP[MX]_CLI_JS=%~dp0\\?([^"%\r\n]+)"/im

/** The script that a shim calls with Node, relative to the shim; `undefined` where the text is no such shim. */
export const shimScript = (text: string): string | undefined => {
  const own = npmScript.exec(text)?.[1]
  if (own !== undefined) return own
  // What it sets for the script would be missing.
  if (/\bNODE_PATH\b/i.test(text)) return undefined
  const calls = [...text.matchAll(shimCall)]
  const scripts = new Set(calls.map(([, , script]) => script))
  const [script] = scripts
  const isNodes = calls.every(([, program = ""]) => node.test(program))
  const isNode = !text.includes("%_prog%") || /"_prog=node(?:\.exe)?"/i.test(text)
  return scripts.size === 1 && isNodes && isNode ? script : undefined
}

const nodeFor = (shim: string, place: Place): string | undefined => {
  const beside = win32.join(win32.dirname(shim), "node.exe")
  return place.disk.isFile(beside) ? beside : find("node.exe", place)
}

/** What a batch file that is a shim would call. */
const unwrapped = (path: string, args: ReadonlyArray<string>, place: Place): Program | undefined => {
  const script = shimScript(place.disk.read(path))
  const program = script === undefined ? undefined : nodeFor(path, place)
  if (script === undefined || program === undefined) return undefined
  return { file: program, args: [win32.join(win32.dirname(path), script), ...args], verbatim: false }
}

/** In quotes nothing has a meaning but these: a quote is doubled, and a percent sign is followed by an empty variable. */
const quoted = (text: string): string => {
  const escaped = text.replace(/(\\*)"/g, '$1$1""').replace(/\\+$/, "$&$&")
  return `"${escaped.replaceAll("%", "%%cd:~,%")}"`
}

/**
 * The arguments of `cmd.exe` for a batch file and its arguments, which are all quoted: the line is read once by `cmd.exe` and
 * once more where the file says `%*`. `undefined` where an argument has what ends a line.
 */
export const batchArguments = (path: string, args: ReadonlyArray<string>): ReadonlyArray<string> | undefined =>
  [path, ...args].some((each) => /[\0\r\n]/.test(each))
    ? undefined
    : // Extensions on, for the empty variable; delayed expansion off, for `!`; no commands of the registry.
      ["/e:ON", "/v:OFF", "/d", "/c", `"${[path, ...args].map(quoted).join(" ")}"`]

/** What a command is started as on Windows, or why it is not. */
export const onWindows = (command: readonly [string, ...ReadonlyArray<string>], place: Place): Program | Refused => {
  const [name, ...args] = command
  const path = find(name, place)
  // The system would look in the working directory.
  if (path === undefined) return { code: "ENOENT", message: `${name} is not there` }
  const extension = extensionOf(path)
  if (programs.has(extension)) return { file: path, args, verbatim: false }
  if (extension === ".ps1") {
    const beside = `${path.slice(0, -extension.length)}.cmd`
    const script = place.disk.isFile(beside) ? unwrapped(beside, args, place) : undefined
    const shell = win32.join(place.system, "System32", "WindowsPowerShell", "v1.0", "powershell.exe")
    return script ?? { file: shell, args: ["-NoProfile", "-NonInteractive", "-File", path, ...args], verbatim: false }
  }
  if (!batches.has(extension)) return { file: path, args, verbatim: false }
  const script = unwrapped(path, args, place)
  if (script !== undefined) return script
  const line = batchArguments(path, args)
  if (line === undefined) {
    const message = `${path} is a batch file, and no batch file can be given an argument with a line break`
    return { code: "ERR_INVALID_ARG_VALUE", message }
  }
  return { file: win32.join(place.system, "System32", "cmd.exe"), args: line, verbatim: true }
}

const disk: Disk = {
  isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
  read: (path) => readFileSync(path, "utf8"),
}

/** The directory of Windows, as this process knows it: what a server's entry sets does not count. */
export const systemDirectory = (): string => process.env["SystemRoot"] ?? "C:\\Windows"

/** What a command is started as here. Throws why it is not, as `spawn` does. */
export const programOf = (
  command: readonly [string, ...ReadonlyArray<string>],
  options: {
    readonly cwd?: string | undefined
    readonly environment: Readonly<Record<string, string | undefined>>
  },
): Program => {
  const [file, ...args] = command
  if (process.platform !== "win32") return { file, args, verbatim: false }
  const { cwd = process.cwd(), environment } = options
  const program = onWindows(command, { cwd, environment, system: systemDirectory(), disk })
  if ("code" in program) throw Object.assign(new Error(program.message), { code: program.code })
  return program
}
