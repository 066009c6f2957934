/** From samples to the table, for people and for machines. */
import { type Row, type SubjectName, subjects, type Unit } from "./row.ts"
import { median } from "./statistics.ts"

export interface Cell {
  readonly median: number
  /** The median over the bare client's; absent where a row has no bare client. */
  readonly ratio?: number
  readonly samples: ReadonlyArray<number>
}

export interface Line {
  readonly id: string
  readonly work: string
  readonly sampled: string
  readonly unit: Unit
  readonly better: Row["better"]
  readonly goal: number
  /** What is held against the goal: the ratio of this client, or its own value. */
  readonly value: number | null
  readonly pass: boolean | null
  readonly subjects: Partial<Record<SubjectName, Cell>>
  readonly failures: Partial<Record<SubjectName, string>>
}

export interface Report {
  /** A quick run shows that everything works; its numbers say nothing. */
  readonly quick: boolean
  readonly bun: string
  readonly platform: string
  readonly processors: number
  readonly seconds: number
  readonly rows: ReadonlyArray<Line>
}

const bytesPerMegabyte = 1024 * 1024

export interface Samples {
  readonly values: ReadonlyMap<SubjectName, ReadonlyArray<number>>
  readonly failures: ReadonlyMap<SubjectName, string>
}

/** How many decimals a goal is given with. */
const precision = (goal: number): number => (String(goal).split(".")[1] ?? "0").length

/** A value is held against its goal at the goal's own precision: 1.84 is 1.8. */
const meets = (value: number, { better, goal }: Row): boolean => {
  const rounded = Number(value.toFixed(precision(goal)))
  return better === "lower" ? rounded <= goal : rounded >= goal
}

export const lineOf = (row: Row, samples: Samples): Line => {
  const bare = samples.values.get("bare")
  const cells = new Map<SubjectName, Cell>()
  for (const [subject, values] of samples.values) {
    const middle = median(values)
    const ratio = row.unit === "ratio" && bare !== undefined ? { ratio: middle / median(bare) } : {}
    cells.set(subject, { median: middle, ...ratio, samples: values })
  }
  const ours = cells.get("ours")
  const own =
    row.unit === "ratio" ? ours?.ratio : row.unit === "MB" ? (ours?.median ?? NaN) / bytesPerMegabyte : ours?.median
  const value = own === undefined || Number.isNaN(own) ? null : own
  return {
    id: row.id,
    work: row.work,
    sampled: row.sampled,
    unit: row.unit,
    better: row.better,
    goal: row.goal,
    value,
    pass: value === null ? null : meets(value, row),
    subjects: Object.fromEntries(cells),
    failures: Object.fromEntries(samples.failures),
  }
}

const titles: Record<SubjectName, string> = {
  bare: "bare",
  "sdk-v1": "SDK v1",
  "sdk-v2": "SDK v2",
  effect: "Effect",
  ours: "this client",
}

const shown = (unit: Unit, value: number): string => {
  switch (unit) {
    case "ratio":
    case "quotient":
      return value.toFixed(2)
    case "ms":
      return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`
    case "MB":
      return `${value.toFixed(2)} MB`
    case "count":
      return String(value)
  }
}

const cellOf = (line: Line, subject: SubjectName): string => {
  if (line.failures[subject] !== undefined) return "failed"
  if (subject === "ours") return line.value === null ? "–" : shown(line.unit, line.value)
  const ratio = line.subjects[subject]?.ratio
  return ratio === undefined ? "–" : shown(line.unit, ratio)
}

const goalOf = ({ better, goal, unit }: Line): string => {
  const text = unit === "ratio" ? goal.toFixed(precision(goal)) : shown(unit, goal)
  return `${better === "lower" ? "≤" : "≥"} ${text}`
}

export interface Paint {
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly faint: (text: string) => string
}

const coded = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`
const plain = (text: string) => text

export const paintOf = (colours: boolean): Paint =>
  colours ? { good: coded(32), bad: coded(31), faint: coded(2) } : { good: plain, bad: plain, faint: plain }

export const table = (report: Report, paint: Paint): string => {
  const head = ["work", ...subjects.map((subject) => titles[subject]), "goal", ""]
  const body = report.rows.map((line) => [
    line.work,
    ...subjects.map((subject) => cellOf(line, subject)),
    goalOf(line),
    line.pass === null ? "" : line.pass ? "✓" : "✗ missed",
  ])
  const widths = head.map((title, at) => Math.max(title.length, ...body.map((cells) => cells[at]?.length ?? 0)))
  const aligned = (cells: ReadonlyArray<string>) =>
    cells.map((cell, at) => {
      const width = widths[at] ?? 0
      return at === 0 || at === cells.length - 1 ? cell.padEnd(width) : cell.padStart(width)
    })
  const rows = body.map((cells, at) => {
    const padded = aligned(cells)
    const pass = report.rows[at]?.pass
    const paintedLast = (pass === true ? paint.good : pass === false ? paint.bad : plain)(padded.at(-1) ?? "")
    return [...padded.slice(0, -1), paintedLast].join("  ").trimEnd()
  })
  const failures = report.rows.flatMap((line) =>
    Object.entries(line.failures).map(([subject, why]) => paint.bad(`${line.id}: ${subject} failed: ${why}`)),
  )
  const notes = [
    `Ratios to the bare client unless a unit is given; ${report.processors} processors, Bun ${report.bun}, ${report.seconds.toFixed(0)} s.`,
    ...(report.quick ? ["A quick run: these numbers show that everything works, and nothing else."] : []),
  ]
  return [paint.faint(aligned(head).join("  ").trimEnd()), ...rows, "", ...failures, ...notes.map(paint.faint)].join(
    "\n",
  )
}
