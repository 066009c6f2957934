// Runs one test file in a process of its own, under Bun or Node, and counts what came of its tests.
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { tools } from "./tools.ts"

/** Which servers are reached by way of whom, in any case of letters: a test that means its own servers is not to ask others. */
const PROXIES = /^(?:https?|all|no)_proxy$/i

/** This process's environment without the proxies of the machine, and without colours. */
const environment = () => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !PROXIES.test(name))),
  NO_COLOR: "1",
})

/** Milliseconds after which a file's process is ended and the file has failed. */
const HANG = 4 * 60_000

export interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** The names of the tests that were skipped, which say why. */
  readonly without: ReadonlyArray<string>
  /** Why the file failed beside its tests, if it did. */
  readonly reason?: string
  /** What the process printed, for a person, without the lines of the tests that passed. */
  readonly output: string
}

const unescaped = (text: string) =>
  text
    .replace(/&(lt|gt|quot|apos);/g, (_, name: string) => ({ lt: "<", gt: ">", quot: '"' })[name] ?? "'")
    .replace(/&amp;/g, "&")

/** The tests of a JUnit file, as both runners write it. */
const count = (xml: string) => {
  const tests = [...xml.matchAll(/<testcase\b(?:[^>"]|"[^"]*")*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)]
  const failed = tests.filter(([, body]) => body !== undefined && /<(failure|error)\b/.test(body)).length
  const without = tests
    .filter(([, body]) => body !== undefined && /<skipped\b/.test(body))
    .map(([test]) => unescaped(/\bname="([^"]*)"/.exec(test)?.[1] ?? ""))
  return { passed: tests.length - failed - without.length, failed, skipped: without.length, without }
}

const commandFor = (runtime: string, file: string, report: string) =>
  runtime === process.execPath
    ? [runtime, "test", `./${file}`, "--reporter=junit", `--reporter-outfile=${report}`]
    : [
        runtime,
        "--disable-warning=ExperimentalWarning",
        `--import=${new URL(`file://${join(tools, "node/register.ts")}`).href}`,
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
        "--test-reporter=junit",
        `--test-reporter-destination=${report}`,
        file,
      ]

/**
 * Runs `file`, a path below `directory`. `runtime` is the path of the Bun that runs this, or of a Node; `scratch` is a
 * directory for the report. Whatever does not end with a readable report and at least one test has failed.
 */
export const runFile = async (runtime: string, directory: string, file: string, scratch: string): Promise<Outcome> => {
  const report = join(scratch, `${Bun.randomUUIDv7()}.xml`)
  const child = Bun.spawn(commandFor(runtime, file, report), {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(),
    timeout: HANG,
    killSignal: "SIGKILL",
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  const output = `${stdout}${stderr}`
    .split("\n")
    .filter((line) => !/^(\(pass\) |\s*✔ )/.test(line))
    .join("\n")
    .trim()
  if (!existsSync(report)) {
    const ending =
      child.signalCode === null ? `it ended with ${code} and no report` : `it was ended by ${child.signalCode}`
    return { passed: 0, failed: 1, skipped: 0, without: [], reason: ending, output }
  }
  const counts = count(readFileSync(report, "utf8"))
  rmSync(report)
  if (counts.failed > 0) return { ...counts, output }
  if (counts.passed + counts.skipped === 0) return { ...counts, failed: 1, reason: "it has no test", output }
  if (code !== 0) return { ...counts, failed: 1, reason: `it ended with ${code}, outside of its tests`, output }
  return { ...counts, output }
}
