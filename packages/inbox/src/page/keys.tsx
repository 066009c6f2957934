/** The keyboard: shortcuts, which never act while somebody types, and what lists them. */
import { createEffect, For, onCleanup, onMount } from "solid-js"
import { useInbox } from "./context.ts"
import { Button } from "./ui.tsx"
import { line } from "./text.ts"
import { focus, tabs } from "./view.ts"

const shortcuts: ReadonlyArray<readonly [string, string]> = [
  ["g q", "First question that waits"],
  ["g s", "Servers"],
  ...tabs.map(({ key, title }) => [`g ${key}`, title] as const),
  ["/", "Search"],
  ["?", "This list"],
  ["Esc", "Out of a field; close; back to the list"],
  ["← → ↑ ↓", "Move among tabs, servers, tools"],
]

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest("input, textarea, select, [contenteditable], dialog") !== null

/** Milliseconds in which the second key of two is pressed. */
const patience = 1_500

export const useKeys = (): void => {
  const { view } = useInbox()
  let g = 0
  const after = (key: string) => {
    if (key === "q") return focus("[data-question] h3") || focus(".told")
    if (key === "s") return focus("#servers [aria-current]")
    const tab = tabs.find((each) => each.key === key)
    if (tab === undefined) return false
    view.setTab(tab.id)
    return focus(`#tab-${tab.id}`)
  }
  const down = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (isTyping(event.target)) {
      // Out of what is typed into, so that shortcuts work again. Its own Escape a dialog has.
      if (event.key === "Escape" && event.target instanceof HTMLElement && event.target.closest("dialog") === null) {
        event.target.blur()
      }
      return
    }
    const second = event.timeStamp - g < patience && g > 0
    g = 0
    if (second) {
      if (after(event.key)) event.preventDefault()
      return
    }
    if (event.key === "g") g = event.timeStamp
    else if (event.key === "?") {
      event.preventDefault()
      view.setHelp(true)
    } else if (event.key === "/" && focus("#search")) event.preventDefault()
    else if (event.key === "Escape") document.querySelector<HTMLElement>(".back")?.click()
  }
  onMount(() => document.addEventListener("keydown", down))
  onCleanup(() => document.removeEventListener("keydown", down))
}

export const Help = () => {
  const { place, view } = useInbox()
  let dialog: HTMLDialogElement | undefined
  createEffect(() => {
    if (view.help()) dialog?.showModal()
    else dialog?.close()
  })
  return (
    <dialog ref={(element) => void (dialog = element)} aria-labelledby="help-title" onClose={() => view.setHelp(false)}>
      <h2 id="help-title">Keyboard</h2>
      <dl class="keys">
        <For each={shortcuts}>
          {([keys, what]) => (
            <>
              <dt>
                <For each={keys.split(" ")}>{(key) => <kbd>{key}</kbd>}</For>
              </dt>
              <dd>{what}</dd>
            </>
          )}
        </For>
      </dl>
      <p class="dim small">
        Questions come without taking the focus from what you type. Version {line(place().version)}.
      </p>
      <div class="row actions">
        <Button look="main" onClick={() => view.setHelp(false)}>
          Close
        </Button>
      </div>
    </dialog>
  )
}
