/** Text of a stranger, made safe to read: nothing in it moves the cursor, hides, or turns the line around. */

// Controls, format characters (bidi, zero-width, tags, soft hyphen), separators, private use, lone surrogates,
// unassigned; what is drawn as nothing although it counts as a letter or a mark; and spaces that are not the space.
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu

const escaped = (character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** The text with each such character as `\u{…}`. */
export const visible = (text: string): string => text.replace(unseen, escaped)

// Layout, and what only says in which style an emoji is drawn.
const layout = new Set(["\n", "\t", "\ufe0e", "\ufe0f"])

/** The same of text with several lines: tabs and line feeds stay, and so do the styles of emoji. */
export const visibleLines = (text: string): string =>
  text.replaceAll("\r\n", "\n").replace(unseen, (character) => (layout.has(character) ? character : escaped(character)))

/** The text in double quotes, so that its end and its spaces are seen; quotes and backslashes in it are escaped. */
export const quoted = (text: string): string => visible(`"${text.replace(/["\\]/g, "\\$&")}"`)
