/**
 * What OpenCode and the person at it are told: toasts, lines of OpenCode's log, and handshakes that are due. Nothing here
 * is waited for: OpenCode's server may be waiting for this plugin.
 */
import type * as Bus from "@opencode-ai/opencode/bus/index"
import { visible } from "@opencode-ai/mcp/protocol/visible"
import * as Words from "@opencode-ai/opencode/inbox/words"
import * as McpEvent from "@opencode-ai/opencode/mcp/event"
import type { Client, LogEntry, Toast } from "./host.ts"

export interface Told {
  readonly toast: (toast: Toast) => void
  readonly log: (level: LogEntry["level"], message: string, extra?: LogEntry["extra"]) => void
}

/** How the log names what is from here. The log of 1.18.33 writes what is beside a message, and no service. */
const service = "mcp-plugin"
const mark = { plugin: "mcp" }

/** How long a line of the log may be, in characters, and how many are on their way to it at a time. */
const longest = 16 * 1024
const atOnce = 256

/** A server's words stay on their line, and move nothing in it. */
const plain = (text: string): string => visible(text.length > longest ? `${text.slice(0, longest)}…` : text)
const plainly = (extra: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(extra).map(([name, value]) => [name, typeof value === "string" ? plain(value) : value]),
  )

/**
 * Both say nothing of it where OpenCode does not take it: it is ending, or has no screen. Each line of the log is a request
 * to it: those that come quicker than it takes them are counted, and not kept.
 */
export const make = (client: Client): Told => {
  const quietly = (ask: () => Promise<unknown>) =>
    Promise.resolve()
      .then(ask)
      .catch(() => undefined)
  let underway = 0
  let lost = 0
  const write = (level: LogEntry["level"], message: string, extra: NonNullable<LogEntry["extra"]>): void => {
    underway += 1
    void quietly(() => client.app.log({ body: { service, level, message, extra: { ...mark, ...extra } } })).then(() => {
      underway -= 1
      if (lost === 0 || underway > 0) return
      const text = `${lost} lines came quicker than they could be written, and are lost`
      lost = 0
      write("warn", text, {})
    })
  }
  return {
    toast: (body) => void quietly(() => client.tui.showToast({ body })),
    log: (level, message, extra = {}) => {
      if (underway >= atOnce) lost += 1
      else write(level, plain(message), plainly(extra))
    },
  }
}

const levels: Readonly<Record<string, LogEntry["level"]>> = {
  debug: "debug",
  info: "info",
  notice: "info",
  warning: "warn",
}

const isOf = <D extends Bus.Definition>(definition: D, event: Bus.Payload): event is Bus.Payload<D> =>
  event.type === definition.type

/** Tells an event of the bus, on which secrets are hidden already. */
export const event = ({ log, toast }: Told, event: Bus.Payload): void => {
  if (isOf(McpEvent.ToastShow, event)) toast(event.properties)
  else if (isOf(McpEvent.Logged, event)) {
    const { data, level, logger, server } = event.properties
    const message = typeof data === "string" ? data : (JSON.stringify(data) ?? "")
    log(levels[level] ?? "error", message, { server, ...(logger === undefined ? {} : { logger }) })
  } else if (isOf(McpEvent.StderrWritten, event)) {
    log("debug", event.properties.line, { server: event.properties.server, stderr: true })
  } else if (isOf(McpEvent.Warning, event)) {
    log("warn", event.properties.message, { server: event.properties.server })
  } else if (isOf(McpEvent.StatusChanged, event)) {
    const { server, status } = event.properties
    const error = "error" in event.properties ? event.properties.error : undefined
    // Each line is a request to OpenCode's server, which is being started itself: that they all begin is no news.
    if (status === "pending" && error === undefined) return
    log(status === "failed" ? "error" : "info", `${server}: ${status}`, {
      server,
      ...(error === undefined ? {} : { error }),
    })
  }
}

/** How long a call goes on before its progress is shown, and how often it is then, in milliseconds. */
const patience = 3_000

/** Shows how far calls are, those that last. */
export const progress =
  ({ toast }: Told, mask: (text: string) => string, now: () => number) =>
  (what: string) => {
    let due = now() + patience
    return ({
      message,
      progress,
      total,
    }: {
      progress: number
      total?: number | undefined
      message?: string | undefined
    }) => {
      if (now() < due) return
      due = now() + patience
      const far = total === undefined ? String(progress) : `${progress} of ${total}`
      toast({
        title: visible(what),
        message: message === undefined ? far : `${far}: ${Words.words(mask, message)}`,
        variant: "info",
        duration: patience,
      })
    }
  }
