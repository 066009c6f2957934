/** What a server's last words mean: the commonest reasons for which servers end, and what to do about each. */

/** A variable as programs name it. Shorter ones are words. */
const variable = "\\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}KEY)\\b"
const lack =
  "(?:is |are |was )?(?:not (?:set|defined|found|provided|configured)|missing|required|undefined|must be (?:set|provided|defined))"

const missing: ReadonlyArray<RegExp> = [
  new RegExp(`${variable}["'\`]?(?: environment variable| env(?:ironment)? var(?:iable)?s?)? ${lack}`, "g"),
  new RegExp(`(?:[Mm]issing|[Pp]lease set|must set|need to set|[Rr]equired)[: ]+(?:the )?["'\`$]?${variable}`, "g"),
  new RegExp(`KeyError: ["']${variable}["']`, "g"),
  // As pydantic has it.
  new RegExp(`^\\s*${variable}\\s*\\n\\s*Field required`, "gim"),
]

/** A line that speaks of variables, and that one of them lacks. */
const speaks = /(?=.*\benv)(?=.*\b(?:missing|required?s?|not set|not found|must|please|need|provide|undefined)\b)/i

/** The variables that the lines say are missing. */
export const missingVariables = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const short = lines.map((line) => line.slice(0, 500))
  const named = short
    .filter((line) => speaks.test(line))
    .flatMap((line) => [...line.matchAll(new RegExp(variable, "g"))])
  const said = missing.flatMap((pattern) => [...short.join("\n").matchAll(pattern)])
  const names = [...named, ...said].flatMap(([, name = ""]) =>
    name !== "" && name === name.toUpperCase() ? [name] : [],
  )
  return [...new Set(names)]
}

const reasons: ReadonlyArray<readonly [RegExp, (found: RegExpExecArray) => string]> = [
  [
    /E404[^\n]*|404 Not Found - GET|is not in (?:the|this) npm registry/,
    () => `No package has this name: correct it in "command".`,
  ],
  [
    /No solution found when resolving|was not found in the package registry/,
    () => `No package has this name or version: correct it in "command".`,
  ],
  [
    /(?:Cannot find (?:module|package)|ERR_MODULE_NOT_FOUND)[^\n]*?['"]([^'"\n]+)['"]/,
    ([, name]) => `Node does not find ${name}: correct the path in "command", or install what it needs beside it.`,
  ],
  [/Module not found "([^"\n]+)"/, ([, name]) => `Bun does not find ${name}: correct the path in "command".`],
  [
    /No module named ['"]?([\w.]+)/,
    ([, name]) => `Python does not find ${name}: install it, or start the server with the Python that has it.`,
  ],
  [
    /can't open file ['"]([^'"\n]+)['"]/,
    ([, name]) => `There is no ${name}: correct the path in "command", or set "cwd".`,
  ],
  [
    /Cannot connect to the Docker daemon|docker daemon is not running|error during connect/i,
    () => "Docker is installed and not running: start it.",
  ],
  [
    /(?:Unable to find image|pull access denied|manifest unknown)[^\n]*/,
    () => `Docker has no such image: correct its name in "command".`,
  ],
  [
    /EADDRINUSE[^\n]*?:(\d+)/,
    ([, port]) => `Port ${port} is taken: end what listens there, or give the server another.`,
  ],
  [
    /ENOTFOUND|EAI_AGAIN|getaddrinfo|Temporary failure in name resolution|dns error/i,
    () => "It needs the network and does not reach it: check that, or a proxy; or install the server beforehand.",
  ],
  [
    /EACCES|permission denied/i,
    () => "It may not read or write something that it needs: look at the path in its words above.",
  ],
  [
    /(?:ENOENT|no such file or directory|No such file or directory)[^\n]*?['"]([^'"\n]+)['"]/,
    ([, name]) => `There is no ${name}: create it, or correct the arguments in "command".`,
  ],
  [/SyntaxError: Unexpected token|Unsupported engine|requires Node/i, () => "Its Node.js may be too old: update that."],
  [
    /\b(?:401|403)\b|unauthorized|invalid (?:api[_ ]?key|token|credentials)/i,
    () => `What it signs in with is refused: correct its key or token in "environment".`,
  ],
  [
    /^usage:|unknown option|unrecognized arguments?|invalid option/im,
    () => `It does not understand its arguments: correct "command".`,
  ],
]

/** What to do about what the lines say; `undefined` where they say nothing that is known. */
export const meaning = (lines: ReadonlyArray<string>): string | undefined => {
  const text = lines.map((line) => line.slice(0, 500)).join("\n")
  for (const [pattern, advise] of reasons) {
    const found = pattern.exec(text)
    if (found !== null) return advise(found)
  }
  return undefined
}
