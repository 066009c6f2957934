/** Writes what is generated from the code into `docs` (`bun run documents`): tests compare it with what the code gives. */
import { document } from "@opencode-ai/opencode/server/document"
import * as Effect from "effect/Effect"
import { readFileSync, writeFileSync } from "node:fs"
import { withTables, written } from "./opencode/table.ts"

const docs = new URL("../../../../docs/", import.meta.url)
const page = new URL("opencode.md", docs)

writeFileSync(new URL("openapi.json", docs), `${JSON.stringify(document(), null, 2)}\n`)

const text = readFileSync(page, "utf8")
void Effect.runPromise(Effect.map(written, (tables) => writeFileSync(page, withTables(text, tables))))
