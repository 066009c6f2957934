/** A short run of what `bun run chaos` does for longer: calls under all that a network and a process can do to them. */
import { run } from "../../src/chaos/run.ts"
import { plan } from "../../src/chaos/plan.ts"
import { localFaults, remoteFaults } from "../../src/chaos/faults.ts"
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
    const faults = (of: string) =>
      new Set<string>(steps.filter(({ server }) => server === of).map(({ fault }) => fault))
    expect([...faults("local")].sort()).toEqual(Object.keys(localFaults).sort())
    expect([...faults("remote")].sort()).toEqual(Object.keys(remoteFaults).sort())
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
