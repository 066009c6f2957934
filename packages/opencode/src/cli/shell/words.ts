/** What is typed at the prompt, as words. */
import * as Effect from "effect/Effect"
import { badRequest, type CliFailure } from "../failure.ts"

// A quoted part, an escaped character, or a character that is none of them and no space.
const part = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\])/y

/**
 * The words of a line: as a POSIX shell has them, without its variables and patterns, and with one addition: what begins
 * with `{` or `[` is one word to the end of the line, so that JSON needs no quotes around it.
 */
export const split = (line: string): Effect.Effect<ReadonlyArray<string>, CliFailure> =>
  Effect.suspend(() => {
    const words: Array<string> = []
    let at = 0
    for (;;) {
      while (/\s/.test(line[at] ?? "")) at += 1
      if (at >= line.length) return Effect.succeed(words)
      if (line[at] === "{" || line[at] === "[") return Effect.succeed([...words, line.slice(at).trim()])
      let word = ""
      while (at < line.length && !/\s/.test(line[at] ?? "")) {
        part.lastIndex = at
        const match = part.exec(line)
        if (match === null) return Effect.fail(badRequest(`column ${at + 1}: ${line[at]} has no end`))
        const [whole, single, double, escaped, plain] = match
        word += single ?? double?.replace(/\\(["\\])/g, "$1") ?? escaped ?? plain ?? ""
        at += whole.length
      }
      words.push(word)
    }
  })
