/** A call of a tool: what is filled in, what is under way, what came back. */
import { createMemo, createSignal, createUniqueId, For, Show } from "solid-js"
import type { Tool } from "@opencode-ai/mcp/protocol/model"
import { now } from "../clock.ts"
import { Result } from "../content.tsx"
import { useInbox } from "../context.ts"
import { initial, readAll, shows } from "../form/fields.ts"
import { Fields } from "../form/form.tsx"
import { clock, count } from "../text.ts"
import { Button, Chip, Line, Problem, Progress } from "../ui.tsx"
import type { Draft, Run } from "./runs.ts"

type Values = Readonly<Record<string, unknown>>

/** The object in a text; what is wrong with it otherwise. */
const parse = (text: string): { readonly values: Values } | { readonly wrong: string } => {
  try {
    const value: unknown = JSON.parse(text.trim() === "" ? "{}" : text)
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { values: value as Values }
    return { wrong: "Arguments are an object, as in {}." }
  } catch (cause) {
    return { wrong: `This is no JSON: ${cause instanceof Error ? cause.message : String(cause)}` }
  }
}

export const CallForm = (props: {
  readonly draft: Draft
  readonly call: (values: Values) => void
  readonly busy: boolean
}) => {
  const { fields, isJson, json, others, raws, setIsJson, setJson, setOthers, setRaws } = props.draft
  const id = createUniqueId()
  /** Names of what the form cannot show. */
  const [unshown, setUnshown] = createSignal<ReadonlyArray<string>>([])
  const [tried, setTried] = createSignal(false)
  const filled = createMemo(() => readAll(fields ?? [], raws()))
  const whole = (): Values => Object.fromEntries([...Object.entries(others()), ...Object.entries(filled().values)])
  const parsed = createMemo(() => parse(json()))
  const wrong = () => {
    const found = parsed()
    if ("wrong" in found) return found.wrong
    return unshown().length === 0 ? undefined : `The form cannot show what is in ${unshown().join(", ")}.`
  }
  const toggle = () => {
    if (!isJson()) {
      setJson(JSON.stringify(whole(), undefined, 2))
      return setIsJson(true)
    }
    const found = parsed()
    if ("wrong" in found || fields === undefined) return setTried(true)
    const known = new Set(fields.map(({ name }) => name))
    const values = new Map(Object.entries(found.values))
    const strange = fields.filter((field) => values.has(field.name) && !shows(field, values.get(field.name)))
    setUnshown(strange.map(({ title }) => title))
    if (strange.length > 0) return setTried(true)
    setOthers(Object.fromEntries(Object.entries(found.values).filter(([name]) => !known.has(name))))
    setRaws(
      initial(
        fields.map(({ initial: _, ...field }) => field),
        found.values,
      ),
    )
    return setIsJson(false)
  }
  let form: HTMLFormElement | undefined
  const submit = (event: Event) => {
    event.preventDefault()
    if (props.busy) return
    setTried(true)
    if (isJson()) {
      const found = parsed()
      if ("values" in found) props.call(found.values)
    } else if (filled().problems.size === 0) props.call(whole())
    else form?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus()
  }
  return (
    <form
      ref={(element) => void (form = element)}
      novalidate
      autocomplete="off"
      onSubmit={submit}
      aria-label="Arguments"
    >
      <Show
        when={isJson()}
        fallback={
          <>
            <Show when={fields?.length === 0}>
              <p class="dim">It takes no arguments.</p>
            </Show>
            <Fields
              fields={fields ?? []}
              raws={raws()}
              problems={tried() ? filled().problems : new Map()}
              change={(name, value) => setRaws((all) => new Map(all).set(name, value))}
            />
            <Show when={Object.keys(others()).length > 0}>
              <p class="dim small">
                Also sent, from the JSON: <Line text={Object.keys(others()).join(", ")} class="mono" />
              </p>
            </Show>
          </>
        }
      >
        <div class="field">
          <label for={id}>Arguments as JSON</label>
          <textarea
            id={id}
            class="mono"
            rows={8}
            spellcheck={false}
            value={json()}
            aria-invalid={tried() && wrong() !== undefined}
            aria-describedby={wrong() === undefined ? undefined : `${id}-wrong`}
            onInput={(event) => {
              setUnshown([])
              setJson(event.currentTarget.value)
            }}
          />
          <Show when={wrong()}>
            {(said) => (
              <p class="wrong" id={`${id}-wrong`}>
                {said()}
              </p>
            )}
          </Show>
        </div>
      </Show>
      <Show when={tried() && !isJson() && filled().problems.size > 0}>
        <p class="problem" role="alert">
          {count(filled().problems.size, "field")} to be put right.
        </p>
      </Show>
      <div class="row actions">
        <Button look="main" type="submit" aria-disabled={props.busy}>
          Call the tool
        </Button>
        <Show when={fields !== undefined}>
          <Button look="link" onClick={toggle}>
            {isJson() ? "Fill in a form" : "Write JSON"}
          </Button>
        </Show>
      </div>
    </form>
  )
}

/** A call that was made here, while it runs and after. */
export const RunView = (props: { readonly run: Run; readonly tool: string }) => {
  const { ask, does, lists } = useInbox()
  const under = () => lists.calls.find(({ id }) => id === props.run.id)
  const failed = () => props.run.refusal !== undefined || props.run.result?.isError === true
  return (
    <section class="run" aria-label="Result" aria-busy={props.run.ended === undefined}>
      <Show
        when={props.run.ended}
        fallback={
          <>
            <div class="row">
              <strong>Running</strong>
              <span class="dim number">{clock(now() - props.run.since)}</span>
              <span class="grow" />
              <Button
                aria-label={`Cancel the call of ${props.tool}`}
                onClick={() =>
                  under() === undefined ? props.run.abort() : void does(ask("cancel", { id: props.run.id }))
                }
              >
                Cancel
              </Button>
            </div>
            <Progress label={`Progress of ${props.tool}`} value={under()?.progress} total={under()?.total} />
            <Show when={under()?.message}>
              {(message) => (
                <p class="dim">
                  <Line text={message()} />
                </p>
              )}
            </Show>
          </>
        }
      >
        {(ended) => (
          <>
            <div class="row">
              <h4>Result</h4>
              <Chip tone={failed() ? "failed" : "connected"}>{failed() ? "error" : "done"}</Chip>
              <span class="dim small number">{`${Math.max(0, ended() - props.run.since)} ms`}</span>
            </div>
            <Show when={props.run.refusal}>{(said) => <Problem message={said().message} hint={said().hint} />}</Show>
            <Show when={props.run.result}>{(result) => <Result result={result()} />}</Show>
          </>
        )}
      </Show>
    </section>
  )
}

export const Annotations = (props: { readonly tool: Tool }) => {
  const chips = () => {
    const { destructiveHint, idempotentHint, openWorldHint, readOnlyHint } = props.tool.annotations ?? {}
    return [
      readOnlyHint === true ? ["read-only", "connected"] : undefined,
      readOnlyHint !== true && destructiveHint === true ? ["destructive", "failed"] : undefined,
      idempotentHint === true ? ["idempotent", ""] : undefined,
      openWorldHint === true ? ["open world", ""] : undefined,
      props.tool.execution?.taskSupport === "required" ? ["runs as a task", ""] : undefined,
    ].filter((chip) => chip !== undefined)
  }
  return (
    <Show when={chips().length > 0}>
      <div class="row small" role="group" aria-label="What the server says of it">
        <For each={chips()}>{([name, tone]) => <Chip tone={tone}>{name}</Chip>}</For>
        <span class="dim">says the server</span>
      </div>
    </Show>
  )
}
