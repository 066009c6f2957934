/** Fields, drawn: each with its label, its description, and what is wrong with it. */
import { createUniqueId, For, type JSX, Match, Show, Switch } from "solid-js"
import { line } from "../text.ts"
import { Line, Text } from "../ui.tsx"
import type { Control, Field, Option, Raw } from "./fields.ts"

interface Part {
  readonly field: Field
  readonly raw: Raw
  readonly problem: string | undefined
  readonly change: (raw: Raw) => void
}

type Of<Kind extends Control["kind"]> = Extract<Control, { kind: Kind }>

/** So few choices are shown all at once. */
const fewOptions = 5

const bounds = (control: Control): string => {
  if (control.kind === "text") {
    if (control.format === "date-time") return "in your time zone"
    if (control.least !== undefined && control.most !== undefined)
      return `${control.least} to ${control.most} characters`
    if (control.least !== undefined && control.least > 0) return `at least ${control.least} characters`
    return control.most === undefined ? "" : `at most ${control.most} characters`
  }
  if (control.kind === "number") {
    const { above, below, integer, least, most } = control
    const noun = integer ? "whole number" : "number"
    const low = least === undefined ? (above === undefined ? "" : ` greater than ${above}`) : ` from ${least}`
    const high = most === undefined ? (below === undefined ? "" : ` less than ${below}`) : ` to ${most}`
    return `${noun}${low}${high}`
  }
  if (control.kind === "choices" || control.kind === "list") {
    const { least, most } = control
    const range =
      least !== undefined && most !== undefined
        ? `${least} to ${most}`
        : least !== undefined
          ? `at least ${least}`
          : most !== undefined
            ? `at most ${most}`
            : ""
    return [control.kind === "list" ? "one to a line" : "", range].filter((part) => part !== "").join(", ")
  }
  return control.kind === "json" ? "JSON" : ""
}

const inputs = { email: "email", uri: "url", date: "date", "date-time": "datetime-local" } as const

/** What says more about a control: its description, its bounds, what is wrong. */
const Notes = (props: { readonly id: string; readonly field: Field; readonly problem: string | undefined }) => (
  <>
    <Show when={props.field.description ?? (bounds(props.field.control) || undefined)}>
      <div class="hint" id={`${props.id}-hint`}>
        <Show when={props.field.description}>
          {(description) => <Text text={description()} lines={6} characters={600} />}
        </Show>
        <Show when={bounds(props.field.control)}>{(said) => <span class="bounds">{said()}</span>}</Show>
      </div>
    </Show>
    <Show when={props.problem}>
      {(problem) => (
        <p class="wrong" id={`${props.id}-wrong`}>
          <Line text={problem()} />
        </p>
      )}
    </Show>
  </>
)

const Required = (props: { readonly field: Field }) => (
  <Show when={props.field.required}>
    <span class="required"> (required)</span>
  </Show>
)

const describedBy = (id: string, field: Field, problem: string | undefined) =>
  [
    field.description !== undefined || bounds(field.control) !== "" ? `${id}-hint` : "",
    problem === undefined ? "" : `${id}-wrong`,
  ]
    .filter((part) => part !== "")
    .join(" ") || undefined

const Labelled = (props: { readonly part: Part; readonly id: string; readonly children: JSX.Element }) => (
  <div class="field">
    <label for={props.id}>
      <Line text={props.part.field.title} />
      <Required field={props.part.field} />
    </label>
    {props.children}
    <Notes id={props.id} field={props.part.field} problem={props.part.problem} />
  </div>
)

const Typed = (props: { readonly part: Part; readonly id: string; readonly control: Of<"text"> | Of<"number"> }) => {
  const value = () => (typeof props.part.raw === "string" ? props.part.raw : "")
  /** Long texts need room: where more may be typed than stands on a line. */
  const long = () =>
    props.control.kind === "text" &&
    props.control.format === undefined &&
    ((props.control.most ?? 0) > 200 || value().includes("\n"))
  return (
    <Show
      when={!long()}
      fallback={
        <textarea
          id={props.id}
          aria-describedby={describedBy(props.id, props.part.field, props.part.problem)}
          aria-invalid={props.part.problem !== undefined}
          aria-required={props.part.field.required}
          autocomplete="off"
          spellcheck={false}
          rows={4}
          value={value()}
          onInput={(event) => props.part.change(event.currentTarget.value)}
        />
      }
    >
      <input
        id={props.id}
        aria-describedby={describedBy(props.id, props.part.field, props.part.problem)}
        aria-invalid={props.part.problem !== undefined}
        aria-required={props.part.field.required}
        autocomplete="off"
        spellcheck={false}
        type={props.control.kind === "text" && props.control.format ? inputs[props.control.format] : "text"}
        inputmode={props.control.kind === "number" ? (props.control.integer ? "numeric" : "decimal") : undefined}
        step={props.control.kind === "text" && props.control.format === "date-time" ? "1" : undefined}
        value={value()}
        onInput={(event) => props.part.change(event.currentTarget.value)}
      />
    </Show>
  )
}

const Lines = (props: { readonly part: Part; readonly id: string; readonly code: boolean }) => (
  <textarea
    id={props.id}
    class={props.code ? "mono" : ""}
    rows={props.code ? 5 : 3}
    spellcheck={false}
    value={typeof props.part.raw === "string" ? props.part.raw : ""}
    aria-describedby={describedBy(props.id, props.part.field, props.part.problem)}
    aria-invalid={props.part.problem !== undefined}
    aria-required={props.part.field.required}
    onInput={(event) => props.part.change(event.currentTarget.value)}
  />
)

const chosen = (raw: Raw): ReadonlyArray<number> => (Array.isArray(raw) ? raw : [])

const unset = "Nothing chosen"

const Select = (props: {
  readonly part: Part
  readonly id: string
  readonly options: ReadonlyArray<Option>
  readonly open: boolean
}) => (
  <select
    id={props.id}
    aria-describedby={describedBy(props.id, props.part.field, props.part.problem)}
    aria-invalid={props.part.problem !== undefined}
    aria-required={props.part.field.required}
    onChange={(event) => {
      const index = Number(event.currentTarget.value)
      props.part.change(index < 0 ? [] : [index])
    }}
  >
    <Show when={props.open || chosen(props.part.raw).length === 0}>
      <option value="-1" selected={chosen(props.part.raw).length === 0}>
        {unset}
      </option>
    </Show>
    <For each={props.options}>
      {(option, index) => (
        <option value={index()} selected={chosen(props.part.raw)[0] === index()}>
          {line(option.title)}
        </option>
      )}
    </For>
  </select>
)

/** Choices that are all shown: one of them, or as many as one likes. */
const Choices = (props: {
  readonly part: Part
  readonly id: string
  readonly options: ReadonlyArray<Option>
  readonly many: boolean
  readonly open: boolean
}) => {
  const name = createUniqueId()
  const toggle = (index: number, on: boolean) => {
    const others = chosen(props.part.raw).filter((each) => each !== index)
    props.part.change(on ? [...(props.many ? others : []), index] : others)
  }
  return (
    <fieldset
      class="field"
      aria-describedby={describedBy(props.id, props.part.field, props.part.problem)}
      aria-invalid={props.part.problem !== undefined}
      role={props.many ? "group" : "radiogroup"}
      aria-required={props.many ? undefined : props.part.field.required}
    >
      <legend>
        <Line text={props.part.field.title} />
        <Required field={props.part.field} />
      </legend>
      <div class="options">
        <For each={props.options}>
          {(option, index) => (
            <label class="option">
              <input
                type={props.many ? "checkbox" : "radio"}
                name={name}
                id={index() === 0 ? props.id : undefined}
                checked={chosen(props.part.raw).includes(index())}
                onChange={(event) => toggle(index(), event.currentTarget.checked)}
              />
              <Line text={option.title} />
            </label>
          )}
        </For>
        <Show when={props.open && !props.many}>
          <label class="option dim">
            <input
              type="radio"
              name={name}
              checked={chosen(props.part.raw).length === 0}
              onChange={() => props.part.change([])}
            />
            {unset}
          </label>
        </Show>
      </div>
      <Notes id={props.id} field={props.part.field} problem={props.part.problem} />
    </fieldset>
  )
}

const Flag = (props: { readonly part: Part; readonly id: string }) => (
  <div class="field">
    <label class="option">
      <input
        type="checkbox"
        id={props.id}
        checked={props.part.raw === true}
        aria-describedby={describedBy(props.id, props.part.field, props.part.problem)}
        onChange={(event) => props.part.change(event.currentTarget.checked)}
      />
      <Line text={props.part.field.title} />
    </label>
    <Notes id={props.id} field={props.part.field} problem={props.part.problem} />
  </div>
)

const flags: ReadonlyArray<Option> = [
  { value: true, title: "Yes" },
  { value: false, title: "No" },
]

/** A flag that may be left open is a choice of three. */
const OpenFlag = (props: { readonly part: Part; readonly id: string }) => (
  <Choices
    id={props.id}
    part={{
      field: props.part.field,
      get raw() {
        return props.part.raw === "true" ? [0] : props.part.raw === "false" ? [1] : []
      },
      get problem() {
        return props.part.problem
      },
      change: (raw) => props.part.change(chosen(raw)[0] === undefined ? "" : String(chosen(raw)[0] === 0)),
    }}
    options={flags}
    many={false}
    open
  />
)

const FieldView = (props: Part) => {
  const id = createUniqueId()
  const is = <Kind extends Control["kind"]>(...kinds: ReadonlyArray<Kind>): Of<Kind> | undefined => {
    const { control } = props.field
    return (kinds as ReadonlyArray<string>).includes(control.kind) ? (control as Of<Kind>) : undefined
  }
  const few = () => {
    const choice = is("choice")
    return choice !== undefined && choice.options.length <= fewOptions ? choice : undefined
  }
  return (
    <Switch>
      <Match when={is("text", "number")}>
        {(control) => (
          <Labelled part={props} id={id}>
            <Typed part={props} id={id} control={control()} />
          </Labelled>
        )}
      </Match>
      <Match when={is("flag")}>
        {(control) => (
          <Show when={control().open} fallback={<Flag part={props} id={id} />}>
            <OpenFlag part={props} id={id} />
          </Show>
        )}
      </Match>
      <Match when={few()}>
        {(control) => <Choices part={props} id={id} options={control().options} open={control().open} many={false} />}
      </Match>
      <Match when={is("choice")}>
        {(control) => (
          <Labelled part={props} id={id}>
            <Select part={props} id={id} options={control().options} open={control().open} />
          </Labelled>
        )}
      </Match>
      <Match when={is("choices")}>
        {(control) => <Choices part={props} id={id} options={control().options} open many />}
      </Match>
      <Match when={is("list", "json")}>
        {(control) => (
          <Labelled part={props} id={id}>
            <Lines part={props} id={id} code={control().kind === "json"} />
          </Labelled>
        )}
      </Match>
    </Switch>
  )
}

export const Fields = (props: {
  readonly fields: ReadonlyArray<Field>
  readonly raws: ReadonlyMap<string, Raw>
  readonly problems: ReadonlyMap<string, string>
  readonly change: (name: string, raw: Raw) => void
}) => (
  <div class="fields">
    <For each={props.fields}>
      {(field) => (
        <FieldView
          field={field}
          raw={props.raws.get(field.name) ?? ""}
          problem={props.problems.get(field.name)}
          change={(raw) => props.change(field.name, raw)}
        />
      )}
    </For>
  </div>
)
