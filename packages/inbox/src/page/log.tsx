/** The log: what servers write, as it comes. */
import { createEffect, createMemo, createSignal, createUniqueId, For, Show } from "solid-js"
import type { Level, LineView } from "../model.ts"
import { useInbox } from "./context.ts"
import { Button, Empty, Line, Text } from "./ui.tsx"

const levels: ReadonlyArray<Level> = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]

/** So many are drawn; older ones are a press away. */
const page = 300

const time = (at: number): string => {
  const date = new Date(at)
  return date.toTimeString().slice(0, 8)
}

const Row = (props: { readonly line: LineView; readonly named: boolean }) => (
  <li class={`line at-${props.line.level}`}>
    <time class="dim number">{time(props.line.at)}</time>
    <span class="level">{props.line.source === "stderr" ? "stderr" : props.line.level}</span>
    <div class="grow">
      <Show when={props.named}>
        <Line text={props.line.server} class="who" />{" "}
      </Show>
      <Show when={props.line.logger}>
        {(logger) => (
          <>
            <Line text={logger()} class="dim" />{" "}
          </>
        )}
      </Show>
      <Text mono text={props.line.text} lines={8} characters={1_000} />
    </div>
  </li>
)

const LevelSelect = (props: {
  readonly label: string
  /** Undefined: it is not known. */
  readonly value: Level | undefined
  readonly change: (level: Level) => void
}) => {
  const id = createUniqueId()
  return (
    <span class="row">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        value={props.value ?? ""}
        onChange={(event) => {
          const level = levels.find((each) => each === event.currentTarget.value)
          if (level !== undefined) props.change(level)
        }}
      >
        <Show when={props.value === undefined}>
          <option value="">as it likes</option>
        </Show>
        <For each={levels}>{(level) => <option value={level}>{level}</option>}</For>
      </select>
    </span>
  )
}

export const Log = () => {
  const { ask, clearLines, does, lines, lists, lost, view } = useInbox()
  const [least, setLeast] = createSignal<Level>("debug")
  const [query, setQuery] = createSignal("")
  const [pages, setPages] = createSignal(1)
  /** The number of the last line that is shown, while it stands still. */
  const [paused, setPaused] = createSignal<number>()
  const [sent, setSent] = createSignal<ReadonlyMap<string, Level>>(new Map())
  const connected = () => lists.servers.find(({ name, status }) => name === view.server() && status === "connected")
  const found = createMemo(() => {
    const from = levels.indexOf(least())
    const words = query().toLowerCase()
    const server = view.server()
    const until = paused() ?? Number.POSITIVE_INFINITY
    return lines().filter(
      (each) =>
        each.number <= until &&
        (server === undefined || each.server === server) &&
        levels.indexOf(each.level) >= from &&
        (words === "" || `${each.server} ${each.logger ?? ""} ${each.text}`.toLowerCase().includes(words)),
    )
  })
  const drawn = createMemo(() => found().slice(-page * pages()))
  const behind = () => lines().filter(({ number }) => number > (paused() ?? Number.POSITIVE_INFINITY)).length
  let box: HTMLOListElement | undefined
  /** Whether the end is in sight: who has scrolled back reads, and stays there. */
  let atEnd = true
  const scrolled = ({ clientHeight, scrollHeight, scrollTop }: HTMLElement) => {
    atEnd = scrollHeight - scrollTop - clientHeight < 40
  }
  createEffect(() => {
    drawn()
    if (paused() === undefined && atEnd && box !== undefined) box.scrollTop = box.scrollHeight
  })
  const setServerLevel = async (server: string, level: Level) => {
    if (await does(ask("level", { server, level }), server)) setSent((all) => new Map(all).set(server, level))
  }
  return (
    <div class="log">
      <div class="row bar">
        <input
          id="search"
          type="search"
          aria-label="Search the log"
          placeholder="Search the log"
          autocomplete="off"
          value={query()}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
        <LevelSelect label="From" value={least()} change={setLeast} />
        <Button onClick={() => setPaused(paused() === undefined ? (lines().at(-1)?.number ?? 0) : undefined)}>
          {paused() === undefined ? "Pause" : `Follow (${behind()} new)`}
        </Button>
        <Button onClick={clearLines}>Clear</Button>
        <Show when={connected()}>
          {(server) => (
            <LevelSelect
              label="The server sends from"
              value={sent().get(server().name)}
              change={(level) => void setServerLevel(server().name, level)}
            />
          )}
        </Show>
      </div>
      <Show when={lost() > 0}>
        <p class="dim small">{lost()} lines came quicker than they could be read, and are not here.</p>
      </Show>
      <Show when={found().length > drawn().length}>
        <Button look="link" onClick={() => setPages(pages() + 1)}>
          Show {Math.min(page, found().length - drawn().length)} earlier
        </Button>
      </Show>
      <Show
        when={found().length > 0}
        fallback={<Empty title={lines().length === 0 ? "Nothing was logged yet." : "No line is like this."} />}
      >
        <ol
          ref={(element) => void (box = element)}
          class="lines"
          onScroll={(event) => scrolled(event.currentTarget)}
          aria-label="Log"
          tabindex="0"
        >
          <For each={drawn()}>{(each) => <Row line={each} named={view.server() === undefined} />}</For>
        </ol>
      </Show>
    </div>
  )
}
