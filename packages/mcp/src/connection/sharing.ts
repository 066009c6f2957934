/** What makes a local server another than those of the same name, for programs that would share it. */
import { statSync } from "node:fs"
import { homedir } from "node:os"
import { delimiter, resolve } from "node:path"
import type { ClientCapabilities } from "../protocol/model.ts"
import type { LocalServer } from "../config.ts"

/** Of another version of what programs of ours say to each other, and of the revision that they offer, is another server. */
const version = 1

/** The file that a command is found as: with another `PATH` it is another program. */
const fileOf = (command: string, directory: string): string => {
  if (/[\\/]/.test(command)) return resolve(directory, command)
  const paths = (process.env["PATH"] ?? "").split(delimiter).map((path) => resolve(directory, path, command))
  return paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true) ?? command
}

/**
 * The identity of a server in the project of `directory`, as JSON. Of the environment that it inherits only what decides on
 * which program is started is in it: what else has to differ belongs into its entry.
 */
export const identityOf = (
  { command, cwd, environment, inheritEnvironment, limits, name, protocol, roots }: LocalServer,
  directory: string,
  offered: string,
  declared: ClientCapabilities,
): unknown => {
  const own = resolve(directory, cwd ?? "")
  return [
    version,
    offered,
    directory,
    name,
    [fileOf(command[0], own), ...command],
    own,
    [...environment].toSorted(([one], [other]) => (one < other ? -1 : 1)),
    inheritEnvironment,
    homedir(),
    protocol,
    roots,
    limits.message,
    declared,
  ]
}
