/** `bun run chaos [--steps n] [--seed s]…`: see `usage`. */
import { parseArgs } from "node:util"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { errorOfCause } from "../cause.ts"
import { type Endured, endure } from "./endurance.ts"
import { progressLine } from "./progress.ts"
import { type Report, run, Violation } from "./run.ts"

const usage = `bun run chaos [--steps n] [--seed s]… [--from n]
bun run chaos --calls n [--reconnects n]

  --steps       how many steps to take with each seed; default 1000
  --seed        whole number; the same seed takes the same steps. Default: one by chance, which is printed
  --from        begin with the batch of this step
  --calls       make so many calls without harm, and hold what this process keeps meanwhile to its bound
  --reconnects  lose so many connections among them; default 1 for each 100 calls

Ends with 1 where something was wrong, and with 130 where it was interrupted.
`

const whole = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new Error(`not a whole number: ${text}`)
  return Number(text)
}

const read = () => {
  try {
    const { values } = parseArgs({
      options: {
        steps: { type: "string" },
        seed: { type: "string", multiple: true },
        from: { type: "string" },
        calls: { type: "string" },
        reconnects: { type: "string" },
        help: { type: "boolean", default: false },
      },
    })
    const calls = whole(values.calls)
    const reconnects = whole(values.reconnects)
    const isOfSteps = [values.steps, values.seed, values.from].some((value) => value !== undefined)
    if (calls === undefined && reconnects !== undefined) throw new Error("--reconnects needs --calls")
    if (calls !== undefined && isOfSteps) throw new Error("--calls goes with --reconnects alone")
    return {
      steps: whole(values.steps) ?? 1000,
      seeds: (values.seed ?? [String(Math.floor(Math.random() * 2 ** 31))]).map((text) => whole(text) ?? 0),
      from: whole(values.from) ?? 0,
      endurance: calls === undefined ? undefined : { calls, reconnects: reconnects ?? Math.floor(calls / 100) },
      help: values.help,
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return process.exit(2)
  }
}

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`
const say = (...lines: ReadonlyArray<string>) => process.stdout.write(lines.map((line) => `  ${line}\n`).join(""))

const ofSteps = ({ memory: [before, after], outcomes, processes, sessions, steps }: Report, seconds: string) => [
  `${steps} steps in ${seconds} s, clean: ${sessions} handshakes over HTTP, ${processes} local processes`,
  [...outcomes]
    .sort(([, a], [, b]) => b - a)
    .map(([name, times]) => `${times} ${name}`)
    .join(", "),
  `heap ${megabytes(before.heap)} to ${megabytes(after.heap)}, RSS ${megabytes(before.rss)} to ${megabytes(after.rss)}`,
]

const ofEndurance = ({ calls, memory, processes, reconnects, sessions }: Endured, seconds: string) => [
  `${calls} calls and ${reconnects} lost connections in ${seconds} s: ${sessions} handshakes over HTTP, ${processes} local processes`,
  `heap after each tenth, in MB: ${memory.map(({ heap }) => (heap / 1024 / 1024).toFixed(1)).join(" ")}`,
  `RSS after each tenth, in MB: ${memory.map(({ rss }) => Math.round(rss / 1024 / 1024)).join(" ")}`,
]

const { endurance, from, help, seeds, steps } = read()
if (help) {
  process.stdout.write(usage)
  process.exit(0)
}

const interrupted = new AbortController()
const interrupt = () => interrupted.abort()
// `bun run` passes on what a terminal has said already: a second one is no second wish.
process.on("SIGINT", interrupt)
process.on("SIGTERM", interrupt)

/** Runs one of them, and says what came of it; false where there is no going on. */
const carryOut = async <A>(
  effect: (progress: (done: number) => void) => Effect.Effect<A, unknown>,
  total: number,
  lines: (report: A, seconds: string) => ReadonlyArray<string>,
): Promise<boolean> => {
  const began = performance.now()
  const line = progressLine(total)
  const exit = await Effect.runPromiseExit(effect(line.at), { signal: interrupted.signal })
  line.clear()
  if (Exit.isSuccess(exit)) {
    say(...lines(exit.value, ((performance.now() - began) / 1000).toFixed(1)))
    return true
  }
  if (interrupted.signal.aborted) {
    say("interrupted")
    process.exitCode = 130
    return false
  }
  say(errorOfCause(exit.cause).message)
  const error = Cause.squash(exit.cause)
  if (error instanceof Violation) {
    say(
      `again: bun run chaos --seed ${error.seed} --steps ${error.through}, or its last batch alone: add --from ${error.step}`,
    )
  }
  process.exitCode = 1
  return true
}

if (endurance !== undefined) {
  await carryOut((progress) => endure({ ...endurance, onRound: progress }), endurance.calls, ofEndurance)
} else {
  for (const seed of seeds) {
    process.stdout.write(`seed ${seed}\n`)
    if (!(await carryOut((onBatch) => run({ seed, steps, from, onBatch }), steps, ofSteps))) break
  }
}
process.off("SIGINT", interrupt)
process.off("SIGTERM", interrupt)
// What runs on although everything was closed would be a finding, and has been looked for: nothing is forced here.
