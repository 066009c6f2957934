/** The tools of a server: a list to search, and one of them whole. */
import { createEffect, createMemo, createSignal, For, on, onCleanup, Show } from "solid-js"
import type { Tool } from "@opencode-ai/mcp/protocol/model"
import type { Answer } from "../../model.ts"
import { useInbox } from "../context.ts"
import { among } from "../servers.tsx"
import { alike, keep } from "../state.ts"
import { count, line } from "../text.ts"
import { Button, Empty, Line, Problem, Text } from "../ui.tsx"
import { focus } from "../view.ts"
import { Annotations, CallForm, RunView } from "./call.tsx"
import type { makeRuns } from "./runs.ts"
import { Schema } from "./schema.tsx"

type Runs = ReturnType<typeof makeRuns>

const matches = (tool: Tool, words: ReadonlyArray<string>): boolean => {
  const all = `${tool.name} ${tool.title ?? ""} ${tool.description ?? ""}`.toLowerCase()
  return words.every((word) => all.includes(word))
}

const Detail = (props: { readonly server: string; readonly tool: Tool; readonly runs: Runs }) => {
  const run = () => props.runs.of(props.server, props.tool.name)
  return (
    <article class="detail" aria-label={`Tool ${line(props.tool.name)}`}>
      <header>
        <h3 tabindex="-1">
          <Line text={props.tool.name} class="mono" />
        </h3>
        <Show when={props.tool.title ?? props.tool.annotations?.title}>
          {(title) => (
            <p class="dim">
              <Line text={title()} />
            </p>
          )}
        </Show>
      </header>
      <Annotations tool={props.tool} />
      <Show when={props.tool.description}>{(description) => <Text text={description()} lines={20} />}</Show>
      <Schema title="Schema of the arguments" schema={props.tool.inputSchema} />
      <Show when={props.tool.outputSchema}>
        {(schema) => <Schema title="Schema of the result" schema={schema()} />}
      </Show>
      <CallForm
        draft={props.runs.draft(props.server, props.tool)}
        busy={run() !== undefined && run()?.ended === undefined}
        call={(values) => void props.runs.run(props.server, props.tool.name, values)}
      />
      <Show when={run()}>{(run) => <RunView run={run()} tool={line(props.tool.name)} />}</Show>
    </article>
  )
}

/** So many are drawn; a search finds the others. */
const atOnce = 200

const OfServer = (props: { readonly server: string; readonly runs: Runs }) => {
  const { ask, link, versions, view } = useInbox()
  const [query, setQuery] = createSignal("")
  const [answer, setAnswer] = createSignal<Answer<"tools">>()
  const version = createMemo(() => versions().get(props.server) ?? 0)
  const isOpen = createMemo(() => link() === "open")
  createEffect(
    on([version, isOpen], () => {
      if (!isOpen()) return
      let isCurrent = true
      onCleanup(() => (isCurrent = false))
      void ask("tools", { server: props.server }).then((said) => isCurrent && setAnswer(() => said))
    }),
  )
  const all = createMemo((before: ReadonlyArray<Tool>): ReadonlyArray<Tool> => {
    const said = answer()
    return said?.ok === true ? keep(before, said.result, ({ name }) => name, alike) : []
  }, [])
  const failed = () => {
    const said = answer()
    return said?.ok === false ? said.error : undefined
  }
  const found = createMemo(() => {
    const words = query()
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "")
    return all().filter((tool) => matches(tool, words))
  })
  const chosen = createMemo(() => {
    const at = view.tool()
    return at?.server === props.server ? all().find(({ name }) => name === at.name) : undefined
  })
  const choose = (name: string) => {
    view.setTool({ server: props.server, name })
    queueMicrotask(() => focus(".detail h3"))
  }
  const close = () => {
    const name = view.tool()?.name
    view.setTool(undefined)
    queueMicrotask(() => {
      const all = [...document.querySelectorAll<HTMLElement>(".tool")]
      ;(all.find((each) => each.dataset["tool"] === name) ?? document.querySelector<HTMLElement>("#search"))?.focus()
    })
  }
  return (
    <Show when={failed() === undefined} fallback={<Problem message={failed()?.message ?? ""} hint={failed()?.hint} />}>
      <div class="tools" classList={{ chosen: chosen() !== undefined }}>
        <div class="list">
          <input
            id="search"
            type="search"
            aria-label="Search tools"
            placeholder={`Search ${count(all().length, "tool")}`}
            autocomplete="off"
            value={query()}
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
          <ul aria-label="Tools" onKeyDown={(event) => among(event, ".tool")}>
            <For each={found().slice(0, atOnce)}>
              {(tool) => (
                <li>
                  <button
                    type="button"
                    class="entry tool"
                    data-tool={tool.name}
                    aria-current={chosen()?.name === tool.name ? "true" : undefined}
                    onClick={() => choose(tool.name)}
                  >
                    <span class="grow">
                      <Line text={tool.name} class="mono name" />
                      <Show when={tool.description}>
                        {(description) => <Line text={description().slice(0, 200)} class="dim small clip" />}
                      </Show>
                    </span>
                  </button>
                </li>
              )}
            </For>
          </ul>
          <Show when={found().length > atOnce}>
            <p class="dim small">{found().length - atOnce} more: search for them.</p>
          </Show>
          <Show when={all().length > 0 && found().length === 0}>
            <p class="dim">No tool has these words.</p>
          </Show>
          <Show when={answer()?.ok === true && all().length === 0}>
            <Empty title="This server offers no tools now." />
          </Show>
        </div>
        <Show
          when={chosen()}
          keyed
          fallback={
            <Show when={all().length > 0}>
              <div class="detail none">
                <Empty title="Choose a tool to see its schema and to call it." />
              </div>
            </Show>
          }
        >
          {(tool) => (
            <div class="chosen-tool">
              <Button look="link" class="back" onClick={close}>
                ← All tools
              </Button>
              <Detail server={props.server} tool={tool} runs={props.runs} />
            </div>
          )}
        </Show>
      </div>
    </Show>
  )
}

export const Tools = (props: { readonly runs: Runs }) => {
  const { lists, view } = useInbox()
  const offering = () => lists.servers.filter(({ tools }) => tools > 0)
  createEffect(
    on(view.server, (server) => {
      if (server !== view.tool()?.server) view.setTool(undefined)
    }),
  )
  return (
    <Show
      when={view.server()}
      keyed
      fallback={
        <Show when={offering().length > 0} fallback={<Empty title="No server offers tools now." />}>
          <p class="dim">Whose tools?</p>
          <ul class="choose" aria-label="Servers with tools">
            <For each={offering()}>
              {(server) => (
                <li>
                  <Button onClick={() => view.setServer(server.name)}>
                    <Line text={server.name} /> <span class="dim">{count(server.tools, "tool")}</span>
                  </Button>
                </li>
              )}
            </For>
          </ul>
        </Show>
      }
    >
      {(server) => <OfServer server={server} runs={props.runs} />}
    </Show>
  )
}
