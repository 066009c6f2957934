/**
 * What of OpenCode's interface for plugins is used here, as 1.18.33 has it. Its own package of types needs another release
 * of Effect, and shares a name with the packages of this repository.
 */

/** A message over OpenCode's screen. `duration` in milliseconds. */
export interface Toast {
  readonly title?: string | undefined
  readonly message: string
  readonly variant: "info" | "success" | "warning" | "error"
  readonly duration?: number | undefined
}

export interface LogEntry {
  readonly service: string
  readonly level: "debug" | "info" | "warn" | "error"
  readonly message: string
  readonly extra?: Readonly<Record<string, unknown>>
}

/** OpenCode's own server, in the same process. */
export interface Client {
  readonly app: { readonly log: (request: { readonly body: LogEntry }) => Promise<unknown> }
  readonly tui: { readonly showToast: (request: { readonly body: Toast }) => Promise<unknown> }
  readonly mcp: { readonly connect: (request: { readonly path: { readonly name: string } }) => Promise<unknown> }
}

/** What a plugin is given: once for each instance, which is a directory. */
export interface Input {
  readonly client: Client
  readonly directory: string
}

/** OpenCode's configuration as its servers are about to be started from it. What the hook changes in it counts. */
export interface HostConfig {
  mcp?: Record<string, unknown>
}

export interface Hooks {
  /** Before any server is started. */
  readonly config?: (config: HostConfig) => Promise<void>
  /** Before each request to a model. */
  readonly "chat.params"?: () => Promise<void>
  /** At the end of the instance. */
  readonly dispose?: () => Promise<void>
}
