/** The page: servers beside what is looked at, questions above it. */
import { For, type JSX, Match, Show, Switch } from "solid-js"
import { Calls, Changed, Tasks } from "./activity.tsx"
import { useInbox } from "./context.ts"
import { Help, useKeys } from "./keys.tsx"
import { Log } from "./log.tsx"
import { Questions } from "./questions/questions.tsx"
import { Overview, ServerList } from "./servers.tsx"
import { line } from "./text.ts"
import { makeRuns } from "./tools/runs.ts"
import { Tools } from "./tools/tools.tsx"
import { Button, Line } from "./ui.tsx"
import { focus, tabs, type TabId } from "./view.ts"

const Banner = () => {
  const { link, retry, why } = useInbox()
  return (
    <Switch>
      <Match when={link() === "refused"}>
        <div class="banner bad" role="alert">
          This page is not let in: its address is of an earlier run. Open it again with <code>mcp ui</code>, or with{" "}
          <code>/mcp</code> in OpenCode.
        </div>
      </Match>
      <Match when={link() === "lost"}>
        <div class="banner" role="alert">
          <span class="grow">
            {why() ? `The page cannot be kept up to date: ${line(why() ?? "")}` : "The connection is lost."} What is
            shown may be old; it is tried again.
          </span>
          <Button onClick={retry}>Try now</Button>
        </div>
      </Match>
    </Switch>
  )
}

const Header = () => {
  const { link, place, view } = useInbox()
  const said = () => ({ open: "live", connecting: "connecting", lost: "lost", refused: "refused" })[link()]
  return (
    <header class="top">
      <h1>MCP</h1>
      <Line text={place().directory} class="dim mono clip" />
      <span class="grow" />
      <span class={`live ${link()}`} role="status">
        {said()}
      </span>
      <Button aria-label="Keyboard shortcuts" title="Keyboard shortcuts" onClick={() => view.setHelp(true)}>
        ?
      </Button>
    </header>
  )
}

const TabList = () => {
  const { held, lists, view } = useInbox()
  const of = (all: ReadonlyArray<{ readonly server: string }>) =>
    all.filter(({ server }) => view.server() === undefined || server === view.server()).length
  const number = (id: TabId): number =>
    id === "calls" ? of(lists.calls) : id === "tasks" ? of(lists.tasks) : id === "changed" ? of(held()) : 0
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === view.tab())
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key]
    const next = to === undefined ? undefined : tabs[(to + tabs.length) % tabs.length]
    if (next === undefined) return
    event.preventDefault()
    view.setTab(next.id)
    focus(`#tab-${next.id}`)
  }
  return (
    <div class="tabs" role="tablist" aria-label="What is shown" onKeyDown={move}>
      <For each={tabs}>
        {({ id, title }) => (
          <button
            type="button"
            role="tab"
            id={`tab-${id}`}
            aria-controls="panel"
            aria-selected={view.tab() === id}
            tabindex={view.tab() === id ? 0 : -1}
            onClick={() => view.setTab(id)}
          >
            {title}
            <Show when={number(id) > 0}>
              <span class="count">{number(id)}</span>
            </Show>
          </button>
        )}
      </For>
    </div>
  )
}

export const App = (): JSX.Element => {
  const inbox = useInbox()
  const { spoken, view } = inbox
  const runs = makeRuns(inbox)
  useKeys()
  return (
    <>
      <a class="skip" href="#panel">
        Skip to what is shown
      </a>
      <Header />
      <Banner />
      <div class="body">
        <ServerList />
        <main>
          <Questions />
          <h2 class="hidden">{view.server() === undefined ? "All servers" : line(view.server() ?? "")}</h2>
          <TabList />
          <div id="panel" role="tabpanel" tabindex="-1" aria-labelledby={`tab-${view.tab()}`}>
            <Switch>
              <Match when={view.tab() === "overview"}>
                <Overview />
              </Match>
              <Match when={view.tab() === "tools"}>
                <Tools runs={runs} />
              </Match>
              <Match when={view.tab() === "calls"}>
                <Calls />
              </Match>
              <Match when={view.tab() === "tasks"}>
                <Tasks />
              </Match>
              <Match when={view.tab() === "changed"}>
                <Changed />
              </Match>
              <Match when={view.tab() === "log"}>
                <Log />
              </Match>
            </Switch>
          </div>
        </main>
      </div>
      <div class="hidden" aria-live="assertive" role="log" aria-label="News">
        {spoken()}
      </div>
      <Help />
    </>
  )
}
