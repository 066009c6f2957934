/** What is looked at: which server, which tab, which tool. */
import { createSignal } from "solid-js"

export const tabs = [
  { id: "overview", title: "Overview", key: "o" },
  { id: "tools", title: "Tools", key: "t" },
  { id: "calls", title: "Calls", key: "c" },
  { id: "tasks", title: "Tasks", key: "k" },
  { id: "changed", title: "Changed", key: "h" },
  { id: "log", title: "Log", key: "l" },
] as const

export type TabId = (typeof tabs)[number]["id"]

export const makeView = () => {
  const [server, setServer] = createSignal<string>()
  const [tab, setTab] = createSignal<TabId>("overview")
  const [tool, setTool] = createSignal<{ readonly server: string; readonly name: string }>()
  const [help, setHelp] = createSignal(false)
  return { server, setServer, tab, setTab, tool, setTool, help, setHelp }
}

export type View = ReturnType<typeof makeView>

/** Moves the focus, if what it would move to is there. */
export const focus = (selector: string): boolean => {
  const found = document.querySelector<HTMLElement>(selector)
  found?.focus()
  // What is seen in part would stay so.
  found?.scrollIntoView({ block: "nearest", inline: "nearest" })
  return found !== null
}
