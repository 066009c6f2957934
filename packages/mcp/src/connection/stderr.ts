/** The last that a local server wrote to stderr: a ring of lines, bounded in bytes. */

export interface StderrRing {
  readonly push: (line: string) => void
  /** The lines that are kept, oldest first. */
  readonly lines: () => ReadonlyArray<string>
}

/** A ring of at most `limit` bytes, counted in characters, each line with its newline. */
export const make = (limit: number): StderrRing => {
  let lines: Array<string> = []
  let first = 0
  let size = 0
  return {
    push: (line) => {
      const kept = line.slice(0, limit)
      lines.push(kept)
      size += kept.length + 1
      while (size > limit && first < lines.length - 1) {
        size -= (lines[first]?.length ?? 0) + 1
        first += 1
      }
      // What fell out is let go of now and then, not line by line.
      if (first > 1_000) {
        lines = lines.slice(first)
        first = 0
      }
    },
    lines: () => lines.slice(first),
  }
}
