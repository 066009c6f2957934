/** A short run of what `bun run chaos` does for longer: calls under all that a network and a process can do to them. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { endure } from "../../src/chaos/endurance.ts"
import { faults } from "../../src/chaos/faults.ts"
import { plan } from "../../src/chaos/plan.ts"
import { run } from "../../src/chaos/run.ts"
import { it } from "../../src/effect.ts"
import { describe, expect, test } from "../../src/runner.ts"
import * as Effect from "effect/Effect"

/** Another one each time, unless it is named: the name of what failed has it. */
const seed = Number(process.env["CHAOS_SEED"] ?? Math.floor(Math.random() * 2 ** 31))

describe("the steps of a seed", () => {
  test("are the same each time, and others for another seed", () => {
    expect([...plan(7, 300)]).toEqual([...plan(7, 300)])
    expect([...plan(7, 300)]).not.toEqual([...plan(8, 300)])
  })

  test("are as many as were asked for, and leave no fault and no disaster out", () => {
    const steps = [...plan(7, 20_000)].flatMap((batch) => batch.steps)
    expect(steps.map(({ number }) => number)).toEqual(Array.from({ length: 20_000 }, (_, at) => at + 1))
    for (const [name, own] of Object.entries(faults)) {
      const used = new Set<string>(steps.filter(({ server }) => server === name).map(({ fault }) => fault))
      expect([...used].sort()).toEqual(Object.keys(own).sort())
    }
    const disasters = steps.flatMap(({ action }) => (action.kind === "disaster" ? [action.disaster.kind] : []))
    expect([...new Set<string>(disasters)].sort()).toEqual(
      ["amnesia", "cut", "down", "freeze", "kill", "reconnect", "restart"].sort(),
    )
  })
})

it.live(
  `every call is answered once, with its own answer, or fails with a reason; nothing stays: seed ${seed}`,
  () =>
    Effect.gen(function* () {
      const report = yield* run({ seed, steps: 300 })
      const ended = [...report.outcomes.values()].reduce((sum, times) => sum + times, 0)
      expect(ended).toBe(300)
      expect(report.outcomes.get("answered")).toBeGreaterThan(50)
    }),
  180_000,
)

it.live(
  "memory is flat over thousands of calls and tens of lost connections",
  () =>
    Effect.gen(function* () {
      const { calls, memory, processes, reconnects, sessions } = yield* endure({ calls: 5_000, reconnects: 50 })
      expect({ calls, reconnects, looks: memory.length }).toEqual({ calls: 5_000, reconnects: 50, looks: 10 })
      // Each loss but that of sockets begins a session or a process.
      expect(sessions + processes).toBeGreaterThan(40)
    }),
  180_000,
)

/** `bun run chaos` as a program of its own, on a client with one place changed. */
const chaos = (words: ReadonlyArray<string>, mutant?: readonly [path: string, from: string, to: string]) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const preload = fileURLToPath(new URL("mutant.ts", import.meta.url))
      const program = fileURLToPath(new URL("../../src/chaos/main.ts", import.meta.url))
      const env = { ...process.env, ...(mutant === undefined ? {} : { MUTANT: JSON.stringify(mutant) }) }
      return spawn(process.execPath, ["--preload", preload, program, ...words], {
        env,
        stdio: ["pipe", "pipe", "pipe"],
      })
    }),
    (child) => Effect.sync(() => child.kill("SIGTERM")),
  ).pipe(
    Effect.flatMap((child) =>
      Effect.callback<{ readonly code: number | null; readonly said: string }>((resume) => {
        let said = ""
        child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()))
        child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()))
        child.once("close", (code) => resume(Effect.succeed({ code, said })))
      }),
    ),
    Effect.scoped,
  )

const session = (name: string) => `packages/mcp/src/session/${name}`

/** What is taken out of the client, the run that has to notice, and what it says. */
const mutants = [
  {
    name: "what bounds which calls are sent again",
    mutant: [
      session("recovery.ts"),
      "const may = repeatable.has(failed.error.method) || failed.options?.repeatable === true",
      "const may = true",
    ],
    words: ["--steps", "200", "--seed", "1"],
    says: /was executed twice|was answered in spite of/,
  },
  {
    name: "what bounds how often a call is sent again",
    mutant: [
      session("recovery.ts"),
      "if (later !== undefined || failed.past?.isRepeated === true)",
      "if (later !== undefined)",
    ],
    words: ["--steps", "200", "--seed", "8"],
    says: /handshakes|sent too often|failed, although/,
  },
  {
    name: "whose answer it is",
    mutant: [
      session("requests.ts"),
      'const entry = typeof id === "number" ? pending.get(id) : undefined\n      // An id of ours',
      "const entry = pending.values().next().value\n      // An id of ours",
    ],
    words: ["--steps", "200", "--seed", "3"],
    // Where it is a list that gets another's answer, nothing can be called.
    says: /got an answer that is not its own|was not usable any more/,
  },
  {
    name: "that an answer is forgotten",
    mutant: [
      session("requests.ts"),
      "      answers += 1\n",
      "      answers += 1\n      Object(globalThis).kept = [Object(globalThis).kept, new Array(512).fill(answers)]\n",
    ],
    words: ["--calls", "5000", "--reconnects", "5"],
    says: /heap grew by/,
  },
] as const

describe("without one of its bounds the client does not pass", () => {
  it.live.each(mutants)(
    "%s",
    ({ mutant, says, words }) =>
      Effect.gen(function* () {
        const { code, said } = yield* chaos(words, mutant)
        expect(said).toMatch(says)
        expect(code).toBe(1)
      }),
    120_000,
  )

  it.live(
    "and with all of them it does",
    () =>
      Effect.gen(function* () {
        const { code, said } = yield* chaos(["--steps", "200", "--seed", "8", "--seed", "1"])
        expect(said).toContain("clean")
        expect(code).toBe(0)
      }),
    120_000,
  )
})
