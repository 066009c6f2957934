// Bundles what is shipped as one file: the plugin for the released OpenCode, packages/plugin/dist/index.js.
import { join } from "node:path"

const cwd = join(import.meta.dir, "../packages/plugin")
const { exitCode } = Bun.spawnSync([process.execPath, "run", "build"], { cwd, stdio: ["ignore", "inherit", "inherit"] })
process.exit(exitCode)
