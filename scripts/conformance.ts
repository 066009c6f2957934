// Runs the referee (`@modelcontextprotocol/conformance`) against this client and prints a table of what it found.
//
//   bun run conformance                            the scenarios that this client passes today
//   bun run conformance tools_call auth/dpop       these scenarios
//   bun run conformance --requirements 2025-11-25  every client scenario that this revision requires
//   bun run conformance … --spec-version 2025-06-18  at another revision of the wire
//   bun run conformance auth/iss-supported@2025-11-25  at one that the referee does not ask the scenario of
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { node22, tools } from "./tools.ts"

/**
 * What this client passes today. It only ever grows. What follows an `@` is a revision that a scenario is run at although
 * it is of a later one: what it looks for is no matter of the wire.
 */
export const passing = [
  "initialize",
  "tools_call",
  "sse-retry",
  "elicitation-sep1034-client-defaults",
  "json-schema-ref-no-deref@2025-11-25",
  "json-schema-2020-12-preservation",
  "auth/metadata-default",
  "auth/metadata-var1",
  "auth/metadata-var2",
  "auth/metadata-var3",
  "auth/basic-cimd",
  "auth/scope-from-www-authenticate",
  "auth/scope-from-scopes-supported",
  "auth/scope-omitted-when-undefined",
  "auth/scope-step-up",
  "auth/scope-retry-limit",
  "auth/token-endpoint-auth-basic",
  "auth/token-endpoint-auth-post",
  "auth/token-endpoint-auth-none",
  "auth/pre-registration",
  "auth/2025-03-26-oauth-metadata-backcompat",
  "auth/2025-03-26-oauth-endpoint-fallback",
  "auth/client-credentials-jwt",
  "auth/client-credentials-basic",
  "auth/enterprise-managed-authorization",
  "auth/dpop",
  "auth/dpop-nonce",
  "auth/wif-jwt-bearer",
  "auth/resource-mismatch@2025-11-25",
  "auth/offline-access-scope@2025-11-25",
  "auth/offline-access-not-supported@2025-11-25",
  "auth/authorization-server-migration@2025-11-25",
  "auth/iss-supported@2025-11-25",
  "auth/iss-not-advertised@2025-11-25",
  "auth/iss-supported-missing@2025-11-25",
  "auth/iss-wrong-issuer@2025-11-25",
  "auth/iss-unexpected@2025-11-25",
  "auth/iss-normalized@2025-11-25",
  "auth/metadata-issuer-mismatch@2025-11-25",
]

/** The referee gives a scenario 30 s; one that takes longer than this, in milliseconds, hangs in the referee itself. */
const HANG = 90_000

/** How many scenarios run at once; most of their time is waiting. */
const PARALLEL = 2

const root = join(import.meta.dir, "..")
const referee = join(tools, "node_modules/@modelcontextprotocol/conformance/dist/index.js")
// The referee splits the command at its spaces, so the client is named by a path relative to the working directory.
const client = `${process.execPath.includes(" ") ? "bun" : process.execPath} packages/testing/src/conformance/client.ts`

interface Check {
  readonly id: string
  readonly status: string
  readonly description: string
  readonly details?: { readonly message?: string }
}

export interface Verdict {
  readonly scenario: string
  readonly passed: boolean
  /** Checks without a finding, and all of them. */
  readonly succeeded: number
  readonly checks: number
  /** One line for each failure or warning, or why there is no verdict. */
  readonly findings: ReadonlyArray<string>
}

const checksIn = (directory: string): ReadonlyArray<Check> | undefined => {
  const [file] = new Bun.Glob("**/checks.json").scanSync({ cwd: directory })
  return file === undefined ? undefined : JSON.parse(readFileSync(join(directory, file), "utf8"))
}

const judge = async (node: string, scenario: string, revision: string | undefined): Promise<Verdict> => {
  const output = mkdtempSync(join(tmpdir(), "conformance-"))
  try {
    const [name = scenario, forced] = scenario.split("@")
    const options = ["client", "--command", client, "--scenario", name, "--output-dir", output]
    if (forced !== undefined) options.push("--spec-version", forced, "--force")
    else if (revision !== undefined) options.push("--spec-version", revision)
    const child = Bun.spawn([node, referee, ...options], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: HANG,
      killSignal: "SIGKILL",
    })
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    const all = checksIn(output)
    if (all === undefined) {
      const said = (stderr.trim() || stdout.trim()).split("\n").slice(0, 3)
      return { scenario, passed: false, succeeded: 0, checks: 0, findings: ["no verdict", ...said] }
    }
    const checks = all.filter((check) => check.status !== "INFO")
    const found = checks.filter((check) => check.status === "FAILURE" || check.status === "WARNING")
    const findings = found.map((it) => `${it.status} ${it.id}: ${it.details?.message ?? it.description}`)
    if (code !== 0 && findings.length === 0)
      findings.push(`the referee ended with ${code}: ${stderr.trim().slice(-400)}`)
    const passed = code === 0 && findings.length === 0
    return { scenario, passed, succeeded: checks.length - found.length, checks: checks.length, findings }
  } finally {
    rmSync(output, { recursive: true, force: true })
  }
}

/** Runs the scenarios and hands each verdict to `report` as it comes. */
export const conformance = async (
  scenarios: ReadonlyArray<string>,
  report: (verdict: Verdict) => void,
  revision?: string,
): Promise<ReadonlyArray<Verdict>> => {
  const node = node22()
  const verdicts: Array<Verdict> = []
  const waiting = [...scenarios]
  const worker = async () => {
    for (let scenario = waiting.shift(); scenario !== undefined; scenario = waiting.shift()) {
      const verdict = await judge(node, scenario, revision)
      verdicts.push(verdict)
      report(verdict)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return verdicts
}

/** The client scenarios that a revision requires, as the referee lists them. */
const required = (revision: string): ReadonlyArray<string> => {
  const list = Bun.spawnSync([node22(), referee, "list", "--client", "--requirements", revision])
  const [, section = ""] = /^Client scenarios.*\n((?: +- .*\n)*)/m.exec(list.stdout.toString()) ?? []
  return [...section.matchAll(/^ +- (\S+)/gm)].map(([, name]) => name ?? "")
}

export const line = (verdict: Verdict) =>
  [
    `${verdict.passed ? "✓" : "✗"} ${verdict.scenario.padEnd(44)} ${verdict.succeeded}/${verdict.checks} checks`,
    ...verdict.findings.map((finding) => `    ${finding}`),
  ].join("\n")

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { requirements: { type: "string" }, "spec-version": { type: "string" } },
  })
  const chosen = values.requirements === undefined ? positionals : [...positionals, ...required(values.requirements)]
  if (values.requirements !== undefined && chosen.length === positionals.length) {
    console.error(`The referee knows no requirements "${values.requirements}"; it has 2025-11-25 and 2026-07-28.`)
    process.exit(2)
  }
  const verdicts = await conformance(
    chosen.length === 0 ? passing : chosen,
    (verdict) => console.log(line(verdict)),
    values["spec-version"],
  )
  const passed = verdicts.filter((verdict) => verdict.passed).length
  console.log(`\n${passed} passed, ${verdicts.length - passed} failed`)
  process.exit(passed === verdicts.length ? 0 : 1)
}
