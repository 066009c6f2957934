// The released OpenCode of tools/opencode, installed when first needed. Prints the path of its binary; ends with exit
// code 1 where there is none for this platform, or it cannot be installed.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { installed } from "./installed.ts"

const directory = join(import.meta.dir, "../tools/opencode")
const platform = process.platform === "win32" ? "windows" : process.platform

installed(directory, "OpenCode 1.18.33")
const name = process.platform === "win32" ? "opencode.exe" : "opencode"
const binary = join(directory, "node_modules", `opencode-${platform}-${process.arch}`, "bin", name)
if (!existsSync(binary)) {
  console.error(`tools/opencode has no OpenCode for ${platform}-${process.arch}`)
  process.exit(1)
}
console.log(binary)
