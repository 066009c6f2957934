/** An event in words: what a person reads of it, on one line. Nothing is printed here. */
import type { Event } from "@opencode-ai/mcp/events"
import type { LoggingLevel } from "@opencode-ai/mcp/protocol/model"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { Output } from "./output.ts"
import type * as Text from "./text.ts"

/** What happened, in a word, how it looks, and the rest of it. */
export interface Words {
  readonly what: string
  readonly colour: Text.Colour
  readonly text: string
}

/** How a level looks. */
export const colourOf = (level: LoggingLevel): Text.Colour => {
  if (level === "debug") return "dim"
  if (level === "info" || level === "notice") return "cyan"
  return level === "warning" ? "yellow" : "red"
}

/** A value that a server said, as it is read: a text as it is, anything else as JSON. */
export const json = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""))

const statuses: Readonly<Record<string, Text.Colour>> = { connected: "green", pending: "cyan", disabled: "dim" }

const step = (progress: number, total: number | undefined) => `${progress}${total === undefined ? "" : `/${total}`}`

const isTask = (value: unknown): value is { readonly taskId?: unknown; readonly status?: unknown } =>
  typeof value === "object" && value !== null

/** A task, as far as a person wants to know. */
const taskWords = (task: unknown): string => {
  if (!isTask(task)) return json(task)
  const message = "statusMessage" in task && typeof task.statusMessage === "string" ? `: ${task.statusMessage}` : ""
  return `${json(task.taskId)} ${json(task.status)}${message}`
}

export const words = (event: Event): Words => {
  switch (event.type) {
    case "mcp.status.changed": {
      const { attempt, error, status } = event.data
      const again = attempt === undefined ? "" : ` (attempt ${attempt})`
      const text = `${status.replaceAll("_", " ")}${again}${error === undefined ? "" : `: ${error}`}`
      return { what: "status", colour: statuses[status] ?? "red", text }
    }
    case "mcp.tools.changed":
      return { what: "tools", colour: "cyan", text: "changed" }
    case "mcp.prompts.changed":
      return { what: "prompts", colour: "cyan", text: "changed" }
    case "mcp.resources.changed":
      return { what: "resources", colour: "cyan", text: "changed" }
    case "mcp.resource.updated":
      return { what: "updated", colour: "cyan", text: event.data.uri }
    case "mcp.progress": {
      const { message, progress, total } = event.data
      return { what: "progress", colour: "dim", text: `${step(progress, total)} ${message ?? ""}`.trimEnd() }
    }
    case "mcp.cancelled": {
      const { reason, requestId } = event.data
      return {
        what: "cancelled",
        colour: "yellow",
        text: `request ${requestId}${reason === undefined ? "" : `: ${reason}`}`,
      }
    }
    case "mcp.log": {
      const { data, level, logger } = event.data
      return { what: level, colour: colourOf(level), text: `${logger === undefined ? "" : `${logger}: `}${json(data)}` }
    }
    case "mcp.stderr":
      return { what: "stderr", colour: "dim", text: event.data.line }
    case "mcp.task.status":
      return { what: "task", colour: "cyan", text: taskWords(event.data.task) }
    case "mcp.elicitation.requested": {
      const { message, mode, url } = event.data
      return { what: "asks", colour: "yellow", text: mode === "url" ? `${message} ${url ?? ""}` : message }
    }
    case "mcp.elicitation.completed":
      return { what: "visited", colour: "green", text: `the visit ${event.data.elicitationId} is over` }
    case "mcp.sampling.requested":
      return { what: "samples", colour: "yellow", text: json(event.data.params) }
    case "mcp.question.closed":
      return { what: "answered", colour: "dim", text: `question ${event.data.requestID}: ${event.data.outcome}` }
    case "mcp.tool.held": {
      const { difference, key } = event.data
      const where = difference.map(({ path }) => path).join(", ")
      return { what: "held", colour: "yellow", text: `${key} changed (${where}) and waits for approval` }
    }
    case "mcp.auth.required":
      return { what: "sign in", colour: "yellow", text: event.data.reason }
    case "mcp.browser.open.failed":
      return { what: "open", colour: "yellow", text: event.data.url }
    case "mcp.warning":
      return { what: "warning", colour: "yellow", text: event.data.message }
  }
}

/** How many events wait for a reader that is slow; more are lost, and counted. */
const capacity = 16_384

/** Events in line to be printed. */
export interface Line<E = Event> {
  readonly take: (event: E) => void
  /** Prints what comes, without end; it waits while a question has the terminal, which it would be drawn into. */
  readonly print: Effect.Effect<never, never, Output>
  /** Prints what waits, and no more. */
  readonly rest: Effect.Effect<void, never, Output>
}

/** Prints each event as `print` does, one after another. */
export const line = <E>(print: (event: E) => Effect.Effect<void, never, Output>): Effect.Effect<Line<E>> =>
  Effect.gen(function* () {
    const queue = yield* Queue.dropping<E>(capacity)
    let lost = 0
    const one = (event: E) =>
      Effect.gen(function* () {
        yield* print(event)
        if (lost === 0) return
        const count = lost
        lost = 0
        yield* (yield* Output).warn(`${count} events were lost, because the output was not read fast enough`)
      })
    return {
      take: (event) => {
        if (!Queue.offerUnsafe(queue, event)) lost += 1
      },
      print: Effect.flatMap(Output, ({ floor }) => {
        const next = floor.take(Effect.flatMap(Queue.take(queue), one))
        // What waits for the floor is still in line: it is printed as the rest, should this be interrupted.
        return Effect.forever(Effect.andThen(Queue.peek(queue), next))
      }),
      rest: Effect.gen(function* () {
        while (Queue.sizeUnsafe(queue) > 0) yield* one(yield* Queue.take(queue))
      }),
    }
  })
