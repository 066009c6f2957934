/** Which values of a configuration and of the environment must not be shown. Light: every command loads it. */
import type { Snapshot } from "./config.ts"
import * as Mask from "./mask.ts"

// Names of variables whose values are secrets, whoever set them.
export const secretName = /(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PAT|CREDENTIALS?|AUTH)(?:_|$)/i
// A shorter value of such a variable is more likely a word than a secret.
const shortestSecret = 8

/** The values of the variables whose names say that they are secret. */
export const secretVariables = (variables: Iterable<readonly [string, string | undefined]>): ReadonlyArray<string> =>
  [...variables].flatMap(([name, value]) =>
    value !== undefined && value.length >= shortestSecret && secretName.test(name) ? [value] : [],
  )

/**
 * What hides secrets in a text: those that the configuration names, and the values of environment variables, configured or
 * inherited, whose names say that they are secret.
 */
export const masking = (snapshot: Snapshot): ((text: string) => string) => {
  const configured = snapshot.servers.flatMap(({ config }) => (config?.type === "local" ? [...config.environment] : []))
  const hide = Mask.make(secretVariables([...configured, ...Object.entries(process.env)]))
  return (text) => hide(snapshot.mask(text))
}
