import { describe, expect, test } from "bun:test"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("../src/main.ts", import.meta.url))

const run = async (args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  let stdout = ""
  let stderr = ""
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = await once(child, "close")
  return { code, stdout, stderr }
}

const bound = 120_000
const everyone = ["bare", "effect", "ours", "sdk-v1", "sdk-v2"]

describe("the benchmark", () => {
  test(
    "measures everyone in the same rows and prints them as JSON, with every sample",
    async () => {
      const { code, stderr, stdout } = await run(["--quick", "--json", "--only", "stdio.signal", "--only", "http.json"])
      expect(stderr).toBe("")
      expect(code).toBe(0)
      const report = JSON.parse(stdout)
      expect(report).toMatchObject({ quick: true, bun: expect.any(String), processors: expect.any(Number) })
      expect(report.rows.map((row: { readonly id: string }) => row.id)).toEqual([
        "stdio.signal.cpu",
        "stdio.signal.rate",
        "http.json",
      ])
      for (const row of report.rows) {
        expect(Object.keys(row.subjects).toSorted()).toEqual(everyone)
        expect(row.subjects.bare.ratio).toBe(1)
        expect(row.failures).toEqual({})
        expect(row).toMatchObject({ goal: expect.any(Number), value: expect.any(Number), pass: expect.any(Boolean) })
        for (const name of everyone) {
          expect(row.subjects[name].ratio).toBeGreaterThan(0)
          expect(row.subjects[name].samples.length).toBeGreaterThan(0)
        }
      }
    },
    bound,
  )

  test(
    "offers every tool after a start whose last catalogues are known",
    async () => {
      const { code, stdout } = await run(["--quick", "--json", "--only", "ready"])
      expect(code).toBe(0)
      const [row] = JSON.parse(stdout).rows
      expect(row).toMatchObject({ id: "ready", value: expect.any(Number), failures: {} })
    },
    bound,
  )

  test(
    "asks for no list at a model's turn when nothing changed",
    async () => {
      const { code, stdout } = await run(["--quick", "--json", "--only", "turn"])
      expect(code).toBe(0)
      const [, requests] = JSON.parse(stdout).rows
      expect(requests).toMatchObject({ id: "turn.requests", value: 0, pass: true })
    },
    bound,
  )

  test(
    "prints an aligned table without colours into a pipe, and says that a quick run says nothing",
    async () => {
      const { code, stdout } = await run(["--quick", "--only", "list.rss"])
      expect(code).toBe(0)
      expect(stdout).not.toContain("\u001b[")
      const [head, row] = stdout.split("\n")
      expect(head?.indexOf("goal")).toBe((row?.indexOf("≤ 1.15") ?? 0) + 2)
      expect(stdout).toContain("A quick run")
    },
    bound,
  )

  test("names its rows when it is asked for one that does not exist", async () => {
    const { code, stderr } = await run(["--only", "stdoi"])
    expect(code).toBe(2)
    expect(stderr).toContain("No row is called stdoi")
    expect(stderr).toContain("stdio.fibres.cpu")
  })
})
