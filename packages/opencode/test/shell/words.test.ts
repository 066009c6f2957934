import { it } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { split } from "../../src/cli/shell/words.ts"

it.effect("a line becomes words as in a shell, and JSON needs no quotes", () =>
  Effect.gen(function* () {
    expect(yield* split("")).toEqual([])
    expect(yield* split("  call  a\tb ")).toEqual(["call", "a", "b"])
    expect(yield* split(`m='a b'"c \\" \\\\ \\n"\\ d`)).toEqual([`m=a bc " \\ \\n d`])
    expect(yield* split(`'' ""`)).toEqual(["", ""])
    expect(yield* split(`call a b {"m": "x  'y"} `)).toEqual(["call", "a", "b", `{"m": "x  'y"}`])
    expect(yield* split(`roots [{"uri": "file:///"}]`)).toEqual(["roots", `[{"uri": "file:///"}]`])
    expect(yield* split("a=[1,2] x{y}")).toEqual(["a=[1,2]", "x{y}"])
    for (const open of ["a 'b", 'a "b', "a\\"]) {
      expect((yield* Effect.flip(split(open))).message).toMatch(/^column \d: .* has no end$/)
    }
  }),
)
