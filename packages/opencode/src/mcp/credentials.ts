/** Where the sign-ins of this person are kept. */
import { CredentialStore } from "@opencode-ai/mcp/auth/store"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"

/** `$XDG_DATA_HOME/opencode/mcp-auth.json`, by default under `~/.local/share`: OpenCode's own. */
export const path = (): string => {
  const configured = process.env["XDG_DATA_HOME"] ?? ""
  const home = process.env["HOME"] ?? homedir()
  return join(isAbsolute(configured) ? configured : join(home, ".local", "share"), "opencode", "mcp-auth.json")
}

/** The store of this person. */
export const layer: Layer.Layer<CredentialStore> = Layer.unwrap(
  Effect.sync(() => CredentialStore.layer({ path: path() })),
)
