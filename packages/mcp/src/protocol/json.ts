/**
 * JSON text, read and written without exceptions. They are caught here, because an Effect for each message would cost
 * more than the parsing.
 */

/** Parses a message; `undefined` where the text is no JSON. */
export const parse = (text: string): unknown => {
  // oxlint-disable-next-line house/no-try -- see above
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The text of a message; `undefined` where it holds what JSON has not (a bigint, a cycle). */
export const write = (message: object): string | undefined => {
  // oxlint-disable-next-line house/no-try -- see above
  try {
    return JSON.stringify(message)
  } catch {
    return undefined
  }
}

/** Whether objects and arrays stand in one another more than so many levels deep. It costs no stack. */
export const isNested = (value: unknown, levels: number): boolean => {
  let level: ReadonlyArray<unknown> = [value]
  for (let depth = 0; depth <= levels; depth++) {
    const next: Array<object> = []
    for (const each of level) {
      if (typeof each !== "object" || each === null) continue
      for (const member of Object.values(each)) if (typeof member === "object" && member !== null) next.push(member)
    }
    if (next.length === 0) return false
    level = next
  }
  return true
}

/** What was received, short enough for a sentence; no deeper than it can be shown. */
export const brief = (value: unknown): string => {
  const shallow = (name: string, member: unknown) =>
    name === "" || typeof member !== "object" || member === null ? member : Array.isArray(member) ? "[…]" : "{…}"
  return (JSON.stringify(value, shallow) ?? String(value)).slice(0, 200)
}
