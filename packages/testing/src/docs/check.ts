/**
 * Examples as modules: written beside `docs/examples`, where they see what a reader's own program sees, and checked in one
 * run of the compiler, with the same diagnostics as everything else.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import type { Block } from "./blocks.ts"

const root = join(import.meta.dirname, "../../../..")
const home = join(root, "docs/examples")

/** What the compiler says of a block, in the lines of the document. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly message: string
}

/** Blocks that were checked. */
export interface Checked {
  readonly problems: ReadonlyArray<Problem>
  /** The module of a block: it is there until `remove`. */
  readonly pathOf: (block: Block) => string
  readonly remove: () => void
}

/** What `@opencode-ai/mcp` exports, by the name it has there. */
export const publicNames = (): ReadonlyMap<string, string> => {
  const index = readFileSync(join(root, "packages/mcp/src/index.ts"), "utf8")
  return new Map(
    [...index.matchAll(/^export (?:\* as (\w+)|\{([^}]+)\}) from "\.\/(.*)"$/gm)].flatMap(
      ([, namespace, names = "", file = ""]) =>
        [namespace ?? names.split(",")].flat().map((name) => [name.trim(), file] as const),
    ),
  )
}

/**
 * The imports of an example that shows none, on one line: of the names it mentions, those that `@opencode-ai/mcp` exports
 * and those that are modules of `effect`. What it declares or imports itself is its own.
 */
const prelude = (code: string): string => {
  const imports = [...code.matchAll(/^import [^"]*/gm)].join(" ")
  const declared = [...code.matchAll(/\b(?:const|let|class|function|interface|type) (\w+)/g)].map(([, name]) => name)
  const names = new Set(code.match(/\b[A-Z]\w*\b/g))
  const own = publicNames()
  return [...names]
    .filter((name) => !declared.includes(name) && !new RegExp(`\\b${name}\\b`).test(imports))
    .flatMap((name) => {
      if (own.has(name)) return [`import { ${name} } from "@opencode-ai/mcp"`]
      const isModule = existsSync(join(root, "packages/mcp/node_modules/effect/src", `${name}.ts`))
      return isModule ? [`import * as ${name} from "effect/${name}"`] : []
    })
    .join("; ")
}

/** Type-checks all blocks at once. `isBare` says of a block whether its imports are to be added. */
export const check = (blocks: ReadonlyArray<Block>, isBare: (block: Block) => boolean): Checked => {
  const directory = mkdtempSync(join(home, ".checked-"))
  const names = new Map(blocks.map((block, index) => [block, `example-${index}.ts`]))
  const pathOf = (block: Block) => join(directory, names.get(block) ?? "")
  for (const block of blocks) {
    // One line before the code; after it, what makes it a module.
    writeFileSync(pathOf(block), `${isBare(block) ? prelude(block.code) : ""}\n${block.code}\nexport {}\n`)
  }
  const options = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    files: [...names.values()],
  }
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(options))
  const compiler = [process.execPath, join(root, "scripts/tsc.ts"), "-p", directory, "--pretty", "false"]
  const { stdout, stderr, exitCode } = Bun.spawnSync(compiler, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] })
  const remove = () => rmSync(directory, { recursive: true, force: true })
  // Sources of the packages are checked elsewhere: only what it says of the examples is asked here.
  const problems = [...stdout.toString().matchAll(/^(\S.*?)\((\d+),\d+\): (\S.*(?:\n\s.*)*)/gm)].flatMap(
    ([, path = "", line, message = ""]) => {
      const block = blocks.find((block) => path.endsWith(names.get(block) ?? path))
      return block === undefined
        ? []
        : [{ file: block.file, line: block.line + Math.max(0, Number(line) - 2), message }]
    },
  )
  if (exitCode !== 0 && stdout.length === 0) {
    remove()
    throw new Error(`the compiler ended with ${exitCode}: ${stderr.toString()}`)
  }
  return { problems, pathOf, remove }
}

/** Every document that a reader of the repository meets, relative to its root. */
export const documents = (...patterns: ReadonlyArray<string>): ReadonlyArray<readonly [file: string, text: string]> =>
  patterns
    .flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: root, absolute: true })])
    .sort()
    .map((path) => [relative(root, path), readFileSync(path, "utf8")])

/** The README and the pages of `docs`. */
export const pages = () => documents("README.md", "docs/*.md")
