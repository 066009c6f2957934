/**
 * The suite that implementations of RFC 6570 share (github.com/uri-templates/uritemplate-test, Apache License 2.0), as it
 * is in `fixtures/uritemplate`.
 */
import { readFileSync } from "node:fs"

export interface Case {
  readonly source: string
  readonly variables: Readonly<Record<string, unknown>>
  /** The URI, several of which one is right, or `false` where the template is none. */
  readonly wanted: string | ReadonlyArray<string> | false
}

interface Group {
  readonly variables: Case["variables"]
  readonly testcases: ReadonlyArray<readonly [source: string, wanted: Case["wanted"]]>
}

const read = (name: string): ReadonlyArray<Case> => {
  const text = readFileSync(new URL(`./fixtures/uritemplate/${name}.json`, import.meta.url), "utf8")
  const groups: Readonly<Record<string, Group>> = JSON.parse(text)
  return Object.values(groups).flatMap(({ testcases, variables }) =>
    testcases.map(([source, wanted]) => ({ source, variables, wanted })),
  )
}

/** Templates and what they expand to. */
export const examples: ReadonlyArray<Case> = [...read("spec-examples"), ...read("extended-tests")]
/** What is no template, or cannot be expanded with its values. */
export const failures: ReadonlyArray<Case> = read("negative-tests")
