/** The last lines of the logs of all servers, as they came: nobody pays for showing them who does not look. */
import type { Level, LineView } from "./model.ts"
import { said } from "./text.ts"

/** How many lines are kept, and how many characters of them. */
const countLimit = 5_000
const sizeLimit = 4 * 1024 * 1024
/** The longest text of one line, in characters. */
const textLimit = 16 * 1024
/** How many lines go to a page that is open already at a time. */
const batchLimit = 1_000

interface Raw extends Omit<LineView, "text"> {
  readonly text: string
}

export interface Lines {
  readonly add: (line: {
    readonly server: string
    readonly at: number
    readonly source: LineView["source"]
    readonly level: Level
    readonly logger?: string | undefined
    /** A text, or any JSON. */
    readonly data: unknown
  }) => void
  /** The number of the last line. */
  readonly last: () => number
  /** What came after a line, to be shown, and how many of it are not there any more; all that is kept after 0. */
  readonly after: (number: number) => { readonly lines: ReadonlyArray<LineView>; readonly lost: number }
}

const textOf = (data: unknown): string => (typeof data === "string" ? data : (JSON.stringify(data) ?? ""))

export const make = (mask: (text: string) => string): Lines => {
  const kept: Array<Raw> = []
  /** Those before are dropped: taken out many at a time. */
  let start = 0
  let size = 0
  let last = 0

  const drop = () => {
    while (kept.length - start > countLimit || (size > sizeLimit && kept.length - start > 1)) {
      size -= kept[start]?.text.length ?? 0
      start += 1
    }
    if (start > countLimit) {
      kept.splice(0, start)
      start = 0
    }
  }

  return {
    add: ({ at, data, level, logger, server, source }) => {
      const whole = textOf(data)
      // Masked before it is cut, which could leave half of a secret; and no longer a part of what is many times as long.
      const text = whole.length > textLimit ? Buffer.from(`${mask(whole).slice(0, textLimit)}…`).toString() : whole
      kept.push({ number: ++last, server, at, source, level, text, ...(logger === undefined ? {} : { logger }) })
      size += text.length
      drop()
    },
    last: () => last,
    after: (number) => {
      const available = kept.length - start
      const wanted = last - number
      const count = Math.min(available, number === 0 ? available : Math.min(wanted, batchLimit))
      const lines = kept.slice(kept.length - count).map(({ logger, text, ...line }): LineView => ({
        ...line,
        text: said(mask, text),
        ...(logger === undefined ? {} : { logger: said(mask, logger) }),
      }))
      return { lines, lost: number === 0 ? 0 : wanted - count }
    },
  }
}
