// The part of `bun:test` that our suites use, on Node's own test runner and jest's `expect`, which `bun:test` follows.
import { after, afterEach, before, beforeEach, describe as nodeDescribe, test as nodeTest } from "node:test"

type Body = (...values: Array<unknown>) => unknown
type Options = number | { readonly timeout?: number }

/** What `bun test` gives a test that says nothing, in milliseconds. */
const TIMEOUT = 5_000

const limit = (options: Options | undefined) => ({
  timeout: (typeof options === "number" ? options : options?.timeout) ?? TIMEOUT,
})

/** The name of one case: each `%s` and its like stands for the next value. */
const title = (name: string, values: ReadonlyArray<unknown>) => {
  const left = [...values]
  return name.replace(/%[sdifjop]/g, () => {
    const value = left.shift()
    return typeof value === "string" ? value : JSON.stringify(value)
  })
}

/** `each(cases)(name, body)`: a case that is an array is spread over the arguments. */
const each =
  (register: (name: string, body: Body, options?: Options) => void) =>
  (cases: ReadonlyArray<unknown>) =>
  (name: string, body: Body, options?: Options) => {
    for (const one of cases) {
      const values = Array.isArray(one) ? one : [one]
      register(title(name, values), () => body(...values), options)
    }
  }

// Wrapped, because Node hands a body its context, and bun:test hands it nothing.
const run = (name: string, body: Body, options?: Options) => void nodeTest(name, limit(options), () => body())
const skip = (name: string, body?: Body) => void nodeTest(name, { skip: true }, () => body?.())
const todo = (name: string) => void nodeTest(name, { todo: true, skip: true })
const group = (name: string, body: Body) => void nodeDescribe(name, () => void body())
const skipGroup = (name: string, body: Body) => void nodeDescribe(name, { skip: true }, () => void body())

export const test = Object.assign(run, {
  each: each(run),
  only: run,
  skip,
  skipIf: (condition: boolean) => (condition ? skip : run),
  todo,
})

export const describe = Object.assign(group, {
  each: each(group),
  skip: skipGroup,
  skipIf: (condition: boolean) => (condition ? skipGroup : group),
})

export { expect } from "expect"
export { after as afterAll, afterEach, before as beforeAll, beforeEach, test as it }
