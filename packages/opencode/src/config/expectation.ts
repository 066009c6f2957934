/** What a parser of JSON expected where it met something else, in words for a person. */

const expectations: ReadonlyMap<string, string> = new Map([
  ["InvalidSymbol", "a value (a string needs double quotes)"],
  ["InvalidNumberFormat", "a number"],
  ["PropertyNameExpected", "a name in double quotes"],
  ["ValueExpected", "a value"],
  ["ColonExpected", `":" after the name`],
  ["CommaExpected", `"," between two members`],
  ["CloseBraceExpected", `"}"`],
  ["CloseBracketExpected", `"]"`],
  ["EndOfFileExpected", "nothing after the first value"],
  ["InvalidCommentToken", "no comment"],
  ["UnexpectedEndOfComment", `"*/" at the end of the comment`],
  ["UnexpectedEndOfString", "a closing double quote on the same line"],
  ["UnexpectedEndOfNumber", "a digit"],
  ["InvalidUnicode", "four hexadecimal digits after \\u"],
  ["InvalidEscapeCharacter", `one of "\\/bfnrtu after a backslash`],
  ["InvalidCharacter", "no control character in a string"],
])

/** The words for a code of `jsonc-parser` (`printParseErrorCode`). */
export const expectation = (code: string): string => expectations.get(code) ?? "JSON"
