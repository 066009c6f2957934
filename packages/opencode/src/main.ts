/** The program: `bun run mcp <command>`. */
import * as Process from "./cli/process.ts"
import { run } from "./cli/run.ts"

Process.main((output) => run(process.argv.slice(2), output))
