/** The keywords that apply subschemas and references to the instance itself (JSON Schema Core, sections 8.2, 10.2). */
import { shown } from "./error.ts"
import { type Keyword, list, type Reader, sentence, text } from "./reader.ts"
import { type Node, type Problem, type Run, Seen } from "./run.ts"

const branches = (reader: Reader, keyword: string): ReadonlyArray<Node> | undefined =>
  list(reader, keyword)?.map((one, index) => reader.inPlace(one, keyword, index))

const reference: Keyword = (reader) => {
  const target = text(reader, "$ref")
  if (target === undefined) return undefined
  const node = reader.refer(target)
  return (run, value, seen) => run.evaluate(node, value, seen)
}

/** A reference that the outermost resource on the way here may have taken over. */
const dynamic = (keyword: "$dynamicRef" | "$recursiveRef", dialect: number): Keyword => {
  return (reader) => {
    const target = reader.dialect === dialect ? text(reader, keyword) : undefined
    if (target === undefined) return undefined
    const initial = reader.refer(target)
    const others = reader.dynamic(target)
    return (run, value, seen) => {
      if (!run.spend(run.scope.length)) return false
      for (const resource of others.size === 0 ? [] : run.scope) {
        const node = others.get(resource)
        if (node !== undefined) return run.evaluate(node, value, seen)
      }
      return run.evaluate(initial, value, seen)
    }
  }
}

const all: Keyword = (reader) => {
  const nodes = branches(reader, "allOf")
  if (nodes === undefined) return undefined
  return (run, value, seen) => {
    let fits = true
    for (const node of nodes) {
      if (!run.evaluate(node, value, seen)) fits = false
      if (run.isOver) return false
    }
    return fits
  }
}

/** Reports that no alternative fits, and why, as far as a sentence can say it. */
const none = (run: Run, problems: ReadonlyArray<Problem>): boolean => {
  const { here } = run
  const told = problems.map(({ message, path }) =>
    path.length > here.length ? `at ${shown(path.slice(here.length))} ${message}` : message,
  )
  return run.fail(`expected one of the alternatives, but none fits: ${sentence([...new Set(told)])}`)
}

const any: Keyword = (reader) => {
  const nodes = branches(reader, "anyOf")
  if (nodes === undefined) return undefined
  return (run, value, seen) => {
    const problems: Array<Problem> = []
    let fits = false
    for (const node of nodes) {
      const own = seen === undefined ? undefined : new Seen()
      const problem = run.attempt(node, value, own)
      if (run.isOver) return false
      if (problem !== undefined) {
        if (problems.length < 5) problems.push(problem)
        continue
      }
      if (seen === undefined) return true
      fits = true
      run.merge(own, seen)
    }
    return fits || none(run, problems)
  }
}

const one: Keyword = (reader) => {
  const nodes = branches(reader, "oneOf")
  if (nodes === undefined) return undefined
  return (run, value, seen) => {
    const problems: Array<Problem> = []
    let first: { readonly index: number; readonly own: Seen | undefined } | undefined
    for (const [index, node] of nodes.entries()) {
      const own = seen === undefined ? undefined : new Seen()
      const problem = run.attempt(node, value, own)
      if (run.isOver) return false
      if (problem !== undefined) {
        if (problems.length < 5) problems.push(problem)
      } else if (first === undefined) first = { index, own }
      else return run.fail(`expected one alternative to fit, but the numbers ${first.index + 1} and ${index + 1} do`)
    }
    if (first === undefined) return none(run, problems)
    run.merge(first.own, seen)
    return true
  }
}

const not: Keyword = (reader) => {
  if (!Object.hasOwn(reader.schema, "not")) return undefined
  const node = reader.inPlace(reader.schema.not, "not")
  return (run, value) =>
    run.attempt(node, value) !== undefined || run.fail("expected what the schema excludes not to be there")
}

const conditional: Keyword = (reader) => {
  const { dialect, schema } = reader
  if (dialect < 7 || !Object.hasOwn(schema, "if")) return undefined
  const branch = (keyword: string) =>
    Object.hasOwn(schema, keyword) ? reader.inPlace(schema[keyword], keyword) : undefined
  const condition = reader.inPlace(schema.if, "if")
  const then = branch("then")
  const otherwise = branch("else")
  return (run, value, seen) => {
    const own = seen === undefined ? undefined : new Seen()
    const fits = run.attempt(condition, value, own) === undefined
    if (run.isOver) return false
    if (fits) run.merge(own, seen)
    const next = fits ? then : otherwise
    return next === undefined || run.evaluate(next, value, seen)
  }
}

/** What refers, alone: before 2019-09 it hides what stands beside it. */
export const references: ReadonlyArray<Keyword> = [
  reference,
  dynamic("$dynamicRef", 2020),
  dynamic("$recursiveRef", 2019),
]

export const logic: ReadonlyArray<Keyword> = [all, any, one, not, conditional]
