/** JSON text, read without exceptions. */

/**
 * Parses a message; `undefined` where the text is no JSON. The one place of the package that catches: an Effect for
 * each message would cost more than the parsing.
 */
export const parse = (text: string): unknown => {
  // oxlint-disable-next-line house/no-try -- see above
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
