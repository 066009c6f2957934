/** The process table of a platform without `/proc`, as text: what `ps` of macOS prints. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { descendants, parsePs, parseStarted, survivors, together } from "../../src/process/tree.ts"

const table = parsePs(`    1     0     1 Ss   Mon Nov  2 08:00:01 2026    
  501     1   501 S+   Sat Nov 21 10:20:18 2026    
  502   501   501 S    Sat Nov 21 10:20:19 2026    
  503   502   503 R    Sat Nov 21 10:20:19 2026    
  504   502   501 Z    Sat Nov 21 10:20:20 2026    

`)

const leader = { pid: 501, parent: 1, group: 501 }

describe("what ps prints", () => {
  test("is every process but the zombies, each with when it started", () => {
    expect(table.map(({ pid }) => pid)).toEqual([1, 501, 502, 503])
    expect(table[0]).toEqual({ pid: 1, parent: 0, group: 1, started: "Mon Nov 2 08:00:01 2026" })
    expect(descendants(table, 501).map(({ pid }) => pid)).toEqual([501, 502, 503])
  })

  test("is no process where it is something else", () => {
    expect(parsePs("ps: illegal option\n")).toEqual([])
  })

  test("of one process says the same start time as the whole table", () => {
    expect(parseStarted("Sat Nov 21 10:20:18 2026    \n")).toBe(`${table[1]?.started}`)
    expect(parseStarted("Mon Nov  2 08:00:01 2026\n")).toBe(`${table[0]?.started}`)
    expect(parseStarted("\n")).toBe("")
  })
})

describe("a server's process", () => {
  const left = (started: string) => survivors(table, [{ ...leader, started }]).map(({ pid }) => pid)

  test("is known by its id and its start time, and brings what it started", () => {
    expect(left("Sat Nov 21 10:20:18 2026")).toEqual([501, 502, 503])
  })

  test("is not the stranger who was given its id after it ended", () => {
    expect(left("Fri Nov 20 09:00:00 2026")).toEqual([])
  })

  test("is known by its id alone until its start time is", () => {
    expect(left("")).toEqual([501, 502, 503])
  })
})

describe("a look at the processes", () => {
  const counting = () => {
    let looks = 0
    return together(Effect.sync(() => (looks += 1)))
  }

  it.live("is one for fifty servers that end at the same time, and another for who asks later", () =>
    Effect.gen(function* () {
      const look = counting()
      const fifty = Array.from({ length: 50 }, () => look)
      expect(new Set(yield* Effect.all(fifty, { concurrency: "unbounded" }))).toEqual(new Set([1]))
      expect(yield* look).toBe(2)
    }),
  )

  it.live("comes for the others where who asked first has gone away", () =>
    Effect.gen(function* () {
      const look = counting()
      const first = yield* Effect.forkChild(look, { startImmediately: true })
      const second = yield* Effect.forkChild(look, { startImmediately: true })
      yield* Fiber.interrupt(first)
      expect(yield* Fiber.join(second)).toBe(1)
    }),
  )
})
