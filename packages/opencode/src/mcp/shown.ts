/** What a server runs or reaches, in a line for a person. Secrets in it are not hidden, but for those of a URL. */
import type { ServerConfig } from "@opencode-ai/mcp/config"
import { shownUrl } from "@opencode-ai/mcp/http/error"

/** A command as it might be typed: words that are more than a word are quoted. */
export const commandLine = (words: ReadonlyArray<string>): string =>
  words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ")

/** The command, or the URL. */
export const means = (config: ServerConfig): string =>
  config.type === "local" ? commandLine(config.command) : shownUrl(config.url.href)
