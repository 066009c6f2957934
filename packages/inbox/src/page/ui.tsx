/** The small parts that all others are made of. */
import { createMemo, createSignal, For, type JSX, Show } from "solid-js"
import { count, cut, line, pieces } from "./text.ts"

/** The pieces of a text: what would not be seen is drawn as what it is. */
const Pieces = (props: { readonly text: string }) => (
  <For each={pieces(props.text)}>
    {(piece) => (piece.unseen ? <span class="unseen">{piece.text}</span> : <>{piece.text}</>)}
  </For>
)

/** A stranger's text on its own lines, cut where it is long, with a way to see all of it. */
export const Text = (props: {
  readonly text: string
  readonly mono?: boolean
  readonly characters?: number
  readonly lines?: number
  /** All of it, however long it is: it is agreed to. */
  readonly whole?: boolean
}) => {
  const [all, setAll] = createSignal(false)
  const short = createMemo(() =>
    props.whole === true ? undefined : cut(props.text, props.characters ?? 1_500, props.lines ?? 30),
  )
  return (
    <div class="theirs" classList={{ mono: props.mono === true }}>
      <bdi>
        <Pieces text={all() ? props.text : (short() ?? props.text)} />
        <Show when={short() !== undefined && !all()}>…</Show>
      </bdi>
      <Show when={short() !== undefined}>
        <button type="button" class="link" onClick={() => setAll(!all())}>
          {all() ? "Show less" : `Show all ${count(props.text.length, "character")}`}
        </button>
      </Show>
    </div>
  )
}

/** More of a line is nobody's name. */
const lineLimit = 1_000

/** A stranger's text in a line of ours; `whole`: all of it, however long it is. */
export const Line = (props: { readonly text: string; readonly class?: string; readonly whole?: boolean }) => (
  <bdi class={`theirs-line ${props.class ?? ""}`}>
    <Pieces text={line(props.whole === true ? props.text : props.text.slice(0, lineLimit))} />
    <Show when={props.whole !== true && props.text.length > lineLimit}>…</Show>
  </bdi>
)

export const Json = (props: { readonly value: unknown; readonly lines?: number; readonly whole?: boolean }) => (
  <Text
    mono
    text={JSON.stringify(props.value, undefined, 2) ?? "undefined"}
    lines={props.lines ?? 30}
    whole={props.whole === true}
  />
)

export const Button = (props: {
  readonly look?: "main" | "plain" | "danger" | "link"
  readonly class?: string
  readonly type?: "button" | "submit"
  readonly title?: string
  readonly "aria-label"?: string
  readonly "aria-disabled"?: boolean
  readonly "aria-expanded"?: boolean
  readonly onClick?: (event: MouseEvent) => unknown
  readonly onKeyDown?: (event: KeyboardEvent) => void
  readonly children: JSX.Element
}) => (
  <button
    type={props.type ?? "button"}
    class={`${props.look ?? "plain"} ${props.class ?? ""}`}
    title={props.title}
    aria-label={props["aria-label"]}
    aria-disabled={props["aria-disabled"]}
    aria-expanded={props["aria-expanded"]}
    onClick={(event) => props.onClick?.(event)}
    onKeyDown={(event) => props.onKeyDown?.(event)}
  >
    {props.children}
  </button>
)

export const Chip = (props: { readonly tone?: string | undefined; readonly children: JSX.Element }) => (
  <span class={`chip ${props.tone ?? ""}`}>{props.children}</span>
)

/** What is wrong, and what to do. */
export const Problem = (props: { readonly message: string; readonly hint?: string | undefined }) => (
  <div class="problem" role="alert">
    <Text text={props.message} lines={12} />
    <Show when={props.hint}>{(hint) => <Text text={hint()} lines={12} />}</Show>
  </div>
)

export const Empty = (props: { readonly title: string; readonly children?: JSX.Element }) => (
  <div class="empty">
    <p>{props.title}</p>
    <Show when={props.children}>
      <p class="dim">{props.children}</p>
    </Show>
  </div>
)

/** How far something is: `total` unknown, it only moves. */
export const Progress = (props: {
  readonly label: string
  readonly value?: number | undefined
  readonly total?: number | undefined
}) => {
  const known = () => props.value !== undefined && props.total !== undefined && props.total > 0
  return (
    <div class="progress">
      <Show when={known()} fallback={<progress aria-label={props.label} />}>
        <progress aria-label={props.label} max={props.total} value={Math.min(props.value ?? 0, props.total ?? 0)} />
        <span class="dim number">
          {Math.floor((100 * Math.min(props.value ?? 0, props.total ?? 1)) / (props.total ?? 1))} %
        </span>
      </Show>
      <Show when={!known() && props.value !== undefined}>
        <span class="dim number">{props.value}</span>
      </Show>
    </div>
  )
}
