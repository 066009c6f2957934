// Everything that has to hold, in one run: types, lint, format, every test of every package, the suites of packages/mcp
// once more on Node, and the referee's scenarios. The last line is `N passed, N failed`.
//
//   bun run test              all of it
//   bun run test mcp session  the test files whose path contains one of these words, on Bun and Node
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { conformance, line, passing } from "./conformance.ts"
import { type Outcome, runFile } from "./suite.ts"
import { node22 } from "./tools.ts"

/** The packages whose suites run on Node too. */
const ON_NODE = ["packages/mcp/"]

/** Test files that run at once. */
const PARALLEL = Math.min(availableParallelism(), 4)

const root = join(import.meta.dir, "..")
const scratch = mkdtempSync(join(tmpdir(), "test-"))
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }))

const colour = process.stdout.isTTY && !process.env.NO_COLOR && !process.env.CI
const paint = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
const [bold, dim, green, red] = [paint(1), paint(2), paint(32), paint(31)]

let passed = 0
let failed = 0
let skipped = 0
const broken: Array<string> = []

type Counts = Omit<Outcome, "output" | "without"> & { readonly without?: Outcome["without"] }

const report = (name: string, outcome: Counts, began: number, output = "", where = "") => {
  passed += outcome.passed
  failed += outcome.failed
  skipped += outcome.skipped
  const tests = outcome.passed + outcome.failed + outcome.skipped
  const time = dim(`${((performance.now() - began) / 1000).toFixed(1)} s`)
  if (outcome.failed === 0) {
    const left = outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : ""
    console.log(`${green("✓")} ${name} ${tests > 1 || left !== "" ? dim(`${tests} tests${left} `) : ""}${time}`)
    for (const test of outcome.without ?? []) console.log(dim(`    skipped: ${test}`))
    return
  }
  broken.push(`${name}${where}`)
  console.log(`${red("✗")} ${name} ${time}${outcome.reason === undefined ? "" : red(` ${outcome.reason}`)}`)
  // oxlint colours what it prints wherever CI is set, whatever else is.
  if (output !== "") console.log((colour ? output : Bun.stripANSI(output)).replace(/^/gm, "    "))
}

/** A PATH with Bun on it: turbo looks for it there, and a machine may have it as the file that runs this alone. */
const env = { ...process.env }
if (Bun.which("bun") === null) {
  const bin = join(scratch, "bin")
  mkdirSync(bin)
  symlinkSync(process.execPath, join(bin, "bun"))
  env.PATH = `${bin}${delimiter}${process.env.PATH}`
}

const check = async (name: string, ...command: ReadonlyArray<string>) => {
  const began = performance.now()
  const child = Bun.spawn([...command], { cwd: root, stdio: ["ignore", "pipe", "pipe"], env })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  const holds = code === 0
  report(name, { passed: holds ? 1 : 0, failed: holds ? 0 : 1, skipped: 0 }, began, `${stdout}${stderr}`.trim())
}

const runFiles = async (name: string, runtime: string, files: ReadonlyArray<string>) => {
  console.log(bold(`\nTests on ${name}`))
  const waiting = [...files]
  const worker = async () => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const [, directory = "", file = ""] = /^(packages\/[^/]+)\/(.*)$/.exec(path) ?? []
      const began = performance.now()
      const outcome = await runFile(runtime, join(root, directory), file, scratch)
      report(path, outcome, began, outcome.output, ` (${name})`)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
}

const words = process.argv.slice(2)
const files = [...new Bun.Glob("packages/*/test/**/*.test.ts").scanSync({ cwd: root })]
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .sort()
  // The longest is in the last package: begun last, it would run alone.
  .toReversed()
if (files.length === 0)
  report("packages/*/test", { passed: 0, failed: 1, skipped: 0, reason: "no test file" }, performance.now())

if (words.length === 0) {
  console.log(bold("Checks"))
  await check("types", process.execPath, "run", "typecheck")
  await check("lint", process.execPath, "run", "lint")
  await check("format", process.execPath, "run", "format:check")
}

await runFiles(`Bun ${Bun.version}`, process.execPath, files)

const onNode = files.filter((file) => ON_NODE.some((folder) => file.startsWith(folder)))
if (onNode.length > 0) await runFiles("Node 22", node22(), onNode)

if (words.length === 0) {
  console.log(bold("\nThe referee's scenarios"))
  for (const verdict of await conformance(passing, (it) => console.log(line(it)))) {
    if (verdict.passed) passed++
    else {
      failed++
      broken.push(`the referee: ${verdict.scenario}`)
    }
  }
}

if (broken.length > 0) console.log(`\n${red("Failed")}\n${broken.map((name) => `  ${name}`).join("\n")}`)
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
process.exit(failed === 0 ? 0 : 1)
