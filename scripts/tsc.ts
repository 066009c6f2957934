// Runs the TypeScript compiler that carries Effect's diagnostics, straight from its package: nothing in
// node_modules is patched, so an install is always as the lock file says. Arguments go to the compiler unchanged.
// (`@effect/tsgo/lib/getExePath` would do the same, but 0.45.0 publishes one that rejects its own manifest.)
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import typescript from "typescript/package.json" with { type: "json" }

const platform = `@effect/tsgo-${process.platform}-${process.arch}/package.json`
const compiler = join(
  dirname(createRequire(import.meta.resolve("@effect/tsgo/package.json")).resolve(platform)),
  "artifacts/typescript",
  typescript.version,
  process.platform === "win32" ? "tsc.exe" : "tsc",
)

const result = Bun.spawnSync([compiler, ...process.argv.slice(2)], { stdio: ["ignore", "inherit", "inherit"] })
process.exit(result.exitCode)
