import * as Events from "@opencode-ai/mcp/events"
import { operations } from "@opencode-ai/opencode/cli/shell/operations"
import { pages } from "../../src/docs/check.ts"
import { describe, expect, test } from "../../src/runner.ts"

// What docs/cli.md says of the shell's operations and events is what there is: their names, and those of their fields.

const [, text = ""] = pages().find(([file]) => file.endsWith("docs/cli.md")) ?? []

/** The words in code of a cell. */
const code = (cell = ""): ReadonlyArray<string> =>
  [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, word = ""]) => (/^[\w.-]+\??$/.test(word) ? [word] : []))

/** What the rows of the tables say that begin with words in code: by each of these words, the words of the second cell. */
const documented = new Map(
  text.split("\n").flatMap((line) => {
    const [, names = "", about = ""] = line.split(/(?<!\\)\|/)
    return line.startsWith("| `") ? code(names).map((name) => [name, code(about)] as const) : []
  }),
)

const bare = (field: string) => field.replace(/\?$/, "")

describe("the shell's protocol in docs/cli.md", () => {
  for (const [name, { fields }] of operations) {
    // Those of features that are still to come take no fields, and are named in a sentence.
    if (Object.keys(fields).length === 0 && !documented.has(name)) {
      test(`${name} is named`, () => expect(text).toContain(`\`${name}\``))
      continue
    }
    test(name, () => {
      const wanted = Object.keys(fields)
      const known = (documented.get(name) ?? []).map(bare).filter((field) => field !== "true")
      expect(known).toEqual(wanted)
    })
  }

  const described = (name: string) => documented.get(name) ?? [`${name} is not there`]
  for (const event of Events.Event.members) {
    const type = event.fields.type.literal
    test(type, () => {
      const fields = Object.keys(event.fields.data.fields).filter((field) => field !== "server")
      expect(
        described(type)
          .map(bare)
          .filter((field) => fields.includes(field))
          .toSorted(),
      ).toEqual(fields.toSorted())
    })
  }

  test("names no event that there is not", () => {
    const types: ReadonlyArray<string> = Events.Event.members.map((event) => event.fields.type.literal)
    expect([...documented.keys()].filter((name) => name.startsWith("mcp.") && !types.includes(name))).toEqual([])
  })
})
