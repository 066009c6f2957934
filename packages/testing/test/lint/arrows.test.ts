import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "../../src/runner.ts"

// The lint as it stands, over a tree of one-line files: what the repository's own files happen to import is not asked.

const root = join(import.meta.dirname, "../../../..")

/** Each file of the tree and the rule that it must break, or undefined where it must pass. */
const files: ReadonlyArray<readonly [path: string, source: string, rule: string | undefined]> = [
  ["mcp/src/protocol/up.ts", `export * from "../session/session.ts"`, "house(arrows)"],
  [
    "mcp/src/protocol/type-only.ts",
    `import type { A } from "../session/session.ts"\nexport type B = A`,
    "house(arrows)",
  ],
  ["mcp/src/protocol/lazily.ts", `export const later = import("../session/session.ts")`, "house(arrows)"],
  ["mcp/src/http/aside.ts", `export * from "../protocol/id.ts"`, "house(arrows)"],
  ["mcp/src/transport/up.ts", `export * from "../session/session.ts"`, "house(arrows)"],
  ["mcp/src/session/down.ts", `export * from "../transport/stdio.ts"`, undefined],
  ["mcp/src/session/aside.ts", `export * from "../catalog/catalog.ts"`, "house(arrows)"],
  ["mcp/src/session/within.ts", `export * from "./session.ts"`, undefined],
  ["mcp/src/session/to-top.ts", `export * from "../mcp.ts"`, "house(arrows)"],
  ["mcp/src/config.ts", `export * from "./protocol/id.ts"`, undefined],
  ["mcp/src/config/entry.ts", `export * from "../events.ts"`, "house(arrows)"],
  ["mcp/src/connection.ts", `export * from "./session/session.ts"`, undefined],
  ["mcp/src/mcp.ts", `export * from "./connection.ts"\nexport * from "./catalog/catalog.ts"`, undefined],
  ["mcp/src/attic/new.ts", `export * from "../protocol/id.ts"`, "house(arrows)"],
  ["mcp/src/session/host.ts", `export * from "@opencode-ai/opencode/config"`, "house(arrows)"],
  ["mcp/src/session/harness.ts", `export * from "@opencode-ai/testing/effect"`, "house(arrows)"],
  ["mcp/src/session/reach.ts", `export * from "../../../testing/src/effect.ts"`, "house(arrows)"],
  [
    "mcp/src/session/sdk.ts",
    `import { Client } from "@modelcontextprotocol/client"\nexport { Client }`,
    "house(arrows)",
  ],
  ["mcp/src/session/sdk-type.ts", `export type { Client } from "@modelcontextprotocol/client"`, undefined],
  ["mcp/src/session/bun.ts", `export { file } from "bun"`, "house(arrows)"],
  ["mcp/test/session/harness.test.ts", `export * from "@opencode-ai/testing/effect"`, undefined],
  ["opencode/src/down.ts", `export * from "@opencode-ai/mcp"`, undefined],
  ["opencode/src/aside.ts", `export * from "@opencode-ai/testing/effect"`, "house(arrows)"],
  ["bench/src/any.ts", `export * from "@opencode-ai/testing/effect"\nexport * from "@opencode-ai/mcp"`, undefined],
  ["mcp/src/session/barrel.ts", `export { Effect } from "effect"`, "eslint(no-restricted-imports)"],
  ["mcp/src/session/global.ts", `export const version = Bun.version`, "eslint(no-restricted-globals)"],
  ["mcp/src/session/terminal.ts", `export const out = process.stdout`, "eslint(no-restricted-properties)"],
  ["mcp/src/session/clock.ts", `export const now = () => Date.now()`, "eslint(no-restricted-properties)"],
  ["mcp/src/session/timer.ts", `export const id = setTimeout(() => {}, 1)`, "eslint(no-restricted-globals)"],
  ["mcp/src/session/async.ts", `export const run = async () => {}`, "oxc(no-async-await)"],
  ["mcp/src/session/try.ts", `try {\n  JSON.parse("")\n} finally {\n  JSON.parse("")\n}`, "house(no-try)"],
  ["mcp/src/session/any.ts", `export const value: any = 1`, "typescript(no-explicit-any)"],
  [
    "mcp/src/session/bang.ts",
    `export const at = (list: Array<number>) => list[0]!`,
    "typescript(no-non-null-assertion)",
  ],
  ["testing/src/clock.ts", `export const now = () => Date.now()`, undefined],
]

interface Report {
  readonly diagnostics: ReadonlyArray<{ readonly code: string; readonly filename: string }>
}

let tree = ""
let report: Report = { diagnostics: [] }

const rulesOf = (path: string) =>
  report.diagnostics.filter(({ filename }) => filename.endsWith(path)).map(({ code }) => code)

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), "lint-"))
  cpSync(join(root, ".oxlintrc.json"), join(tree, ".oxlintrc.json"))
  symlinkSync(join(root, "scripts"), join(tree, "scripts"))
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"))
  for (const [path, source] of files) {
    const file = join(tree, "packages", path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${source}\n`)
  }
  const lint = [process.execPath, "--bun", join(root, "node_modules/oxlint/bin/oxlint"), "--format=json", "packages"]
  const { stdout } = Bun.spawnSync(lint, { cwd: tree, stdio: ["ignore", "pipe", "inherit"] })
  report = JSON.parse(stdout.toString())
})

afterAll(() => rmSync(tree, { recursive: true, force: true }))

describe("the lint", () => {
  for (const [path, source, rule] of files) {
    const name = `${path}: ${source.replaceAll("\n", "; ")}`
    if (rule === undefined) test(`lets pass ${name}`, () => expect(rulesOf(path)).toEqual([]))
    else test(`refuses ${name}`, () => expect(rulesOf(path)).toContain(rule))
  }
})
