import * as Names from "@opencode-ai/testing/docs/opencode/names"
import { tables, written } from "@opencode-ai/testing/docs/opencode/table"
import { it } from "@opencode-ai/testing/effect"
import { expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { readdirSync, readFileSync } from "node:fs"

const page = readFileSync(new URL("../../../../docs/opencode.md", import.meta.url), "utf8")

/** Without what a formatter does to a table. */
const plain = (text: string) => text.replace(/-{3,}/g, "---").replace(/[ \n]+/g, " ")

it.live("docs/opencode.md has the tables that the code gives; `bun run documents` writes them anew", () =>
  Effect.gen(function* () {
    expect(plain(page)).toContain(plain(yield* written))
  }),
)

it.live("there is nothing of OpenCode 1.18.33 that is not here", () =>
  Effect.gen(function* () {
    const missing = (yield* tables).flatMap(({ names, ours }) =>
      Object.keys(names).filter((name) => !ours.includes(name)),
    )
    expect(missing).toEqual([])
  }),
)

test("the kept list is what OpenCode 1.18.33 has", () => {
  const count = Object.fromEntries(Object.entries(Names).map(([kind, names]) => [kind, Object.keys(names).length]))
  expect(count).toEqual({ methods: 19, events: 3, events2: 3, statuses: 5, errors: 4, routes: 9, commands: 6 })
})

test("docs/opencode.md says of each folder where it goes in OpenCode's tree", () => {
  const folders = readdirSync(new URL("../../src/", import.meta.url), { withFileTypes: true })
  const all = folders.filter((folder) => folder.isDirectory()).map(({ name }) => `\`src/${name}`)
  expect(all.filter((folder) => !page.includes(folder))).toEqual([])
})
