/** What the doctor looks at, one thing at a time: what was found, and what to change where that is wrong. */

/** `skipped`: it does not concern this server, or nothing can be said of it yet. */
export type Result = "ok" | "warning" | "failed" | "skipped"

export interface Check {
  readonly check: string
  readonly result: Result
  /** What was found. Nothing in it is secret, but for what the configuration's mask hides. */
  readonly found: string
  /** What to change. */
  readonly advice?: string
}

export const ok = (check: string, found: string): Check => ({ check, result: "ok", found })
export const skipped = (check: string, found: string): Check => ({ check, result: "skipped", found })
export const failed = (check: string, found: string, advice: string): Check => ({
  check,
  result: "failed",
  found,
  advice,
})
export const warning = (check: string, found: string, advice?: string): Check => ({
  check,
  result: "warning",
  found,
  ...(advice === undefined ? {} : { advice }),
})

export const hasFailed = (checks: ReadonlyArray<Check>): boolean => checks.some(({ result }) => result === "failed")
