import * as Mcp from "@opencode-ai/mcp"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type Block, ofDocstrings, ofMarkdown } from "../../src/docs/blocks.ts"
import { check, type Checked, documents, pages, publicNames } from "../../src/docs/check.ts"
import { afterAll, beforeAll, describe, expect, test } from "../../src/runner.ts"

// Every example is a module of its own: it is type-checked with the rules of the repository, and evaluated.

const isTypeScript = ({ language }: Block) => language === "ts" || language === "typescript"

const inDocuments = [...pages(), ...documents("packages/*/README.md")]
  .map(([file, text]) => [file, ofMarkdown(file, text).filter(isTypeScript)] as const)
  .filter(([, blocks]) => blocks.length > 0)

const inDocstrings = documents("packages/mcp/src/**/*.ts")
  .map(([file, text]) => [file, ofDocstrings(file, text)] as const)
  .filter(([, blocks]) => blocks.length > 0)

/** What shows how tests are written cannot be evaluated inside of one. */
const isTest = ({ code }: Block) => code.includes("@opencode-ai/testing/")

const broken = ofMarkdown(
  "broken.md",
  [
    "```ts",
    `import { TransportLayer } from "@opencode-ai/mcp"`,
    `export const transport = TransportLayer.stdio({ comand: ["server"] })`,
    "```",
    "",
    "```ts",
    `import * as Effect from "effect/Effect"`,
    "export const run = () => {",
    `  Effect.succeed("nobody runs this")`,
    "}",
    "```",
  ].join("\n"),
)

const brokenDocstring = ofDocstrings(
  "broken.ts",
  [
    "/**",
    " * Says something.",
    " *",
    " * @example",
    " * ```ts",
    " * const auth = AuthLayer.nobody",
    " * ```",
    " */",
  ].join("\n"),
)

const documented = inDocuments.flatMap(([, blocks]) => blocks)
const docstrings = inDocstrings.flatMap(([, blocks]) => blocks)

let checked: Checked | undefined

beforeAll(() => {
  const all = [...documented, ...docstrings, ...broken, ...brokenDocstring]
  checked = check(all, (block) => docstrings.includes(block) || brokenDocstring.includes(block))
}, 120_000)

afterAll(() => checked?.remove())

const problemsOf = (file: string) =>
  checked?.problems.filter((problem) => problem.file === file).map((each) => `${file}:${each.line}: ${each.message}`)

const holds = (file: string, blocks: ReadonlyArray<Block>) =>
  test(file, async () => {
    expect(blocks.filter((block) => !isTypeScript(block)).map(({ line }) => `${file}:${line}: no \`\`\`ts`)).toEqual([])
    expect(problemsOf(file)).toEqual([])
    for (const block of blocks.filter((block) => !isTest(block))) {
      await import(checked?.pathOf(block) ?? "").catch((error: unknown) => {
        throw new Error(`${file}:${block.line}: ${String(error)}`, { cause: error })
      })
    }
  })

describe("the examples of documents", () => {
  for (const [file, blocks] of inDocuments) holds(file, blocks)
})

describe("the examples of docstrings", () => {
  for (const [file, blocks] of inDocstrings) holds(file, blocks)
})

describe("a broken example", () => {
  test("is found, by its line in the document", () => {
    const [misspelt = "", floating = "", ...others] = problemsOf("broken.md") ?? []
    expect(misspelt).toStartWith("broken.md:3: error TS")
    expect(misspelt).toContain("comand")
    expect(floating).toStartWith("broken.md:9: ")
    expect(floating).toContain("floatingEffect")
    expect(others).toEqual([])
  })

  test("is found in a docstring, whose imports are understood", () => {
    expect(problemsOf("broken.ts")).toEqual([expect.stringMatching(/^broken\.ts:6: error TS\d+: .*nobody/)])
  })

  test("that has no fence is none", () => {
    expect(ofDocstrings("bare.ts", "/**\n * @example\n * const a = 1\n */")).toMatchObject([{ line: 2, language: "" }])
  })
})

// The words of the protocol (one schema for each event, one token for each method) and the errors explain themselves.
const isExplained = (name: string, value: unknown) =>
  name === "Events" || name === "Method" || (typeof value === "function" && value.prototype instanceof Error)

const isModule = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Reflect.get(value, Symbol.toStringTag) === "Module"

const needsExample = (value: unknown) => typeof value === "function" || Layer.isLayer(value)

describe("what the package offers has an example", () => {
  for (const [name, value] of Object.entries(Mcp)) {
    if (isExplained(name, value)) continue
    const file = publicNames().get(name) ?? ""
    const members = isModule(value) ? Object.entries(value) : [[name, value] as const]
    for (const [member, it] of members) {
      if (!needsExample(it) || isExplained(member, it)) continue
      test(isModule(value) ? `${name}.${member}` : name, () => {
        const source = readFileSync(join(import.meta.dirname, "../../../mcp/src", file), "utf8")
        const docstring = new RegExp(
          `/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*export (?:const|class|function) ${member}\\b`,
        ).exec(source)?.[1]
        expect(docstring ?? `no docstring in ${file}`).toContain("@example")
      })
    }
  }
})
