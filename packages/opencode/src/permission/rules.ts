/**
 * Rules of permission: what they match, how `permission` in opencode.json says them, and what holds without any.
 */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Schema from "effect/Schema"
import { homedir } from "node:os"

/** What a rule says. */
export const Action = Schema.Literals(["allow", "deny", "ask"])
export type Action = typeof Action.Type

/** One rule. `permission` and `pattern` take `*` and `?`. */
export const Rule = Schema.Struct({ permission: Schema.String, pattern: Schema.String, action: Action })
export type Rule = typeof Rule.Type
export type Ruleset = ReadonlyArray<Rule>

/**
 * Whether a text fits a pattern: `*` is any number of characters, `?` one, and ` *` at the end also nothing, so that `ls *`
 * is `ls` too. Takes the product of both lengths at most: the text is a stranger's.
 */
export const matches = (text: string, pattern: string): boolean =>
  fits(text, pattern) || (pattern.endsWith(" *") && fits(text, pattern.slice(0, -2)))

const fits = (text: string, pattern: string): boolean => {
  let [at, in_] = [0, 0]
  // The last star, and what of the text it takes: where the rest does not fit, it takes one more.
  let [star, taken] = [-1, 0]
  while (at < text.length) {
    const expected = pattern[in_]
    if (expected === "*") {
      star = in_++
      taken = at
    } else if (expected === "?" || expected === text[at]) {
      at++
      in_++
    } else if (star >= 0) {
      in_ = star + 1
      at = ++taken
    } else {
      return false
    }
  }
  while (pattern[in_] === "*") in_++
  return in_ === pattern.length
}

/** The last rule that says something of any of these names, for this pattern. */
export const decisive = (rules: Ruleset, names: ReadonlyArray<string>, pattern: string): Rule | undefined =>
  rules.findLast((rule) => names.some((name) => matches(name, rule.permission)) && matches(pattern, rule.pattern))

const strictness: Readonly<Record<Action, number>> = { allow: 0, ask: 1, deny: 2 }

/** The rule that decides where each of `limits` may narrow what `rules` say, and none may widen it. */
export const narrowed = (
  rules: Ruleset,
  limits: ReadonlyArray<Ruleset>,
  names: ReadonlyArray<string>,
  pattern: string,
): Rule | undefined =>
  limits
    .map((limit) => decisive(limit, names, pattern))
    .reduce(
      (rule, limit) => {
        if (limit === undefined || limit.action === "allow") return rule
        return rule === undefined || strictness[limit.action] > strictness[rule.action] ? limit : rule
      },
      decisive(rules, names, pattern),
    )

/** Whether all that has one of these names is denied: no pattern can change that. */
export const denies = (rules: Ruleset, names: ReadonlyArray<string>): boolean => {
  const rule = rules.findLast(({ permission }) => names.some((name) => matches(name, permission)))
  return rule?.action === "deny" && rule.pattern === "*"
}

/** What OpenCode asks for without being told. Everything else is allowed. */
export const defaults: Ruleset = [
  { permission: "doom_loop", pattern: "*", action: "ask" },
  { permission: "external_directory", pattern: "*", action: "ask" },
  { permission: "read", pattern: "*.env", action: "ask" },
  { permission: "read", pattern: "*.env.*", action: "ask" },
  { permission: "read", pattern: "*.env.example", action: "allow" },
]

/** `~` and `$HOME` at the start of a path. */
const expanded = (pattern: string): string => pattern.replace(/^(~|\$HOME)(?=\/|$)/, () => homedir())

/** The rules of a section, and what is wrong with it. */
export interface Read {
  readonly rules: Ruleset
  /** Each with its place, what was expected, and what is done instead. */
  readonly problems: ReadonlyArray<string>
}

const isAction = Schema.is(Action)

/**
 * Reads `permission` of opencode.json: an action for everything, or by permission an action, or actions by pattern.
 * Later rules win. What is no action is taken for `ask`: a typing error opens nothing. `origin` is the file's name.
 */
export const fromConfig = (section: unknown, origin: string): Read => {
  const problems: Array<string> = []
  const action = (value: unknown, path: ReadonlyArray<string>, also = ""): Action => {
    if (isAction(value)) return value
    const place = path.map((key) => (/^\w+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`)).join("")
    const found = JSON.stringify(value)?.slice(0, 100) ?? "nothing"
    problems.push(
      `${origin}: permission${place}: expected "allow", "ask" or "deny"${also}, not ${found}; "ask" is used instead`,
    )
    return "ask"
  }
  const rulesOf = ([permission, value]: readonly [string, unknown]): ReadonlyArray<Rule> =>
    isObject(value)
      ? Object.entries(value).map(([pattern, each]) => ({
          permission,
          pattern: expanded(pattern),
          action: action(each, [permission, pattern]),
        }))
      : [{ permission, pattern: "*", action: action(value, [permission], ", or an object of these by pattern") }]
  if (section === undefined) return { rules: [], problems }
  const rules = isObject(section)
    ? Object.entries(section).flatMap(rulesOf)
    : [{ permission: "*", pattern: "*", action: action(section, [], ", or an object of permissions") }]
  return { rules, problems }
}

const escapes: Readonly<Record<string, string>> = { "%": "%25", ":": "%3A", "*": "%2A", "?": "%3F" }

/** The pattern of a resource: `mcp:<server>:<uri>`. In the server's name `%`, `:`, `*` and `?` are escaped. */
export const ofResource = (server: string, uri: string): string =>
  `mcp:${server.replace(/[%:*?]/g, (character) => escapes[character] ?? character)}:${uri}`

const unreserved = /%(?:2D|2E|3[0-9]|[46][1-9A-F]|[57][0-9A]|5F|7E)/gi

/** A URI as others may write the same (RFC 3986, 6.2.2): dot segments, case of the scheme, escapes of plain characters. */
const normalised = (uri: string): string => {
  const plain = uri.replace(unreserved, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)))
  return URL.canParse(plain) ? new URL(plain).href : plain
}

/** What is asked for where a resource is read: a rule for the plain form of a URI holds for the others, too. */
export const ofReading = (server: string, uri: string): ReadonlyArray<string> => {
  const plain = normalised(uri)
  return (plain === uri || plain === `${uri}/` ? [uri] : [uri, plain]).map((each) => ofResource(server, each))
}
