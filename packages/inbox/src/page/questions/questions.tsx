/** The questions that wait, and what the person is told: always on top. */
import { createEffect, createMemo, For, type JSX, Match, on, Show, Switch } from "solid-js"
import type { QuestionView, VisitView } from "../../model.ts"
import { now } from "../clock.ts"
import { useInbox } from "../context.ts"
import { answers, below } from "../guard.ts"
import { address, clock, count, line } from "../text.ts"
import { Button, Line, Text } from "../ui.tsx"
import { focus } from "../view.ts"
import type { Of } from "./answers.tsx"
import { Ask } from "./form.tsx"
import { Approval, Review, Sampling } from "./sampling.tsx"
import { Visit } from "./visit.tsx"

/** So many are shown at a time: a flood of them hides nothing else. */
const atOnce = 5

const asks: Record<QuestionView["kind"], string> = {
  form: "asks you to fill in a form",
  visit: "asks you to visit a page",
  approval: "wants to ask the model",
  sampling: "wants an answer, and there is no model: write it yourself",
  review: "waits for an answer of the model",
}

const Question = (props: { readonly question: QuestionView }) => {
  const { lists, times } = useInbox()
  const call = () => lists.calls.find(({ id }) => id === props.question.call)
  const left = () => (times().get(props.question.id) ?? props.question.until) - now()
  const is = <Kind extends QuestionView["kind"]>(kind: Kind): Of<Kind> | undefined =>
    props.question.kind === kind ? (props.question as Of<Kind>) : undefined
  return (
    <article
      class="card question"
      data-question={props.question.id}
      aria-label={`Question of ${line(props.question.server)}`}
    >
      <header class="row">
        <h3 tabindex="-1">
          <Line text={props.question.server} class="who" /> {asks[props.question.kind]}
        </h3>
        <span class="grow" />
        <span class="dim small number" classList={{ urgent: left() < 30_000 }}>
          {left() > 0 ? `${clock(left())} left` : "out of time"}
        </span>
      </header>
      <Show when={call()}>
        {(call) => (
          <p class="dim small">
            For the call of <Line text={call().tool} class="mono" />
          </p>
        )}
      </Show>
      <Switch>
        <Match when={is("form")}>{(question) => <Ask question={question()} />}</Match>
        <Match when={is("visit")}>{(question) => <Visit question={question()} />}</Match>
        <Match when={is("approval")}>{(question) => <Approval question={question()} />}</Match>
        <Match when={is("sampling")}>{(question) => <Sampling question={question()} />}</Match>
        <Match when={is("review")}>{(question) => <Review question={question()} />}</Match>
      </Switch>
    </article>
  )
}

const Notices = () => {
  const { dismiss, notices } = useInbox()
  const away = (key: string) => {
    dismiss(key)
    void (focus(".told button") || focus("[data-question] h3") || focus("#panel"))
  }
  return (
    <For each={notices()}>
      {(notice) => (
        <div class={`card told ${notice.kind}`} role={notice.kind === "bad" ? "alert" : "status"} tabindex="-1">
          <div class="grow">
            <Show when={notice.server}>
              {(server) => (
                <strong>
                  <Line text={server()} />:{" "}
                </strong>
              )}
            </Show>
            <Text text={notice.text} lines={8} />
            <Show when={notice.hint}>{(hint) => <Text text={hint()} lines={8} />}</Show>
          </div>
          <Button aria-label={`Dismiss: ${line(notice.text).slice(0, 60)}`} onClick={() => away(notice.key)}>
            Dismiss
          </Button>
        </div>
      )}
    </For>
  )
}

/** A page that the person agreed to visit, and that a call waits for. */
const Visiting = (props: { readonly visit: VisitView }) => {
  const { ask, does } = useInbox()
  return (
    <article class="card" aria-label={`Visit for ${line(props.visit.server)}`}>
      <p>
        <Line text={props.visit.server} class="who" /> waits until you are done at{" "}
        <Line text={props.visit.host} class="mono" />.
      </p>
      <div class="row actions">
        <Button
          look="main"
          aria-label={`I am done at ${line(props.visit.host)}`}
          onClick={() => void does(ask("visited", { id: props.visit.id }), props.visit.server)}
        >
          I am done
        </Button>
        <Show when={address(props.visit.url)}>
          {(href) => (
            <a class="button" href={href()} target="_blank" rel="noreferrer noopener">
              Open it again <span aria-hidden="true">↗</span>
            </a>
          )}
        </Show>
      </div>
    </article>
  )
}

/** Whether the person is at something that must not lose the focus. */
const isBusy = (): boolean => {
  const active = document.activeElement
  return (
    active !== null && (active.matches("input, textarea, select") || active.closest("dialog, [data-question]") !== null)
  )
}

/** Moves the focus to a question that comes, unless somebody types; and back, when it is answered. */
const followFocus = (ids: () => ReadonlyArray<string>) => {
  let within: string | undefined
  let back: Element | null = null
  document.addEventListener("focusin", ({ target }) => {
    within = target instanceof Element ? target.closest<HTMLElement>("[data-question]")?.dataset["question"] : undefined
  })
  const first = () => focus("[data-question] h3")
  createEffect(
    on(ids, (next, before = []) => {
      const fresh = next.filter((id) => !before.includes(id))
      if (within !== undefined && !next.includes(within)) {
        within = undefined
        if (first()) return
        if (back instanceof HTMLElement && back.isConnected && back !== document.body) back.focus()
        else if (!focus(".told.bad")) focus("#panel")
        back = null
      } else if (fresh.length > 0 && !isBusy()) {
        if (before.length === 0) back = document.activeElement
        document.querySelector<HTMLElement>(`[data-question="${CSS.escape(fresh[0] ?? "")}"] h3`)?.focus()
      }
    }),
  )
}

export const Questions = (): JSX.Element => {
  const { notices, questions, visits } = useInbox()
  const seen = createMemo(() => questions().slice(0, atOnce))
  const ids = createMemo(() => seen().map(({ id }) => id), [], {
    equals: (one, other) => one.join("\0") === other.join("\0"),
  })
  createEffect(
    on([ids, notices, visits], () => {
      answers.moved()
      below.moved()
    }),
  )
  createEffect(() => {
    document.title = questions().length > 0 ? `(${questions().length}) MCP` : "MCP"
  })
  followFocus(ids)
  return (
    <Show when={seen().length + notices().length + visits().length > 0}>
      <section id="questions" aria-label="Questions">
        <h2 class="hidden">Questions</h2>
        <Notices />
        <For each={seen()}>{(question) => <Question question={question} />}</For>
        <Show when={questions().length > atOnce}>
          <p class="dim">{count(questions().length - atOnce, "more question")} behind these.</p>
        </Show>
        <For each={visits()}>{(visit) => <Visiting visit={visit} />}</For>
      </section>
    </Show>
  )
}
