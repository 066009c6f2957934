import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { read } from "@opencode-ai/opencode/config/config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { type Block, ofMarkdown } from "../../src/docs/blocks.ts"
import { pages } from "../../src/docs/check.ts"
import { it } from "../../src/effect.ts"
import { temporaryDirectory } from "../../src/recording.ts"
import { describe, expect } from "../../src/runner.ts"

// A configuration that a document shows is read by the host as a person's own file is, without an error or a warning.

const isConfiguration = ({ code, language }: Block) =>
  /^jsonc?$/.test(language) && /^\s*\{\s*"mcp"\s*:/.test(bare(code))

/** Without the comments before the first brace. */
const bare = (code: string) => code.replace(/^(\s*\/\/.*\n)+/, "")

const platform = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)

/** Reads it on a machine that has every variable and file that it names. */
const problems = Effect.fnUntraced(function* ({ code, file, line }: Block) {
  const home = yield* temporaryDirectory
  const variables = [...code.matchAll(/\{env:([^}]+)\}/g)].map(([, name = ""]) => [name, "given"] as const)
  for (const [, path = ""] of code.matchAll(/\{file:([^}]+)\}/g)) {
    const target = path.startsWith("~/") ? join(home, path.slice(2)) : resolve(home, path)
    if (!target.startsWith(home)) return [`${file}:${line}: {file:${path}} is of one machine`]
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, "given\n")
  }
  const config = join(home, "opencode.jsonc")
  writeFileSync(config, code)
  const env = { HOME: home, ...Object.fromEntries(variables) }
  return yield* read({ config, directory: home }).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
    Effect.provide(platform),
    Effect.match({
      onFailure: (error) => [`${file}:${line}: ${error.message}`],
      onSuccess: ({ servers, warnings }) =>
        [...servers.map(({ error }) => error), ...warnings, servers.length === 0 ? "no server" : undefined].flatMap(
          (problem) => (problem === undefined ? [] : [`${file}:${line}: ${problem}`]),
        ),
    }),
  )
})

const shown = pages().flatMap(([file, text]) => ofMarkdown(file, text).filter(isConfiguration))

describe("a configuration that a document shows", () => {
  for (const block of shown) {
    it.effect(`is read as it stands: ${block.file}:${block.line}`, () =>
      Effect.map(problems(block), (found) => expect(found).toEqual([])),
    )
  }

  it.effect("is found where it is wrong", () =>
    Effect.gen(function* () {
      const text = (entry: string) => `\`\`\`jsonc\n// A file\n{\n  "mcp": { "a": ${entry} },\n}\n\`\`\``
      const of = (entry: string) => {
        const [block] = ofMarkdown("page.md", text(entry)).filter(isConfiguration)
        return block === undefined ? Effect.succeed(["not taken for a configuration"]) : problems(block)
      }
      expect(yield* of(`{ "type": "local", "command": ["a"] }`)).toEqual([])
      expect(yield* of(`{ "type": "local", "command": "a" }`)).toEqual([expect.stringContaining("page.md:2: ")])
      expect(yield* of(`{ "type": "local", "command": ["a"], "comand": 1 }`)).toEqual([
        expect.stringContaining("comand"),
      ])
      expect(yield* of(`{`)).toEqual([expect.stringContaining("page.md:2: ")])
    }),
  )
})
