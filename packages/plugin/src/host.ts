/**
 * What of OpenCode's interface for plugins is used here, as 1.18.33 has it. Its own package of types needs another release
 * of Effect, and shares a name with the packages of this repository.
 */

const commands: ReadonlySet<string> = new Set(
  (
    "completion acp mcp attach run debug providers auth agent upgrade uninstall serve web models stats export import " +
    "github pr session plugin plug db"
  ).split(" "),
)
/** The flags whose value is the next word, and may be a word like any. */
const valued = /^(--(log-level|port|hostname|mdns-domain|cors|model|session|prompt|agent|replay-limit)|-[ms])$/

/** The command by which OpenCode was started: `run`, `mcp`; `undefined` where its own screen was. */
export const startedBy = (argv: ReadonlyArray<string>): string | undefined =>
  argv.find((word, index) => index > 0 && commands.has(word) && !valued.test(argv[index - 1] ?? ""))

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

/** `provider/model`, in two. */
export interface ModelRef {
  readonly providerID: string
  readonly modelID: string
}

export interface TextPart {
  readonly type: "text"
  readonly text: string
}

export interface FilePart {
  readonly type: "file"
  readonly mime: string
  readonly url: string
}

/** A message of a session, as OpenCode keeps it. */
export interface Message {
  readonly info: Readonly<Record<string, unknown>>
  readonly parts: ReadonlyArray<object>
}

interface OfSession {
  readonly path: { readonly id: string }
}

export interface SessionInput {
  readonly parentID?: string
  readonly title: string
  readonly permission: ReadonlyArray<{
    readonly permission: string
    readonly pattern: string
    readonly action: "allow" | "deny" | "ask"
  }>
}

export interface PromptInput {
  readonly model?: ModelRef
  readonly parts: ReadonlyArray<TextPart | FilePart>
}

/** Sessions. What they answer has `data`, or `error`. */
export interface Sessions {
  readonly create: (request: { readonly body: SessionInput }) => Promise<unknown>
  /** To the model's last word. */
  readonly prompt: (request: OfSession & { readonly body: PromptInput }) => Promise<unknown>
  readonly abort: (request: OfSession) => Promise<unknown>
  readonly delete: (request: OfSession) => Promise<unknown>
}

/** Which server is meant. */
interface Named {
  readonly path: { readonly name: string }
}

/** OpenCode's own server, in the same process. */
export interface Client {
  readonly session: Sessions
  readonly app: { readonly log: (request: { readonly body: LogEntry }) => Promise<unknown> }
  readonly tui: { readonly showToast: (request: { readonly body: Toast }) => Promise<unknown> }
  readonly mcp: Readonly<Record<"connect" | "disconnect", (request: Named) => Promise<unknown>>>
}

/** What a plugin is given: once for each instance, which is a directory. */
export interface Input {
  readonly client: Client
  readonly directory: string
}

/** OpenCode's configuration as its servers are about to be started from it. What the hook changes in it counts. */
export interface HostConfig {
  mcp?: Record<string, unknown>
  /** Words that a person begins a prompt with, after a slash. */
  command?: Record<string, unknown>
}

interface Call {
  readonly tool: string
  readonly sessionID: string
  readonly callID: string
}

export interface Hooks {
  /** Before any server is started. */
  readonly config?: (config: HostConfig) => Promise<void>
  readonly event?: (input: {
    readonly event: { readonly type: string; readonly properties?: unknown }
  }) => Promise<void>
  /** Before a command becomes a prompt. Where it throws, it becomes none. */
  readonly "command.execute.before"?: (
    input: { readonly command: string },
    output: { readonly parts: ReadonlyArray<{ readonly text?: string }> },
  ) => Promise<void>
  /** A message of the person's is about to be kept. */
  readonly "chat.message"?: (
    input: { readonly sessionID: string },
    output: { readonly message: { readonly model?: ModelRef } },
  ) => Promise<void>
  /** Before the messages become those of the model: what is changed in the list counts. */
  readonly "experimental.chat.messages.transform"?: (
    input: object,
    output: { messages: Array<Message> },
  ) => Promise<void>
  readonly "experimental.chat.system.transform"?: (
    input: { readonly sessionID?: string },
    output: { system: Array<string> },
  ) => Promise<void>
  /** Before each request to a model. */
  readonly "chat.params"?: (
    input: {
      readonly sessionID: string
      readonly model: { readonly capabilities?: { readonly temperature?: boolean } }
    },
    output: { temperature: number | undefined; maxOutputTokens: number | undefined },
  ) => Promise<void>
  readonly "tool.execute.before"?: (input: Call, output: { readonly args?: unknown }) => Promise<void>
  readonly "tool.execute.after"?: (input: Call) => Promise<void>
  /** At the end of the instance. */
  readonly dispose?: () => Promise<void>
}
