/**
 * A session as it happens: what the model says on standard output, what it calls on standard error. With `--json` each event
 * of the bus is a line of standard output.
 */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import type { Payload } from "../bus/index.ts"
import { ToastShow, Warning } from "../mcp/event.ts"
import * as Event from "../session/message.ts"
import type { Part } from "../session/part.ts"
import * as Doing from "./doing.ts"
import { of, type Tool } from "./doing.ts"
import { type Line, line } from "./happening.ts"
import { Output } from "./output.ts"
import * as Text from "./text.ts"

/** What a server meant for the person alone, and files that the model did not take (`Shown`). */
const shownOf = (metadata: unknown) => {
  const { attachments, text }: Record<string, unknown> =
    isObject(metadata) && isObject(metadata["shown"]) ? metadata["shown"] : {}
  const files = Array.isArray(attachments) ? attachments.filter(isObject) : []
  return {
    text: typeof text === "string" ? text : "",
    files: files.flatMap(({ mime }) => (typeof mime === "string" ? [mime] : [])),
  }
}

/** One call, once it is over: its arguments and, where it failed, why; and what is for the person alone. */
const callLine = ({ state, tool }: Tool) =>
  Effect.map(Output, ({ err: { columns, paint, terminal } }) => {
    const name = Text.oneLine(tool)
    const fit = (text: string, taken: number) =>
      terminal ? Text.cut(Text.oneLine(text), Math.max(10, columns() - taken)) : Text.oneLine(text)
    const shown = shownOf(state.metadata)
    const said = shown.text === "" ? "" : `\n    ${Text.inset(shown.text)}`
    const given = paint("dim", fit(JSON.stringify(state.input) ?? "", Text.width(name) + 4))
    if (state.status === "error") {
      const why = fit(state.error, 6)
      return `${paint("red", "✗")} ${name} ${given}\n    ${paint("red", why)}${said}`
    }
    const attached = state.status === "completed" ? (state.attachments ?? []).map(({ mime }) => mime) : []
    const files = [...attached, ...shown.files].map(Text.oneLine)
    const told = files.length === 0 ? "" : `\n    ${paint("dim", files.join(", "))}`
    return `${paint("green", "✓")} ${name} ${given}${told}${said}`
  })

/** What of a text may be written: up to the last space, so that nothing that has to be hidden is cut in two. */
const settled = (text: string): number => text.search(/\s\S*$/) + 1

/** In words, for a person. */
const telling = () => {
  const answers = new Set<string>()
  /** What is not written yet of each text. */
  const texts = new Map<string, string>()
  /** Whether a line is begun on a terminal. */
  let begun = false

  const write = (text: string) =>
    Effect.flatMap(Output, (output) => {
      if (text === "") return Effect.void
      begun = !text.endsWith("\n")
      return output.write(output.out.terminal ? Text.harmless(text) : text)
    })
  const end = Effect.suspend(() => (begun ? write("\n") : Effect.void))
  const say = (text: Effect.Effect<string, never, Output>) =>
    Effect.gen(function* () {
      const output = yield* Output
      if (output.out.terminal) yield* end
      yield* output.say(yield* text)
    })

  const grow = (partID: string, delta: string) =>
    Effect.gen(function* () {
      const held = texts.get(partID)
      if (held === undefined) return
      const text = held + delta
      const length = (yield* Output).out.terminal ? settled(text) : 0
      texts.set(partID, text.slice(length))
      yield* write(text.slice(0, length))
    })

  const part = (changed: Part) => {
    if (changed.type === "tool") return changed.state.status === "running" ? Effect.void : say(callLine(changed))
    if (changed.type !== "text" || !answers.has(changed.messageID)) return Effect.void
    const held = texts.get(changed.id)
    if (held === undefined) return Effect.sync(() => void texts.set(changed.id, changed.text))
    texts.delete(changed.id)
    return Effect.andThen(write(held), end)
  }

  const tell = (event: Payload): Effect.Effect<void, never, Output> =>
    Effect.suspend(() => {
      const delta = of(event, Event.PartDelta)
      if (delta !== undefined) return grow(delta.partID, delta.delta)
      const updated = of(event, Event.PartUpdated)
      if (updated !== undefined) return part(updated.part)
      const message = of(event, Event.MessageUpdated)
      if (message?.info.role === "assistant") answers.add(message.info.id)
      const removed = of(event, Event.PartRemoved)
      if (removed !== undefined) texts.delete(removed.partID)
      const status = of(event, Event.StatusChanged)?.status
      if (status?.type === "retry") {
        return say(
          Effect.map(Output, ({ err }) => err.paint("yellow", `${Text.oneLine(status.message)}; asking again …`)),
        )
      }
      const toast = of(event, ToastShow)
      if (toast !== undefined) return Effect.flatMap(Output, (output) => output.warn(toast.message))
      const warning = of(event, Warning)
      if (warning === undefined) return Effect.void
      return Effect.flatMap(Output, (output) => output.warn(`${Text.oneLine(warning.server)}: ${warning.message}`))
    })
  return { tell, begun: () => begun }
}

const json = ({ properties, type }: Payload) =>
  Effect.flatMap(Output, (output) => output.printJson({ event: type, data: properties }))

export interface Follow extends Line<Payload> {
  /** What goes on, in at most so many columns; nothing in the middle of a line that the model writes. */
  readonly doing: (columns: number) => string
}

/** Prints the events that it is given, one after another. */
export const make: Effect.Effect<Follow, never, Output> = Effect.gen(function* () {
  const output = yield* Output
  const { begun, tell } = telling()
  const doing = Doing.make()
  const printed = yield* line(output.json() ? json : tell)
  return {
    ...printed,
    take: (event) => {
      doing.take(event)
      printed.take(event)
    },
    doing: (columns) => (begun() ? "" : doing.line(output, columns)),
  }
})
