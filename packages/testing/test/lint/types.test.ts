import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "../../src/runner.ts"

// The compiler of the type check, over one file: whether it is the one with Effect's diagnostics is not left to chance.

const root = join(import.meta.dirname, "../../../..")

const check = (source: string) => {
  const directory = mkdtempSync(join(tmpdir(), "types-"))
  try {
    symlinkSync(join(root, "packages/testing/node_modules"), join(directory, "node_modules"))
    const options = { extends: join(root, "tsconfig.base.json"), compilerOptions: { types: [] }, include: ["*.ts"] }
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(options))
    writeFileSync(join(directory, "file.ts"), `import * as Effect from "effect/Effect"\n${source}\n`)
    const { stdout, exitCode } = Bun.spawnSync([process.execPath, join(root, "scripts/tsc.ts"), "-p", directory])
    return { printed: stdout.toString(), exitCode }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

describe("the type check", () => {
  test("passes an effect that is used", () => {
    expect(check(`export const greeting = Effect.succeed("hello")`)).toEqual({ printed: "", exitCode: 0 })
  })

  test("refuses an effect that nobody runs", () => {
    const { printed, exitCode } = check(`export const run = () => {\n  Effect.succeed("hello")\n}`)
    expect(printed).toContain("effect(floatingEffect)")
    expect(exitCode).not.toBe(0)
  })

  test("refuses an index that may be absent", () => {
    const { printed } = check(`export const first = (list: Array<number>): number => (Effect.void, list[0])`)
    expect(printed).toContain("TS2322")
  })
})
