/** The servers: a list to choose from, and what is known of each, with what can be done to it. */
import { createEffect, createSignal, For, type JSX, on, Show } from "solid-js"
import type { Action, ServerView } from "../model.ts"
import { useInbox } from "./context.ts"
import { below, grants } from "./guard.ts"
import { address, count, line } from "./text.ts"
import { Button, Chip, Empty, Line, Text } from "./ui.tsx"
import { focus } from "./view.ts"

const words: Record<ServerView["status"], string> = {
  connected: "connected",
  pending: "connecting",
  disabled: "off",
  failed: "failed",
  needs_auth: "needs sign-in",
  needs_client_registration: "needs a client id",
}

/** How it is, in a word or two. */
const wordsOf = ({ review, status }: ServerView): string => (review === undefined ? words[status] : "not approved")

/** A shape for each status, that tells them apart without their colours. */
const shapes: Record<ServerView["status"], () => JSX.Element> = {
  connected: () => <path d="M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm3.6 4.2L7 9.8 4.9 7.7l-1 1L7 11.8l5.6-5.6z" />,
  pending: () => <path d="M8 1a7 7 0 1 0 7 7h-2a5 5 0 1 1-5-5z" />,
  disabled: () => <path d="M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm0 1.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6Z" />,
  failed: () => <path d="M8 .8 15.6 15H.4ZM7.2 6v4.6h1.6V6Zm0 5.6v1.6h1.6v-1.6Z" />,
  needs_auth: () => (
    <path d="M8 .5 15.500 8 8 15.500.500 8ZM7.200 4.200v4.900h1.600V4.200Zm0 5.900v1.700h1.600v-1.700Z" />
  ),
  needs_client_registration: () => <path d="M1.500 1.500h13v13h-13zM7.200 4v5h1.600V4Zm0 6v1.700h1.600V10Z" />,
}

export const Mark = (props: { readonly status: ServerView["status"] }) => (
  <svg class={`mark ${props.status}`} viewBox="0 0 16 16" aria-hidden="true" fill-rule="evenodd">
    {shapes[props.status]()}
  </svg>
)

const Entry = (props: { readonly server: ServerView; readonly waiting: number }) => {
  const { view } = useInbox()
  return (
    <li>
      <button
        type="button"
        class="entry"
        aria-current={view.server() === props.server.name ? "true" : undefined}
        onClick={() => view.setServer(props.server.name)}
      >
        <Mark status={props.server.status} />
        <span class="grow">
          <Line text={props.server.name} class="name" />
          <span class="dim small">
            {wordsOf(props.server)}
            <Show when={props.server.status === "connected"}>{`, ${count(props.server.tools, "tool")}`}</Show>
          </span>
        </span>
        <Show when={props.waiting > 0}>
          <span class="count" aria-label={`${count(props.waiting, "question")} waiting`}>
            {props.waiting}
          </span>
        </Show>
      </button>
    </li>
  )
}

/** Moves the focus among the buttons of a list, by arrow keys, Home and End. */
export const among = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }, selector: string): void => {
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>(selector)]
  const at = all.findIndex((each) => each === document.activeElement)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key]
  if (to === undefined || at === -1) return
  event.preventDefault()
  all[Math.max(0, Math.min(all.length - 1, to))]?.focus()
}

export const ServerList = () => {
  const { lists, questions, view } = useInbox()
  const waiting = (name: string) => questions().filter(({ server }) => server === name).length
  return (
    <nav id="servers" aria-label="Servers" onKeyDown={(event) => among(event, ".entry")}>
      <ul>
        <li>
          <button
            type="button"
            class="entry"
            aria-current={view.server() === undefined ? "true" : undefined}
            onClick={() => view.setServer(undefined)}
          >
            <span class="grow name">All servers</span>
            <span class="dim small number">{lists.servers.length}</span>
          </button>
        </li>
        <For each={lists.servers}>{(server) => <Entry server={server} waiting={waiting(server.name)} />}</For>
      </ul>
    </nav>
  )
}

const verbs: Record<Action, string> = {
  connect: "Connect",
  disconnect: "Disconnect",
  restart: "Restart",
  signIn: "Sign in",
  signOut: "Sign out",
  approve: "Approve and connect",
}

const Actions = (props: { readonly server: ServerView }) => {
  const { ask, does, view } = useInbox()
  /** What is being done: the same is not asked for twice. */
  const [doing, setDoing] = createSignal<ReadonlyArray<Action>>([])
  const act = async (action: Action) => {
    const { form, name } = props.server
    if (doing().includes(action)) return
    setDoing((all) => [...all, action])
    await does(ask("act", { server: name, action, ...(action === "approve" ? { form } : {}) }), name)
    setDoing((all) => all.filter((each) => each !== action))
  }
  const first = (action: Action) => ["approve", "signIn"].includes(action) || props.server.status === "failed"
  return (
    <div class="row actions" role="group" aria-label={`Actions of ${line(props.server.name)}`}>
      <For each={props.server.actions}>
        {(action, index) => (
          <Button
            look={index() === 0 && first(action) && props.server.signIn === undefined ? "main" : "plain"}
            aria-label={`${verbs[action]}: ${line(props.server.name)}`}
            aria-disabled={doing().includes(action)}
            onClick={(event) => (action !== "approve" || grants(event)) && void act(action)}
          >
            {verbs[action]}
          </Button>
        )}
      </For>
      <Show when={view.server() === undefined}>
        <Button
          look="link"
          aria-label={`Details of ${line(props.server.name)}`}
          onClick={() => {
            view.setServer(props.server.name)
            focus("#panel")
          }}
        >
          Details
        </Button>
      </Show>
    </div>
  )
}

const SignIn = (props: { readonly signIn: NonNullable<ServerView["signIn"]> }) => (
  <div class="notice" role="status">
    <p>Sign in on its page; this one goes on by itself afterwards.</p>
    <Show when={address(props.signIn.url)} fallback={<Text mono text={props.signIn.url} />}>
      {(href) => (
        <a class="button main" href={href()} target="_blank" rel="noreferrer noopener">
          Sign in at <Line text={props.signIn.host} /> <span aria-hidden="true">↗</span>
        </a>
      )}
    </Show>
    <Text mono text={props.signIn.url} lines={4} />
  </div>
)

const Fact = (props: { readonly name: string; readonly children: JSX.Element }) => (
  <>
    <dt>{props.name}</dt>
    <dd>{props.children}</dd>
  </>
)

const Facts = (props: { readonly server: ServerView }) => (
  <dl class="facts">
    <Fact name={props.server.type === "local" ? "Runs" : "Reaches"}>
      <Text mono text={props.server.how} lines={6} />
    </Fact>
    <Show when={props.server.title ?? props.server.version}>
      <Fact name="Calls itself">
        <Line text={props.server.title ?? ""} /> <Line text={props.server.version ?? ""} />
      </Fact>
    </Show>
    <Show when={props.server.protocolVersion}>
      {(version) => (
        <Fact name="Protocol">
          <Line text={[version(), props.server.transport].filter((part) => part !== undefined).join(", ")} />
        </Fact>
      )}
    </Show>
    <Show when={props.server.pid}>{(pid) => <Fact name="Process">{pid()}</Fact>}</Show>
    <Show when={props.server.connectMs}>{(ms) => <Fact name="Connected in">{Math.round(ms())} ms</Fact>}</Show>
    <Show when={props.server.status === "connected"}>
      <Fact name="Offers">
        {[
          count(props.server.tools, "tool"),
          count(props.server.prompts, "prompt"),
          count(props.server.resources, "resource"),
          count(props.server.templates, "template"),
        ].join(", ")}
      </Fact>
    </Show>
  </dl>
)

const Card = (props: { readonly server: ServerView; readonly whole: boolean }) => (
  <article class={`card ${props.server.status}`} aria-label={line(props.server.name)}>
    <header class="row">
      <Mark status={props.server.status} />
      <h3>
        <Line text={props.server.name} />
      </h3>
      <Chip tone={props.server.status}>{wordsOf(props.server)}</Chip>
      <Show when={props.server.attempt}>{(attempt) => <span class="dim small">attempt {attempt()}</span>}</Show>
      <span class="grow" />
      <span class="dim small">{props.server.type}</span>
    </header>
    <Show when={props.server.error}>
      {(error) => (
        <div class="reason">
          <Text text={error()} lines={8} />
        </div>
      )}
    </Show>
    <Show when={props.server.review}>
      {(review) => (
        <div class="notice">
          <p>
            <strong>Nobody has approved this server yet.</strong> Approving it lets it run with your rights. Read all of
            it first:
          </p>
          <Text mono whole text={review()} />
        </div>
      )}
    </Show>
    <Show when={props.server.signIn}>{(signIn) => <SignIn signIn={signIn()} />}</Show>
    <Show when={props.server.signInFailed}>
      {(why) => (
        <div class="problem">
          <Text text={`The last sign-in came to nothing: ${why()}`} lines={8} />
        </div>
      )}
    </Show>
    <Show when={props.whole} fallback={<Text mono text={props.server.how} lines={2} characters={300} />}>
      <Facts server={props.server} />
      <Show when={props.server.instructions}>
        {(instructions) => (
          <section aria-label="Instructions">
            <h4>Instructions, in the server's words</h4>
            <Text text={instructions()} lines={12} />
          </section>
        )}
      </Show>
    </Show>
    <Actions server={props.server} />
  </article>
)

export const Overview = () => {
  const { lists, view } = useInbox()
  const looked = () => lists.servers.filter(({ name }) => view.server() === undefined || name === view.server())
  const shape = () =>
    looked()
      .map(({ name, review, status }) => JSON.stringify([name, status, review]))
      .join()
  createEffect(on(shape, () => below.moved()))
  return (
    <Show when={looked().length > 0} fallback={<NoServers />}>
      <div class="cards">
        <For each={looked()}>{(server) => <Card server={server} whole={view.server() !== undefined} />}</For>
      </div>
    </Show>
  )
}

const NoServers = () => {
  const { lists } = useInbox()
  return (
    <Show when={lists.loaded} fallback={<Empty title="Connecting…" />}>
      <Empty title="There is no server here.">
        Servers are named under <code>mcp</code> in opencode.json; <code>mcp add</code> adds one.
      </Empty>
    </Show>
  )
}
