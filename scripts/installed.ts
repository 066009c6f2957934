// Installs what a lock file says, when it is not installed yet. The commands of package.json begin here, so that each
// works in a fresh clone; when everything is in place it costs the reading of two files.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Milliseconds after which another process's installation counts as abandoned. */
const PATIENCE = 3 * 60_000

const attempt = <A>(run: () => A) => {
  try {
    return run()
  } catch {
    return undefined
  }
}

/** Takes the lock if it is free, or if the process that holds it is gone. */
const take = (lock: string) => {
  const taken = () => attempt(() => (writeFileSync(lock, String(process.pid), { flag: "wx" }), true)) ?? false
  if (taken()) return true
  const holder = Number(attempt(() => readFileSync(lock, "utf8")))
  // A holder that is just writing its id reads as 0, which is this process's own group: alive.
  if (attempt(() => process.kill(holder, 0)) === true) return false
  rmSync(lock, { force: true })
  return taken()
}

/**
 * Brings `directory`/node_modules in line with `directory`/bun.lock. Says so, naming `what`, on standard error and never
 * on standard output; ends the process with exit code 1 where that fails. Several processes may call it at once: one
 * installs, the others wait.
 */
export const installed = (directory: string, what: string) => {
  const modules = join(directory, "node_modules")
  const stamp = join(modules, ".installed")
  const wanted = Bun.hash(readFileSync(join(directory, "bun.lock"))).toString()
  const isCurrent = () => attempt(() => readFileSync(stamp, "utf8")) === wanted
  if (isCurrent()) return

  mkdirSync(modules, { recursive: true })
  const lock = join(modules, ".installing")
  const began = performance.now()
  while (!take(lock)) {
    // The process that bears the holder's id today may be another one.
    if (performance.now() - began > PATIENCE) rmSync(lock, { force: true })
    Bun.sleepSync(50)
  }
  if (!isCurrent()) {
    console.error(`Installing ${what}, once …`)
    const command = [process.execPath, "install", "--frozen-lockfile", "--no-progress"]
    const { success, stdout, stderr } = Bun.spawnSync(command, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] })
    if (success) writeFileSync(stamp, wanted)
    else console.error(`${stdout.toString()}${stderr.toString()}${what} could not be installed`)
  }
  rmSync(lock, { force: true })
  if (!isCurrent()) process.exit(1)
}
