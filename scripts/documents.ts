/** Writes what is generated from the code into `docs`: tests compare it with what the code gives. */
import { writeFileSync } from "node:fs"
import { document } from "../packages/opencode/src/server/document.ts"

const docs = new URL("../docs/", import.meta.url)

writeFileSync(new URL("openapi.json", docs), `${JSON.stringify(document(), null, 2)}\n`)
