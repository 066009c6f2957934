/** Hides secrets in what is printed. */

/** What stands in a secret's place. */
export const masked = "***"

// A shorter value would be found by chance in the middle of words.
const shortest = 4

/** A function that hides `secrets` in a text, also where they are quoted as JSON or percent-encoded. */
export const make = (secrets: Iterable<string>): ((text: string) => string) => {
  const spellings = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < shortest) continue
    spellings.add(secret).add(JSON.stringify(secret).slice(1, -1))
    if (secret.isWellFormed()) spellings.add(encodeURIComponent(secret))
  }
  if (spellings.size === 0) return (text) => text
  // The longest first: a secret may be the beginning of another one.
  const ordered = [...spellings].toSorted((a, b) => b.length - a.length)
  const pattern = new RegExp(ordered.map((each) => each.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g")
  return (text) => text.replace(pattern, masked)
}
