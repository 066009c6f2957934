/** `bun run chaos [--steps n] [--seed s]…`: see `usage`. */
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { errorOfCause } from "../cause.ts"
import { type Report, run } from "./run.ts"

const usage = `bun run chaos [--steps n] [--seed s]…

  --steps  how many steps to take with each seed; default 1000
  --seed   whole number; the same seed takes the same steps. Default: one by chance, which is printed
`

const read = () => {
  try {
    const { values } = parseArgs({
      options: {
        steps: { type: "string", default: "1000" },
        seed: { type: "string", multiple: true, default: [String(Math.floor(Math.random() * 2 ** 31))] },
        help: { type: "boolean", default: false },
      },
    })
    const steps = Number(values.steps)
    const seeds = values.seed.map(Number)
    if (![steps, ...seeds].every((value) => Number.isInteger(value) && value >= 0))
      throw new Error("not a whole number")
    return { steps, seeds, help: values.help }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return process.exit(2)
  }
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`

const lines = ({ memory: [before, after], outcomes, processes, sessions, steps }: Report, seconds: number) => [
  `${steps} steps in ${seconds.toFixed(1)} s: ${sessions} sessions over HTTP, ${processes} local processes`,
  [...outcomes]
    .sort(([, a], [, b]) => b - a)
    .map(([name, times]) => `${times} ${name}`)
    .join(", "),
  `heap ${megabytes(before.heap)} to ${megabytes(after.heap)}, RSS ${megabytes(before.rss)} to ${megabytes(after.rss)}`,
]

const { help, seeds, steps } = read()
if (help) {
  process.stdout.write(usage)
  process.exit(0)
}
for (const seed of seeds) {
  process.stdout.write(`seed ${seed}\n`)
  const began = performance.now()
  const onTerminal = process.stderr.isTTY === true
  const onBatch = (done: number) => {
    if (onTerminal) process.stderr.write(`\r${done} `)
  }
  const exit = await Effect.runPromiseExit(run({ seed, steps, onBatch }))
  if (onTerminal) process.stderr.write("\r")
  const seconds = (performance.now() - began) / 1000
  if (Exit.isSuccess(exit))
    process.stdout.write(
      lines(exit.value, seconds)
        .map((line) => `  ${line}\n`)
        .join(""),
    )
  else {
    process.stdout.write(`  ${errorOfCause(exit.cause).message}\n`)
    process.exitCode = 1
  }
}
// What runs on although everything was closed would be a finding, and has been looked for: nothing is forced here.
