/**
 * What OpenCode 1.18.33 has for MCP, by name: kept by hand, from `packages/opencode/src/mcp` of that release and from the
 * types of `@opencode-ai/sdk@1.18.33`. The note says what is different here; where there is none, nothing is.
 */

/** A name of OpenCode's, and what is different here. */
export type Names = Readonly<Record<string, string>>

export const methods: Names = {
  status: "a server that is being connected is waited for, no longer than its start-up timeout: never `pending`",
  clients: "what OpenCode reads off a client: capabilities, version, instructions; calls go through the service",
  instructions: "at most 32,768 characters of each server",
  tools: "never waits, no request, the same record until something changes; `tool` and `server` for `def` and `client`",
  prompts: "two prompts whose keys would be the same are both there",
  resources: "every page",
  resourceTemplates: "every page",
  add: "in either spelling; a bad entry is `failed`, with each problem named",
  connect: "a server that a project defines has to be approved",
  disconnect: "",
  getPrompt: "fails with the reason, where OpenCode gives `undefined`",
  readResource: "fails with the reason, where OpenCode gives `undefined`",
  startAuth: "fails with the reason, where OpenCode dies; nothing listens",
  authenticate: "fails with the reason, where OpenCode dies",
  finishAuth: "takes the whole address that the browser was sent back to as well as the code",
  removeAuth: "fails where there is no such server",
  supportsOAuth: "`false` also where the entry brings credentials of its own",
  hasStoredTokens: "",
  getAuthStatus: "",
}

/** With their properties. */
export const events: Names = {
  "mcp.tools.changed": "once the new list is known",
  "mcp.browser.open.failed": "`server` in place of `mcpName`",
  "tui.toast.show": "once for each change; also for servers that are not approved and tools that are held",
}

/** Of OpenCode's version 2. */
export const events2: Names = {
  "mcp.status.changed": "with the status, and why",
  "mcp.prompts.changed": "once the new list is known",
  "mcp.resources.changed": "once the new lists are known",
}

export const statuses: Names = {
  connected: "",
  disabled: "",
  failed: "",
  needs_auth: "with `error`: why",
  needs_client_registration: "",
}

export const errors: Names = {
  "MCP.NotFoundError": "",
  "404 McpServerNotFoundError": "",
  "400 McpUnsupportedOAuthError": "",
  "400 InvalidRequestError": "names each thing that is wrong, with its place",
}

export const routes: Names = {
  "GET /mcp": "waits, as `status` does",
  "POST /mcp": "a bad entry is 400 and nothing is added",
  "POST /mcp/:name/auth": "",
  "DELETE /mcp/:name/auth": "",
  "POST /mcp/:name/auth/callback": "takes the whole address as well; 400 says why",
  "POST /mcp/:name/auth/authenticate": "400 says why",
  "POST /mcp/:name/connect": "",
  "POST /mcp/:name/disconnect": "",
  "GET /experimental/resource": "",
}

/** With another name in parentheses. */
export const commands: Names = {
  "mcp add": "",
  "mcp list (ls)": "`--json`",
  "mcp auth": "",
  "mcp auth list (ls)": "`--json`",
  "mcp logout": "",
  "mcp debug": "step by step, what to do where it fails; `--json`",
}
