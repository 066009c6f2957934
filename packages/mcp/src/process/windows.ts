/**
 * The processes of Windows: how they are listed and ended. There are neither groups nor signals; the handle that we have on a
 * process of ours keeps its id from being given away, and any other is known by when it was started.
 */
import { win32 } from "node:path"
import type { ProcessRecord } from "./tree.ts"

/** A program and its arguments. */
export type Command = readonly [file: string, args: ReadonlyArray<string>]

const tool = (system: string, ...path: ReadonlyArray<string>) => win32.join(system, "System32", ...path)

/** Lists every process on a line: its id, its parent's, and when it was started, in ticks. */
export const listCommand = (system: string): Command => [
  tool(system, "WindowsPowerShell", "v1.0", "powershell.exe"),
  [
    "-NoProfile",
    "-NonInteractive",
    "-Command",
    'Get-CimInstance Win32_Process | ForEach-Object { "$($_.ProcessId) $($_.ParentProcessId) $($_.CreationDate.Ticks)" }',
  ],
]

/** What that prints. A parent that is younger than its child has the id of the one that started it, and is a stranger. */
export const parseList = (output: string): ReadonlyArray<ProcessRecord> => {
  const rows = output.split("\n").flatMap((line) => {
    const match = /^\s*(\d+) (\d+) (\d+)\s*$/.exec(line)
    return match === null ? [] : [{ pid: Number(match[1]), parent: Number(match[2]), started: match[3] ?? "" }]
  })
  const startedAt = new Map(rows.map(({ pid, started }) => [pid, BigInt(started)]))
  return rows.map((row) => {
    const parent = startedAt.get(row.parent)
    const isOwn = parent !== undefined && parent <= BigInt(row.started)
    return { ...row, parent: isOwn ? row.parent : 0, group: 0 }
  })
}

/** Ends a process and all that descends from it, as Windows sees it. */
export const endTreeCommand = (system: string, pid: number): Command => [
  tool(system, "taskkill.exe"),
  ["/PID", String(pid), "/T", "/F"],
]

/** Ends these. */
export const endCommand = (system: string, pids: ReadonlyArray<number>): Command => [
  tool(system, "taskkill.exe"),
  [...pids.flatMap((pid) => ["/PID", String(pid)]), "/F"],
]
