/**
 * `bun run bench [--json] [--only row] [--quick]`: measures this client, its rivals and a bare client against the same
 * raw servers, and prints ratios. It judges no machine: a goal that is missed is said, and the exit code stays 0.
 */
import { cpus } from "node:os"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { profileInto } from "./process.ts"
import { silent, terminal } from "./progress.ts"
import { lineOf, paintOf, type Report, table } from "./report.ts"
import { full, type Measurement, quick, type Scenario, type SubjectName } from "./row.ts"
import { httpJson, httpSse, stdio } from "./scenario/calls.ts"
import { largeMessage, largeResult, list } from "./scenario/large.ts"
import { plugin } from "./scenario/plugin.ts"
import { connect, memory, ready, start, turn } from "./scenario/servers.ts"

const scenarios: ReadonlyArray<Scenario> = [
  stdio,
  httpJson,
  httpSse,
  largeResult,
  largeMessage,
  list,
  connect,
  turn,
  ready,
  start,
  memory,
  plugin,
]

const rows = scenarios.flatMap((scenario) => scenario.rows)

const usage = `bun run bench [--json] [--only row]… [--quick] [--profile directory]

  --json    print the table as JSON, with every sample
  --only    measure these rows alone; a prefix stands for all that begin with it
  --profile write CPU profiles of this client into a directory; what is measured then is no benchmark
  --quick   tiny sizes, to see that everything works: the numbers mean nothing

rows: ${rows.map((row) => row.id).join(", ")}
`

const read = () => {
  try {
    return parseArgs({
      options: {
        json: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        profile: { type: "string" },
        help: { type: "boolean", default: false },
      },
    }).values
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return process.exit(2)
  }
}

const options = read()
if (options.help) {
  process.stdout.write(usage)
  process.exit(0)
}
const apart = new Set(scenarios.flatMap(({ apart = false, rows }) => (apart ? rows.map(({ id }) => id) : [])))
const asked = (id: string) =>
  options.only.length === 0 ? !apart.has(id) : options.only.some((name) => id === name || id.startsWith(`${name}.`))
const unknown = options.only.filter((name) => !rows.some(({ id }) => id === name || id.startsWith(`${name}.`)))
if (unknown.length > 0) {
  process.stderr.write(`No row is called ${unknown.join(", ")}.\n\n${usage}`)
  process.exit(2)
}

if (options.profile !== undefined) profileInto(resolve(options.profile))
const settings = options.quick ? quick : full
const wanted = scenarios.filter((scenario) => scenario.rows.some(({ id }) => asked(id)))
const onTerminal = process.stderr.isTTY === true && process.env["CI"] === undefined
const progress = onTerminal ? terminal(process.stderr, wanted.length) : silent
const values = new Map<string, Map<SubjectName, Array<number>>>()
const failures = new Map<string, Map<SubjectName, string>>()
const into = <A>(store: Map<string, Map<SubjectName, A>>, row: string): Map<SubjectName, A> => {
  const found = store.get(row) ?? new Map<SubjectName, A>()
  store.set(row, found)
  return found
}

const measurement: Measurement = {
  settings,
  at: progress.at,
  sample: (row, subject, value) => {
    const cells = into(values, row)
    cells.set(subject, [...(cells.get(subject) ?? []), value])
  },
  failed: (row, subject, error) => {
    into(failures, row).set(subject, error instanceof Error ? error.message : String(error))
  },
}

const before = performance.now()
for (const scenario of wanted) {
  await scenario.run(measurement, new Set(scenario.rows.map(({ id }) => id).filter(asked)))
  progress.advance()
}
progress.end()

const report: Report = {
  quick: settings.quick,
  bun: Bun.version,
  platform: `${process.platform} ${process.arch}`,
  processors: cpus().length,
  seconds: (performance.now() - before) / 1000,
  rows: rows
    .filter(({ id }) => asked(id))
    .map((row) => lineOf(row, { values: into(values, row.id), failures: into(failures, row.id) })),
}
const colours = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined
process.stdout.write((options.json ? JSON.stringify(report, null, 2) : table(report, paintOf(colours))) + "\n")
process.exitCode = report.rows.some((line) => Object.keys(line.failures).length > 0) ? 1 : 0
