// Loaded before a command of package.json: what the command imports is there when it begins.
import { join } from "node:path"
import { installed } from "./installed.ts"

installed(join(import.meta.dir, ".."), "the dependencies")
