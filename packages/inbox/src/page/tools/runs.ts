/** Calls that were made on this page: what each tool answered last, as long as the page is open. */
import { createSignal } from "solid-js"
import type { CallToolResult, Tool } from "@opencode-ai/mcp/protocol/model"
import { type Field, fieldsOf, initial, type Raw } from "../form/fields.ts"
import type { Refusal, State } from "../state.ts"
import { line } from "../text.ts"

export interface Run {
  readonly id: string
  readonly since: number
  /** Ends it, also where it was not sent yet. */
  readonly abort: () => void
  readonly ended?: number | undefined
  readonly result?: CallToolResult | undefined
  readonly refusal?: Refusal | undefined
}

const keyOf = (server: string, tool: string): string => JSON.stringify([server, tool])

type Values = Readonly<Record<string, unknown>>

/** Arguments that are being written. */
const makeDraft = (fields: ReadonlyArray<Field> | undefined) => {
  const [isJson, setIsJson] = createSignal(fields === undefined)
  const [raws, setRaws] = createSignal<ReadonlyMap<string, Raw>>(initial(fields ?? []))
  /** What was typed as JSON and no field has. */
  const [others, setOthers] = createSignal<Values>({})
  const [json, setJson] = createSignal("{}")
  return { fields, isJson, setIsJson, raws, setRaws, others, setOthers, json, setJson }
}

export type Draft = ReturnType<typeof makeDraft>

export const makeRuns = ({ ask, speak }: Pick<State, "ask" | "speak">) => {
  const [runs, setRuns] = createSignal<ReadonlyMap<string, Run>>(new Map())
  const set = (key: string, run: Run) => void setRuns((all) => new Map(all).set(key, run))
  const run = async (server: string, tool: string, values: Readonly<Record<string, unknown>>) => {
    const key = keyOf(server, tool)
    const aborting = new AbortController()
    const begun: Run = { id: crypto.randomUUID(), since: Date.now(), abort: () => aborting.abort() }
    set(key, begun)
    const answer = await ask("call", { id: begun.id, server, tool, arguments: values }, aborting.signal)
    // A later call of the same tool has taken its place.
    if (runs().get(key)?.id !== begun.id) return
    const ended = Date.now()
    speak(`${line(tool)}: ${answer.ok && answer.result.isError !== true ? "done" : "failed"}.`)
    set(key, answer.ok ? { ...begun, ended, result: answer.result } : { ...begun, ended, refusal: answer.error })
  }
  const drafts = new Map<string, Draft>()
  /** What was written for a tool: it stays as long as the page is open, and the tool's schema is the same. */
  const draft = (server: string, { inputSchema, name }: Tool): Draft => {
    const key = JSON.stringify([server, name, inputSchema])
    const made = drafts.get(key) ?? makeDraft(fieldsOf(inputSchema))
    drafts.set(key, made)
    return made
  }
  return { run, draft, of: (server: string, tool: string) => runs().get(keyOf(server, tool)) }
}
