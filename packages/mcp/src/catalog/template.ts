/**
 * The URI template of a resource, of which a person or a model fills in the variables (RFC 6570, level 4).
 *
 * The encoding is `url-template`'s. What that leaves open is done here: a template is read and refused with the place of
 * what is wrong, a prefix counts characters and not halves of them, a value is never looked up in a prototype, and what
 * comes of a template is bounded, in time linear in its length and in that of the values.
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { parseTemplate } from "url-template"

/** The longest template, in characters. */
export const templateLimit = 65_536
/** The most that the values of one expansion have together, in characters, each counted as often as it is used. */
export const valueLimit = 1_048_576
/** The most members of one list. */
const listLimit = 10_000
/** The longest name of a variable, with its modifier. */
const nameLimit = 256

/** The template is none: it breaks the grammar of RFC 6570 §2. */
export class BadTemplate extends Data.TaggedError("BadTemplate")<{
  readonly template: string
  /** The character at which it goes wrong, from 1. */
  readonly column: number
  readonly detail: string
}> {
  override get message(): string {
    return `${JSON.stringify(this.template)} is no URI template: ${this.detail} (column ${this.column})`
  }
}

/** Variables without which there is no URI have no value. */
export class MissingVariables extends Data.TaggedError("MissingVariables")<{
  readonly template: string
  readonly names: ReadonlyArray<string>
}> {
  override get message(): string {
    return `${JSON.stringify(this.template)} needs a value for ${quoted(this.names)}`
  }
}

/** Values for what are no variables of the template. */
export class UnknownVariables extends Data.TaggedError("UnknownVariables")<{
  readonly template: string
  readonly names: ReadonlyArray<string>
  /** The variables that there are. */
  readonly all: ReadonlyArray<string>
}> {
  override get message(): string {
    const has = this.all.length === 0 ? "it has none" : `it has ${quoted(this.all)}`
    return `${JSON.stringify(this.template)} has no variable ${quoted(this.names)}; ${has}`
  }
}

/** A value that cannot stand in its place. */
export class BadValue extends Data.TaggedError("BadValue")<{
  readonly name: string
  readonly detail: string
}> {
  override get message(): string {
    return `the value of ${JSON.stringify(this.name)} ${this.detail}`
  }
}

export type TemplateReason = BadTemplate | MissingVariables | UnknownVariables | BadValue

/** Why a template, or what was to be filled into it, cannot be used. */
export class TemplateError extends Data.TaggedError("TemplateError")<{ readonly reason: TemplateReason }> {
  override readonly cause: unknown = this.reason
  override get message(): string {
    return this.reason.message
  }
}

/** What a variable stands for. A list or an object with nothing in it counts as no value. */
export type Value = string | number | boolean | ReadonlyArray<string> | Readonly<Record<string, string>>

/** A variable of a template. */
export interface Variable {
  readonly name: string
  /** Whether there is no URI without it. One of a query, a fragment or a further segment may be absent. */
  readonly required: boolean
  /** Whether it takes a list: each member stands by itself (`*`). */
  readonly list: boolean
}

/** A template that was read. */
export interface Template {
  readonly source: string
  /** Its variables, each once, in order. */
  readonly variables: ReadonlyArray<Variable>
  /** The URI with these values. Nothing is taken from a prototype. */
  readonly expand: (values: Readonly<Record<string, Value>>) => Result.Result<string, TemplateError>
}

interface Spec {
  readonly name: string
  readonly prefix: number | undefined
  readonly explode: boolean
}

interface Expression {
  readonly operator: string
  readonly specs: ReadonlyArray<Spec>
}

const quoted = (names: ReadonlyArray<string>): string => {
  const shown = names.slice(0, 10).map((name) => JSON.stringify(name))
  return `${shown.join(", ")}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ""}`
}

const fail = (reason: TemplateReason) => Result.fail(new TemplateError({ reason }))

const operators = "+#./;?&"
/** RFC 6570 §2.2 keeps these for later. */
const reservedOperators = "=,!@|"

// A hyphen is not allowed by the grammar, but servers use it, and it means nothing else.
const spec = /^((?:[\w-]|%[\da-f]{2})+(?:\.(?:[\w-]|%[\da-f]{2})+)*)(?::([1-9]\d{0,3})|(\*))?$/i

/** An expression without its braces; or what is wrong with it, and where in it. */
const readExpression = (body: string): Expression | { readonly detail: string; readonly at: number } => {
  const first = body.charAt(0)
  if (body === "") return { detail: "an expression is empty", at: 0 }
  if (reservedOperators.includes(first)) return { detail: `the operator ${first} has no meaning`, at: 0 }
  const operator = operators.includes(first) ? first : ""
  const specs: Array<Spec> = []
  let at = operator.length
  for (const text of body.slice(at).split(",")) {
    const [, name, prefix, star] = (text.length > nameLimit ? undefined : spec.exec(text)) ?? []
    if (name === undefined) return { detail: `${JSON.stringify(text.slice(0, 50))} names no variable`, at }
    specs.push({ name, prefix: prefix === undefined ? undefined : Number(prefix), explode: star !== undefined })
    at += text.length + 1
  }
  return { operator, specs }
}

const keepsReserved = (operator: string) => operator === "+" || operator === "#"

/** Text that the library encodes as RFC 6570 §3.2.1 says: no half characters, no percent sign that encodes nothing. */
const prepare = (text: string, operator: string): string => {
  const whole = text.toWellFormed()
  return keepsReserved(operator) ? whole.replace(/%(?![\dA-Fa-f]{2})/g, "%25") : whole
}

/** How many UTF-16 units of a prepared value are its first `count` characters (RFC 6570 §2.4.1). */
const prefixLength = (text: string, count: number, operator: string): number => {
  // What is encoded already counts as the character that it stands for.
  const character = keepsReserved(operator) ? /%[\dA-Fa-f]{2}(?:%[89ABab][\dA-Fa-f])*|./suy : /./suy
  for (let left = count; left > 0 && character.test(text); left--);
  return character.lastIndex === 0 ? text.length : character.lastIndex
}

/** A name as the library encodes it back. */
const plainName = (name: string): string => {
  if (!name.includes("%")) return name
  const decoded = Result.getOrUndefined(Result.try(() => decodeURIComponent(name)))
  return decoded === undefined || /[,:*{}]/.test(decoded) ? name : decoded
}

const isList = (value: Value): value is ReadonlyArray<string> => Array.isArray(value)

type Prepared = string | Array<string> | Record<string, string>

/** The value in the library's terms: all of it text. `undefined` where there is none. */
const prepareValue = (value: Value, operator: string): Prepared | undefined => {
  if (isList(value)) return value.length === 0 ? undefined : value.map((each) => prepare(each, operator))
  if (typeof value !== "object") return prepare(String(value), operator)
  const members = Object.entries(value).map(([key, each]) => [key.toWellFormed(), prepare(each, operator)] as const)
  return members.length === 0 ? undefined : Object.fromEntries(members)
}

/** What a value adds to an expansion, in characters with what separates them. */
const sizeOf = (value: Prepared): number =>
  typeof value === "string"
    ? value.length + 1
    : Object.entries(value).reduce((size, [key, each]) => size + key.length + each.length + 2, 0)

/** The value of a variable, of its own. */
const given = (values: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(values, name) ? (values[name] ?? undefined) : undefined

const isDefined = (value: Value | undefined): boolean =>
  value !== undefined && (typeof value !== "object" || Object.keys(value).length > 0)

/** The values of one expansion: each is prepared once, however often it is used, and counted each time. */
class Filling {
  private readonly values: Readonly<Record<string, Value>>
  private readonly prepared = new Map<string, Prepared | undefined>()
  private room = valueLimit

  constructor(values: Readonly<Record<string, Value>>) {
    this.values = values
  }

  private read(name: string, operator: string): Prepared | undefined {
    const value = given(this.values, name)
    if (value === undefined) return undefined
    const key = `${keepsReserved(operator) ? "+" : ""} ${name}`
    const before = this.prepared.get(key)
    if (before !== undefined) return before
    const made = prepareValue(value, operator)
    this.prepared.set(key, made)
    return made
  }

  expand({ operator, specs }: Expression): Result.Result<string, TemplateError> {
    const context: Record<string, Prepared> = Object.create(null)
    const parts: Array<string> = []
    for (const { explode, name, prefix } of specs) {
      const value = this.read(name, operator)
      if (value === undefined) continue
      const plain = plainName(name)
      let modifier = explode ? "*" : ""
      if (typeof value !== "string") {
        if (prefix !== undefined) {
          return fail(new BadValue({ name, detail: "has several members, of which no prefix can be taken" }))
        }
        if (Object.keys(value).length > listLimit) {
          return fail(new BadValue({ name, detail: `has more than ${listLimit} members` }))
        }
        this.room -= sizeOf(value)
      } else if (prefix === undefined) {
        this.room -= sizeOf(value)
      } else {
        const length = prefixLength(value, prefix, operator)
        modifier = `:${length}`
        this.room -= length + 1
      }
      if (this.room < 0) {
        return fail(new BadValue({ name, detail: `is too long: one URI takes ${valueLimit} characters of values` }))
      }
      context[plain] = value
      parts.push(`${plain}${modifier}`)
    }
    if (parts.length === 0) return Result.succeed("")
    return Result.succeed(parseTemplate(`{${operator}${parts.join(",")}}`).expand(context))
  }
}

/**
 * Reads a template.
 *
 * @example
 * ```ts
 * const uri = Template.parse("file:///{+path}{?line}").pipe(
 *   Result.flatMap((template) => template.expand({ path: "src/main.ts", line: 3 })),
 * )
 * // file:///src/main.ts?line=3
 * ```
 */
export const parse = (source: string): Result.Result<Template, TemplateError> => {
  const bad = (at: number, detail: string) =>
    fail(new BadTemplate({ template: source.slice(0, 200), column: at + 1, detail }))
  if (source.length > templateLimit) return bad(templateLimit, `it is longer than ${templateLimit} characters`)
  const parts: Array<string | Expression> = []
  for (let at = 0; at < source.length;) {
    const open = source.indexOf("{", at)
    const literal = source.slice(at, open === -1 ? source.length : open)
    const stray = literal.indexOf("}")
    if (stray !== -1) return bad(at + stray, "a } closes no expression")
    if (literal !== "") parts.push(parseTemplate(prepare(literal, "+")).expand({}))
    if (open === -1) break
    const close = source.indexOf("}", open)
    if (close === -1) return bad(open, "an expression is not closed")
    const expression = readExpression(source.slice(open + 1, close))
    if ("detail" in expression) return bad(open + 1 + expression.at, expression.detail)
    parts.push(expression)
    at = close + 1
  }

  const byName = new Map<string, Variable>()
  for (const part of parts) {
    if (typeof part === "string") continue
    const required = part.operator === "" || part.operator === "+"
    for (const { explode, name } of part.specs) {
      const before = byName.get(name)
      byName.set(name, {
        name,
        required: required || before?.required === true,
        list: explode || before?.list === true,
      })
    }
  }
  const variables = [...byName.values()]

  const expand: Template["expand"] = (values) => {
    const template = source.slice(0, 200)
    const unknown = Object.keys(values).filter((name) => !byName.has(name))
    if (unknown.length > 0) return fail(new UnknownVariables({ template, names: unknown, all: [...byName.keys()] }))
    const missing = variables.filter(({ name, required }) => required && !isDefined(given(values, name)))
    if (missing.length > 0) return fail(new MissingVariables({ template, names: missing.map(({ name }) => name) }))
    const texts: Array<string> = []
    const filling = new Filling(values)
    for (const part of parts) {
      const expanded = typeof part === "string" ? Result.succeed(part) : filling.expand(part)
      if (Result.isFailure(expanded)) return Result.fail(expanded.failure)
      texts.push(expanded.success)
    }
    return Result.succeed(texts.join(""))
  }
  return Result.succeed({ source, variables, expand })
}
