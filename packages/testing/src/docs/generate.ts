/** Writes what is generated from the code into `docs` (`bun run documents`): tests compare it with what the code gives. */
import { document } from "@opencode-ai/opencode/server/document"
import { writeFileSync } from "node:fs"

const docs = new URL("../../../../docs/", import.meta.url)

writeFileSync(new URL("openapi.json", docs), `${JSON.stringify(document(), null, 2)}\n`)
