// The rules of this house that oxlint has no rule for, as a plugin of its own. They read paths and syntax, not types.
import { dirname, join } from "node:path/posix"
import { packages, rooms } from "./arrows.ts"

interface Node {
  readonly type: string
}
interface Literal extends Node {
  readonly value?: unknown
}
interface ImportLike extends Node {
  readonly source?: Literal | null
  readonly importKind?: string
  readonly argument?: Literal
}
interface Context {
  readonly filename: string
  readonly report: (finding: { readonly node: Node; readonly message: string }) => void
}
type Visitor = Record<string, (node: ImportLike) => void>

const SCOPE = "@opencode-ai/"

/** A path taken apart at its package: `{ name: "mcp", source: "session/correlation.ts" }`; undefined outside of all. */
const placeOf = (path: string) => {
  const [, name, source] = /(?:^|.*\/)packages\/([^/]+)\/(?:src\/(.*)|.*)$/.exec(path.replaceAll("\\", "/")) ?? []
  return name === undefined ? undefined : { name, source }
}

/** The room of packages/mcp/src that a path below it belongs to. */
const roomOf = (source: string) => source.replace(/(\.ts$|\/.*$)/, "")

/** What is wrong with this import, or undefined. `typeOnly`: it leaves nothing behind at run time. */
const judge = (filename: string, specifier: string, typeOnly: boolean): string | undefined => {
  const from = placeOf(filename)
  if (from === undefined) {
    // The examples are a package like a plugin author's, beside the words that they illustrate.
    if (/(^|\/)docs\/examples\//.test(filename) && specifier.startsWith(SCOPE)) return undefined
    return specifier.startsWith(SCOPE) || /(^|\/)packages\//.test(specifier)
      ? "what stands outside of packages/ imports no package"
      : undefined
  }
  const { name, source } = from

  if (specifier.startsWith(SCOPE)) {
    if (source === undefined) return undefined
    // What is only for MCP says so in its package's name, and not in that of its folder.
    const other = (specifier.slice(SCOPE.length).split("/")[0] ?? "").replace(/^mcp-/, "")
    if (other === name) return "a package names its own files by relative paths"
    return packages[name]?.includes(other) ? undefined : `packages/${name} may not import packages/${other}`
  }

  if (specifier.startsWith(".")) {
    const to = placeOf(join(dirname(filename.replaceAll("\\", "/")), specifier))
    if (to === undefined || to.name !== name)
      return "a relative path does not leave its package: import the other by its name"
    if (source === undefined) return undefined
    if (to.source === undefined && !specifier.endsWith("/package.json"))
      return "sources import nothing outside of src but their package.json"
    if (name !== "mcp" || to.source === undefined) return undefined
    const room = roomOf(source)
    const other = roomOf(to.source)
    if (room === other) return undefined
    if (!(room in rooms)) return `the room "${room}" is not in scripts/lint/arrows.ts`
    return rooms[room]?.includes(other) ? undefined : `the room "${room}" may not import "${other}"`
  }

  if (source === undefined || name !== "mcp") return undefined
  if (specifier === "bun" || specifier.startsWith("bun:")) return "nothing of Bun in packages/mcp/src"
  if (specifier.startsWith("@modelcontextprotocol/") && !typeOnly)
    return "the SDK is imported for its types; its code is loaded with import() when it is first needed"
  return undefined
}

const arrows = {
  create: (context: Context): Visitor => {
    const check = (typeOnly: (node: ImportLike) => boolean) => (node: ImportLike) => {
      const specifier = (node.source ?? node.argument)?.value
      if (typeof specifier !== "string") return
      const message = judge(context.filename, specifier, typeOnly(node))
      if (message !== undefined) context.report({ node, message: `"${specifier}": ${message}` })
    }
    return {
      ImportDeclaration: check((node) => node.importKind === "type"),
      ExportNamedDeclaration: check((node) => "exportKind" in node && node.exportKind === "type"),
      ExportAllDeclaration: check((node) => "exportKind" in node && node.exportKind === "type"),
      ImportExpression: check(() => true),
      TSImportType: check(() => true),
    }
  },
}

const noTry = {
  create: (context: Context): Visitor => ({
    TryStatement: (node) =>
      context.report({ node, message: "failures are values here: use Effect.try or Effect.catch" }),
  }),
}

export default { meta: { name: "house" }, rules: { arrows, "no-try": noTry } }
