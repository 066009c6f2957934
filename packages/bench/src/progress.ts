/** The bar that shows, on a terminal, what is being measured. It is written between measurements, never during one. */

export interface Progress {
  readonly at: (what: string) => void
  readonly advance: () => void
  readonly end: () => void
}

const width = 20

export const silent: Progress = { at: () => {}, advance: () => {}, end: () => {} }

export const terminal = (out: NodeJS.WriteStream, steps: number): Progress => {
  let done = 0
  let what = ""
  const draw = () => {
    const filled = Math.round((done / Math.max(steps, 1)) * width)
    const bar = "█".repeat(filled) + "░".repeat(width - filled)
    const text = `${bar} ${done}/${steps} ${what}`
    out.write(`\r\u001b[2K${text.slice(0, (out.columns ?? 80) - 1)}`)
  }
  return {
    at: (next) => {
      what = next
      draw()
    },
    advance: () => {
      done++
      draw()
    },
    end: () => {
      out.write("\r\u001b[2K")
    },
  }
}
