import { describe, expect, test } from "@opencode-ai/testing/runner"
import { Buffer, weigh } from "../../src/notification/buffer.ts"
import { compare, isAtLeast, isLevel, levels, toLogLevel } from "../../src/notification/level.ts"

describe("what waits for a reader", () => {
  const bounds = {
    capacity: 8,
    bytes: 1_000_000,
    groupCapacity: 4,
    group: (text: string) => (text.startsWith("!") ? undefined : text.charAt(0)),
    lost: (first: string, count: number) => `lost ${count} from ${first}`,
  }
  test("is bounded by kind: one that floods takes no room from others, and each loss is told in its place", () => {
    const buffer = new Buffer(bounds)
    for (let at = 0; at < 1_000; at++) buffer.offer(`a${at}`)
    for (let at = 0; at < 6; at++) buffer.offer(`b${at}`)
    expect([buffer.offer("c"), buffer.offer("!status"), buffer.offer("!question")]).toEqual([false, true, true])
    expect(buffer.offer("!one too many")).toBe(false)
    expect(buffer.take()).toEqual([
      ...["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3", "!status", "!question"],
      ...["lost 996 from a4", "lost 2 from b4", "lost 1 from c", "lost 1 from !one too many"],
    ])
    expect(buffer.take()).toEqual([])
    expect(buffer.offer("a")).toBe(true)
    expect(buffer.take()).toEqual(["a"])
  })
  test("is bounded in bytes, but one element always has room", () => {
    const buffer = new Buffer<string>({ capacity: 100, bytes: 1_000 })
    expect([buffer.offer("x".repeat(10_000)), buffer.offer("y")]).toEqual([true, false])
    expect(buffer.take()).toHaveLength(1)
    expect([buffer.offer("x".repeat(400)), buffer.offer("x".repeat(400))]).toEqual([true, false])
  })
  test("is weighed without looking at all of it, nor without end", () => {
    expect(weigh("x".repeat(1_000))).toBeGreaterThan(1_999)
    expect(weigh({ a: ["b", { c: "d".repeat(500) }] })).toBeGreaterThan(1_000)
    const many = Array.from({ length: 100_000 }, () => "x".repeat(10))
    expect(weigh(many)).toBeGreaterThan(2_000_000)
    const cycle: Array<unknown> = []
    cycle.push(cycle)
    expect(weigh(cycle)).toBeGreaterThan(0)
  })
})

describe("the levels of a log", () => {
  test("are those of RFC 5424, in order, each as Effect's log has it", () => {
    expect(levels.map((level) => [level, toLogLevel(level)])).toEqual([
      ["debug", "Debug"],
      ["info", "Info"],
      ["notice", "Info"],
      ["warning", "Warn"],
      ["error", "Error"],
      ["critical", "Fatal"],
      ["alert", "Fatal"],
      ["emergency", "Fatal"],
    ])
    expect(levels.toReversed().toSorted(compare)).toEqual([...levels])
    expect([isAtLeast("error", "warning"), isAtLeast("info", "info"), isAtLeast("debug", "info")]).toEqual([
      true,
      true,
      false,
    ])
    expect([isLevel("notice"), isLevel("toString"), isLevel("Error"), isLevel(undefined)]).toEqual([
      true,
      false,
      false,
      false,
    ])
  })
})
