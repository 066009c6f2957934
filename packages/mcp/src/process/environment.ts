/** What a program that is started sees of this process's environment. */

/** What a program that inherits nothing still gets: where programs are, whose home, which language. */
const essential = ["PATH", "HOME", "LANG", "LANGUAGE"]
/** Without these no program starts there. */
const essentialOnWindows = ["SYSTEMROOT", "PATHEXT", "APPDATA", "LOCALAPPDATA", "TEMP", "USERPROFILE", "COMSPEC"]

const isEssential = (name: string): boolean => {
  if (process.platform !== "win32") return essential.includes(name) || name.startsWith("LC_")
  // Names have no case there: it is `Path`, most often.
  const upper = name.toUpperCase()
  return essential.includes(upper) || essentialOnWindows.includes(upper) || upper.startsWith("LC_")
}

/** The whole environment of a program: everything, or the essential alone, and what it is given besides. */
export const environment = (
  inherits: boolean,
  own: Iterable<readonly [name: string, value: string]>,
): Record<string, string> => {
  const inherited = Object.entries(process.env).filter(([name]) => inherits || isEssential(name))
  return Object.fromEntries([
    ...inherited.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    ...own,
  ])
}
