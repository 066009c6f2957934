/** The words that someone who wrote another one may have meant. */

/** Up to three of `candidates`, the likeliest first; none where nothing is near. */
export const nearest = (word: string, candidates: Iterable<string>): ReadonlyArray<string> => {
  const wanted = word.slice(0, longest).toLowerCase()
  const most = Math.max(1, Math.floor(wanted.length / 3))
  const ranked: Array<readonly [number, string]> = []
  for (const candidate of candidates) {
    const found = candidate.slice(0, longest).toLowerCase()
    const begins = wanted.length > 1 && found.length > 1 && (found.startsWith(wanted) || wanted.startsWith(found))
    const edits = begins ? 0.5 : distance(wanted, found)
    if (edits <= most) ranked.push([edits, candidate])
  }
  return ranked
    .toSorted((a, b) => a[0] - b[0])
    .slice(0, 3)
    .map((pair) => pair[1])
}

// The work grows with the product of two lengths; a name longer than this is no typing error.
const longest = 64

/** Insertions, deletions, substitutions and swaps of neighbours. */
const distance = (a: string, b: string): number => {
  let before: ReadonlyArray<number> = []
  let above = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + cost)
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] ?? best) + 1)
      row.push(best)
    }
    before = above
    above = row
  }
  return above[b.length] ?? 0
}
