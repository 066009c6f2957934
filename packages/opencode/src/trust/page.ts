/** Where a person approves servers and tools, and signs in, who has no command line of this client's. */
import * as Context from "effect/Context"

/** How the place is called in a sentence: `the MCP page`. Default: there is none, and commands are named. */
export const Page: Context.Reference<string | undefined> = Context.Reference<string | undefined>("@opencode/Page", {
  defaultValue: () => undefined,
})
