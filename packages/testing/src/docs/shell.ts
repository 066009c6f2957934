/** What a document tells a person to type: `bun run <script>` and `mcp <command>`, held against what there is. */
import * as Effect from "effect/Effect"
import { make, type Writer } from "@opencode-ai/opencode/cli/output"
import { run } from "@opencode-ai/opencode/cli/run"

/** The words of each command of a line: quotes, pipes, `&&`, `;` and comments are understood, and nothing else of a shell. */
export const commands = (line: string): ReadonlyArray<ReadonlyArray<string>> => {
  const found: Array<Array<string>> = [[]]
  for (const [token] of line.matchAll(/#.*|&&|[|;]|(?:'[^']*'|"[^"]*"|\\.|[^\s'"|;&])+/g)) {
    if (token.startsWith("#")) break
    if (token === "&&" || token === "|" || token === ";") found.push([])
    else found.at(-1)?.push(token.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"))
  }
  return found.filter((words) => words.length > 0)
}

/** The lines of a block of shell, those that a backslash continues joined; empty where nothing is left. */
export const joined = (code: string): ReadonlyArray<readonly [offset: number, line: string]> => {
  const lines: Array<readonly [number, string]> = []
  let open: readonly [number, string] | undefined
  code.split("\n").forEach((line, index) => {
    const [offset, before] = open ?? [index, ""]
    const text = `${before}${line.replace(/^\$ /, "")}`
    open = text.endsWith("\\") ? [offset, text.slice(0, -1)] : undefined
    if (open === undefined) lines.push([offset, text])
  })
  return lines
}

/** What there is to be named. */
export interface Named {
  /** The scripts of package.json. */
  readonly scripts: ReadonlyArray<string>
  /** `bun@` and the version that package.json names. */
  readonly runtime: string
}

const ofProcess = make(() => undefined)

/** The page that `--help` prints for a command; for one that is not there, it is that of `mcp` itself. */
const helpOf = async (words: ReadonlyArray<string>): Promise<string> => {
  const page: Array<string> = []
  const print = (text: string) => Effect.sync(() => void page.push(text))
  const writer: Writer = { ...ofProcess, print, say: () => Effect.void }
  await Effect.runPromise(run([...words, "--help"], writer))
  return page.join("\n")
}

const pages = new Map<string, ReturnType<typeof helpOf>>()
const help = (name: string) => {
  const known = pages.get(name) ?? helpOf([name])
  pages.set(name, known)
  return known
}

/** A flag, by each name that it has, and whether a value follows it. */
const flagsOf = (page: string): ReadonlyMap<string, boolean> =>
  new Map(
    [...page.matchAll(/^ {2}(--[\w-]+)(?:, (-\w))?(?: (\S+))?(?: {2,}|$)/gm)].flatMap(([, long = "", short, value]) =>
      [long, short ?? long].map((name) => [name, value !== undefined] as const),
    ),
  )

/** What is wrong with the words after `mcp`. `exactly`: whether the number of arguments counts too. */
const wrongCommand = async (words: ReadonlyArray<string>, exactly: boolean): Promise<string | undefined> => {
  const [name = "", ...rest] = words
  if (name.startsWith("-")) {
    return flagsOf(await helpOf([])).has(name) ? undefined : `mcp has no flag ${name}`
  }
  // One that has subcommands can do without them: their names are taken for an argument.
  const page = (await help(name)).replace(`mcp ${name} <subcommand> [flags]`, `mcp ${name} [flags]`)
  if (!page.includes(`\n  mcp ${name} [flags]`)) return `there is no command mcp ${name}`
  const flags = flagsOf(page)
  let given = 0
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] ?? ""
    // What follows is no flag, whatever it looks like.
    if (word === "--") {
      given += rest.length - index - 1
      break
    }
    const [flag = ""] = word.split("=")
    if (!word.startsWith("-") || word === "-") given += 1
    else if (!flags.has(flag)) return `mcp ${name} has no flag ${flag}`
    else if (flags.get(flag) === true && flag === word) index += 1
  }
  if (!exactly) return undefined
  const usage = /^ {2}mcp .*$/m.exec(page)?.[0].replace("[flags]", "") ?? ""
  const least = [...usage.matchAll(/(?<!\[)<[^>]+>/g)].length
  const most = /\.\.\./.test(usage) ? Infinity : [...usage.matchAll(/<[^>]+>/g)].length
  return given < least || given > most ? `mcp ${name} is used as${usage.replace(/ +/g, " ")}` : undefined
}

/**
 * What is wrong with one command, `undefined` where nothing is or it is none of ours. `exactly`: whether it is all that is
 * typed, so that the number of its arguments counts.
 */
export const wrong = async (
  typed: ReadonlyArray<string>,
  named: Named,
  exactly: boolean,
): Promise<string | undefined> => {
  const words = typed.slice(typed.findIndex((word) => !/^\w+=/.test(word)))
  if (words[0] === "npx") {
    const at = words.findIndex((word) => word.startsWith("bun@"))
    if (at < 0) return undefined
    return words[at] === named.runtime
      ? wrong(["bun", ...words.slice(at + 1)], named, exactly)
      : `${words[at]} is not ${named.runtime}`
  }
  if (words[0] === "bun" && words[1] === "run") {
    const [, , script = "", ...rest] = words
    if (!named.scripts.includes(script)) return `package.json has no script ${JSON.stringify(script)}`
    return script === "mcp" ? wrong(["mcp", ...rest], named, exactly) : undefined
  }
  const command = words[0] === "opencode" && words[1] === "mcp" ? words.slice(1) : words
  const isNamed = command[1] !== undefined && !/^[<[…(]/.test(command[1])
  return command[0] === "mcp" && isNamed ? wrongCommand(command.slice(1), exactly) : undefined
}
