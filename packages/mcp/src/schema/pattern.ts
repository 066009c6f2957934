/**
 * Regular expressions in linear time: RE2's engine, and before it the little that patterns of real schemas need of
 * ECMAScript and RE2 lacks.
 *
 * That is: lookaheads at the very start of an anchored pattern (`^(?=.*\d)(?!admin).+$`), each of which is a pattern of
 * its own, and the names of `\s` and `\p{…}`. Other lookarounds and backreferences have no linear time and are
 * refused.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"

/** A regular expression, compiled. */
export interface Pattern {
  /** The size of its automaton: a match costs at most a multiple of this times the text's length. */
  readonly size: number
  readonly test: (text: string) => boolean
}

/** Compiles the patterns of one schema: together they are bounded. */
export type Engine = (pattern: string) => Result.Result<Pattern, string>

/** No pattern is longer, in UTF-16 units. */
const longest = 5000
/** No pattern has more atoms once what it counts is written out. */
const mostExpanded = 20_000
/** The automata of one schema have no more instructions together; each pattern counts for at least a hundred. */
const mostInstructions = 200_000

const spaces = "\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"

/** The long names of categories, which RE2 does not know. */
const categories: ReadonlyMap<string, string> = new Map([
  ["Letter", "L"],
  ["Lowercase_Letter", "Ll"],
  ["Uppercase_Letter", "Lu"],
  ["Mark", "M"],
  ["Number", "N"],
  ["Decimal_Number", "Nd"],
  ["digit", "Nd"],
  ["Punctuation", "P"],
  ["punct", "P"],
  ["Separator", "Z"],
  ["Space_Separator", "Zs"],
  ["Symbol", "S"],
])

/** `\s` and `\p{…}` as ECMAScript means them. */
const translate = (pattern: string): string => {
  let inClass = false
  return pattern.replace(/\\[pP]\{([^{}]*)\}|\\[^]|[[\]]/g, (token, property: string | undefined) => {
    if (property !== undefined) {
      const name = property.replace(/^(?:Script|sc|General_Category|gc)=/, "")
      return `${token.slice(0, 2)}{${categories.get(name) ?? name}}`
    }
    if (token === "\\s") return inClass ? spaces : `[${spaces}]`
    if (token === "\\S" && !inClass) return `[^${spaces}]`
    if (token === "[") inClass = true
    if (token === "]") inClass = false
    return token
  })
}

/** Where the group that opens at `start` closes, and whether an alternative begins outside of all groups after it. */
const scan = (pattern: string, start: number): { readonly end: number; readonly divides: boolean } => {
  let depth = 0
  let inClass = false
  let end = -1
  for (let at = start; at < pattern.length; at++) {
    const character = pattern[at]
    if (character === "\\") at++
    else if (inClass) inClass = character !== "]"
    else if (character === "[") inClass = true
    else if (character === "(") depth++
    else if (character === ")") {
      depth--
      if (depth === 0 && end < 0) end = at
    } else if (character === "|" && depth === 0) return { end, divides: true }
  }
  return { end, divides: false }
}

interface Part {
  readonly text: string
  readonly wanted: boolean
}

/** `^(?=a)(?!b)c` taken apart into what has to match, and what must not. */
const parts = (pattern: string): ReadonlyArray<Part> => {
  const found: Array<Part> = []
  let at = 1
  if (!/^\^\(\?[=!]/.test(pattern) || scan(pattern, 1).divides) return [{ text: pattern, wanted: true }]
  while (/^\(\?[=!]/.test(pattern.slice(at, at + 3))) {
    const { end } = scan(pattern, at)
    if (end < 0 || /[*+?{]/.test(pattern[end + 1] ?? "")) break
    found.push({ text: `^(?:${pattern.slice(at + 3, end)})`, wanted: pattern[at + 2] === "=" })
    at = end + 1
  }
  return [...found, { text: `^(?:${pattern.slice(at)})`, wanted: true }]
}

/** How many atoms there are once what is counted (`{1,64}`) is written out. */
const expanded = (pattern: string): number => {
  const counted = /\{(\d+)(?:,(\d*))?\}/y
  /** The atoms of each open group. */
  const sums = [0]
  let atom = 0
  const add = (size: number) => {
    atom = size
    sums.push((sums.pop() ?? 0) + size)
  }
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]
    counted.lastIndex = at
    const [count, least = "1", most = ""] = counted.exec(pattern) ?? []
    if (count !== undefined) {
      const times = Math.max(1, Number(least), Number(most))
      const repeated = atom * times
      add(repeated - atom)
      atom = repeated
      at += count.length - 1
    } else if (character === "\\") {
      // RE2 would take all that follows for letters.
      if (pattern[at + 1] === "Q") return Infinity
      at++
      if (/[pPux]/.test(pattern[at] ?? "") && pattern[at + 1] === "{") at = pattern.indexOf("}", at) >>> 0
      add(1)
    } else if (character === "[") {
      for (at++; at < pattern.length && pattern[at] !== "]"; at++) if (pattern[at] === "\\") at++
      add(1)
    } else if (character === "(") sums.push(0)
    else if (character === ")" && sums.length > 1) add(sums.pop() ?? 0)
    else add(1)
  }
  return sums.reduce((all, one) => all + one, 0)
}

const tidy = (error: unknown): string =>
  /(?:invalid|unsupported) .*\(\?<?[=!]|escape sequence: `\\[1-9k]/.test(String(error))
    ? "lookarounds and backreferences cannot be matched in linear time"
    : (error instanceof Error ? error.message : String(error)).replace(/^error parsing regexp: /, "").slice(0, 200)

let engine: Promise<typeof import("re2js")> | undefined

/** Loads RE2's engine: only a schema that has patterns pays for it. */
export const load: Effect.Effect<() => Engine> = Effect.map(
  Effect.promise(() => (engine ??= import("re2js"))),
  ({ RE2JS }) =>
    () => {
      const known = new Map<string, Result.Result<Pattern, string>>()
      let left = mostInstructions

      const one = (text: string): Result.Result<Pattern, string> => {
        if (left <= 0) return Result.fail("the schema's patterns are too large together")
        const compiled = Result.try({ try: () => RE2JS.compile(RE2JS.translateRegExp(translate(text))), catch: tidy })
        left -= 100
        if (Result.isFailure(compiled)) return Result.fail(compiled.failure)
        const re2 = compiled.success
        const size = re2.programSize()
        left -= size
        // Not `re2.test`: it builds automata whose memory and time grow with every text.
        return Result.succeed({ size, test: (value) => re2.matcher(value).find() })
      }

      const compile = (pattern: string): Result.Result<Pattern, string> => {
        if (pattern.length > longest) return Result.fail(`it is longer than ${longest} characters`)
        if (expanded(pattern) > mostExpanded) return Result.fail("it repeats too much, too often")
        let all: Pattern = { size: 0, test: () => true }
        for (const { text, wanted } of parts(pattern)) {
          const compiled = one(text)
          if (Result.isFailure(compiled)) return compiled
          const before = all
          const { size, test } = compiled.success
          all = { size: before.size + size, test: (value) => before.test(value) && test(value) === wanted }
        }
        return Result.succeed(all)
      }

      return (pattern) => {
        const before = known.get(pattern)
        if (before !== undefined) return before
        const compiled = compile(pattern)
        known.set(pattern, compiled)
        return compiled
      }
    },
)
