/** Whether a process still runs. Its own module, so that small programs can use it without Effect. */
import { readFileSync } from "node:fs"

/**
 * Whether a process runs. A zombie counts as gone: where process 1 does not reap, `kill(pid, 0)` succeeds on it forever.
 * Where there is no /proc, a zombie counts as running.
 */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z"
  } catch {
    return process.platform !== "linux"
  }
}
