/** How far a run is, in one line of a terminal that is written over; nothing elsewhere. */

const width = 24

/** `at` draws it, `clear` takes it away. */
export const progressLine = (total: number) => {
  const { stderr } = process
  const draws = stderr.isTTY === true && !process.env["CI"]
  const began = performance.now()
  let drawn = 0
  const clear = () => {
    if (draws) stderr.write("\r\u001b[K")
  }
  return {
    clear,
    at: (done: number) => {
      const now = performance.now()
      if (!draws || (now - drawn < 100 && done < total)) return
      drawn = now
      const part = Math.min(done / Math.max(total, 1), 1)
      const filled = Math.round(part * width)
      const left = Math.round(((now - began) / 1000) * (1 / Math.max(part, 0.001) - 1))
      const bar = `${"█".repeat(filled)}${"░".repeat(width - filled)}`
      stderr.write(`\r\u001b[K  ${bar} ${done} of ${total}, ${left} s left`)
    },
  }
}
