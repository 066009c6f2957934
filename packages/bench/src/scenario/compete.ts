/** The two ways in which contestants take turns. */
import { startWorker, withWorker, type Worker } from "../process.ts"
import { type Measurement, type SubjectName, subjects } from "../row.ts"

interface Contest {
  readonly measurement: Measurement
  /** Rows that a contestant who fails leaves empty. */
  readonly rows: ReadonlyArray<string>
  readonly subjects?: ReadonlyArray<SubjectName>
}

/** Each round begins with another contestant, so that none always follows the same one. */
export const rotated = <A>(items: ReadonlyArray<A>, by: number): ReadonlyArray<A> => {
  const at = items.length === 0 ? 0 : by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

/**
 * Rates: every contestant keeps its process, the first round warms it up and is thrown away, then all take turns
 * round by round.
 */
export const inRounds = async (
  contest: Contest & {
    readonly name: string
    readonly prepare: (worker: Worker) => Promise<unknown>
    readonly round: (worker: Worker, subject: SubjectName, keep: boolean) => Promise<void>
  },
): Promise<void> => {
  const { measurement } = contest
  const workers: Array<{ readonly subject: SubjectName; readonly worker: Worker; failed: boolean }> = []
  const attempt = async (subject: SubjectName, work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work()
      return true
    } catch (error) {
      for (const row of contest.rows) measurement.failed(row, subject, error)
      return false
    }
  }
  try {
    for (const subject of contest.subjects ?? subjects) {
      measurement.at(`${contest.name}: ${subject} starts`)
      await attempt(subject, async () => {
        const worker = await startWorker(subject)
        workers.push({ subject, worker, failed: false })
        await contest.prepare(worker)
      })
    }
    for (let round = 0; round <= measurement.settings.rounds; round++) {
      for (const entry of rotated(workers, round)) {
        if (entry.failed) continue
        const title = round === 0 ? "warming up" : `round ${round} of ${measurement.settings.rounds}`
        measurement.at(`${contest.name}: ${entry.subject}, ${title}`)
        entry.failed = !(await attempt(entry.subject, () => contest.round(entry.worker, entry.subject, round > 0)))
      }
    }
  } finally {
    for (const { worker } of workers) await worker.close()
  }
}

/** Start-up and memory: a new process for every run. */
export const inFreshProcesses = async (
  contest: Contest & {
    readonly name: string
    readonly runs: number
    readonly run: (worker: Worker, subject: SubjectName) => Promise<void>
  },
): Promise<void> => {
  const { measurement } = contest
  const out = new Set<SubjectName>()
  for (let run = 0; run < contest.runs; run++) {
    for (const subject of rotated(contest.subjects ?? subjects, run)) {
      if (out.has(subject)) continue
      measurement.at(`${contest.name}: ${subject}, run ${run + 1} of ${contest.runs}`)
      try {
        await withWorker(subject, (worker) => contest.run(worker, subject))
      } catch (error) {
        out.add(subject)
        for (const row of contest.rows) measurement.failed(row, subject, error)
      }
    }
  }
}
