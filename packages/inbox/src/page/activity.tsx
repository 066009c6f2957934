/** What goes on: calls in flight, tasks, and tools that are held back because they changed. */
import { createEffect, createSignal, For, Match, on, Show, Switch } from "solid-js"
import type { CallView, HeldView } from "../model.ts"
import { now } from "./clock.ts"
import { Result } from "./content.tsx"
import { useInbox } from "./context.ts"
import { below, grants } from "./guard.ts"
import type { Refusal, TaskRow } from "./state.ts"
import { clock, line } from "./text.ts"
import { Button, Chip, Empty, Json, Line, Problem, Progress, Text } from "./ui.tsx"

const Call = (props: { readonly call: CallView }) => {
  const { ask, does } = useInbox()
  const name = () => `${line(props.call.server)}, ${line(props.call.tool)}`
  return (
    <li class="card" aria-label={`Call: ${name()}`}>
      <div class="row">
        <span class="grow">
          <Line text={props.call.server} class="dim" /> <Line text={props.call.tool} class="mono name" />
        </span>
        <span class="dim number">{clock(now() - props.call.since)}</span>
        <Button
          aria-label={`Cancel: ${name()}`}
          onClick={() => void does(ask("cancel", { id: props.call.id }), props.call.server)}
        >
          Cancel
        </Button>
      </div>
      <Show when={props.call.summary}>
        <Text mono text={props.call.summary} lines={2} characters={300} />
      </Show>
      <Progress label={`Progress: ${name()}`} value={props.call.progress} total={props.call.total} />
      <Show when={props.call.message}>
        {(message) => (
          <p class="dim">
            <Line text={message()} />
          </p>
        )}
      </Show>
    </li>
  )
}

/** Those of the server that is looked at, or all. */
const useLooked = () => {
  const { view } = useInbox()
  return <A extends { readonly server: string }>(all: ReadonlyArray<A>) =>
    all.filter(({ server }) => view.server() === undefined || view.server() === server)
}

export const Calls = () => {
  const { lists } = useInbox()
  const looked = useLooked()
  return (
    <Show
      when={looked(lists.calls).length > 0}
      fallback={
        <Empty title="No calls are under way.">The model's and those of this page are shown while they run.</Empty>
      }
    >
      <ul class="cards" aria-label="Calls under way">
        <For each={looked(lists.calls)}>{(call) => <Call call={call} />}</For>
      </ul>
    </Show>
  )
}

const tones: Record<TaskRow["status"], string> = {
  working: "pending",
  input_required: "needs_auth",
  completed: "connected",
  failed: "failed",
  cancelled: "disabled",
}

/** A time of the protocol's, as the person has it. */
const moment = (iso: string): string => {
  const at = new Date(iso)
  return Number.isNaN(at.getTime()) ? line(iso) : at.toLocaleString()
}

const Task = (props: { readonly task: TaskRow }) => {
  const { ask, does } = useInbox()
  const [result, setResult] = createSignal<{ readonly result: unknown }>()
  const [refusal, setRefusal] = createSignal<Refusal>()
  const runs = () => props.task.status === "working" || props.task.status === "input_required"
  const at = () => ({ server: props.task.server, taskId: props.task.id })
  const show = async () => {
    if (result() !== undefined) return setResult(undefined)
    const answer = await ask("taskResult", at())
    setRefusal(answer.ok ? undefined : answer.error)
    setResult(answer.ok ? { result: answer.result } : undefined)
  }
  return (
    <li class="card" aria-label={`Task: ${line(props.task.id)}`}>
      <div class="row">
        <span class="grow">
          <Line text={props.task.server} class="dim" /> <Line text={props.task.id} class="mono name" />
        </span>
        <Chip tone={tones[props.task.status]}>{line(props.task.status).replace("_", " ")}</Chip>
        <Show
          when={runs()}
          fallback={
            <Button
              aria-label={`${result() === undefined ? "Show" : "Hide"} the result of ${line(props.task.id)}`}
              aria-expanded={result() !== undefined}
              onClick={() => void show()}
            >
              {result() === undefined ? "Result" : "Hide"}
            </Button>
          }
        >
          <Button
            aria-label={`Cancel the task ${line(props.task.id)}`}
            onClick={() => void does(ask("cancelTask", at()), props.task.server)}
          >
            Cancel
          </Button>
        </Show>
      </div>
      <Show when={props.task.message}>{(message) => <Text text={message()} lines={6} />}</Show>
      <p class="dim small number">
        Since {moment(props.task.created)}, last heard of {moment(props.task.updated)}
      </p>
      <Show when={refusal()}>{(said) => <Problem message={said().message} hint={said().hint} />}</Show>
      <Show when={result()}>{(result) => <Result result={result().result} />}</Show>
    </li>
  )
}

export const Tasks = () => {
  const { ask, does, lists } = useInbox()
  const looked = useLooked()
  const [reading, setReading] = createSignal(false)
  const refresh = async () => {
    setReading(true)
    await does(ask("tasks", {}))
    setReading(false)
  }
  return (
    <>
      <div class="row bar">
        <span class="grow" />
        <Button aria-disabled={reading()} onClick={() => reading() || void refresh()}>
          {reading() ? "Refreshing…" : "Refresh the tasks"}
        </Button>
      </div>
      <Show
        when={looked(lists.tasks).length > 0}
        fallback={
          <Empty title="There are no tasks.">
            Tools that run for long answer with a task; refresh asks the servers.
          </Empty>
        }
      >
        <ul class="cards" aria-label="Tasks">
          <For each={looked(lists.tasks)}>{(task) => <Task task={task} />}</For>
        </ul>
      </Show>
    </>
  )
}

const Side = (props: { readonly value: unknown; readonly is: "before" | "after" }) => (
  <Switch>
    <Match when={props.value === undefined}>
      <span class="dim">{props.is === "before" ? "not there before" : "no longer there"}</span>
    </Match>
    <Match when={typeof props.value === "string" && props.value}>{(text) => <Text whole text={text()} />}</Match>
    <Match when={props.value !== undefined}>
      <Json whole value={props.value} />
    </Match>
  </Switch>
)

const Held = (props: { readonly held: HeldView }) => {
  const { ask, does } = useInbox()
  const name = () => `${line(props.held.tool)} of ${line(props.held.server)}`
  return (
    <li class="card" aria-label={`Changed tool: ${name()}`}>
      <div class="row">
        <span class="grow">
          <Line text={props.held.server} class="dim" /> <Line text={props.held.tool} class="mono name" />
        </span>
        <Chip tone="needs_auth">held back</Chip>
      </div>
      <For each={props.held.difference}>
        {(change) => (
          <div class="change">
            <p class="mono small">
              <Line text={change.path} />
            </p>
            <del aria-label="Before">
              <Side value={change.before} is="before" />
            </del>
            <ins aria-label="Now">
              <Side value={change.after} is="after" />
            </ins>
          </div>
        )}
      </For>
      <div class="row actions">
        <Button
          look="main"
          aria-label={`Offer it as it is now: ${name()}`}
          onClick={(event) =>
            grants(event) &&
            void does(
              ask("offer", { server: props.held.server, tool: props.held.tool, form: props.held.form }),
              props.held.server,
            )
          }
        >
          Offer it as it is now
        </Button>
      </div>
    </li>
  )
}

export const Changed = () => {
  const { held } = useInbox()
  const looked = useLooked()
  createEffect(on(held, () => below.moved()))
  return (
    <Show
      when={looked(held()).length > 0}
      fallback={
        <Empty title="No tool is held back.">
          One that changes after it was approved waits here until somebody has looked.
        </Empty>
      }
    >
      <ul class="cards" aria-label="Changed tools">
        <For each={looked(held())}>{(each) => <Held held={each} />}</For>
      </ul>
    </Show>
  )
}
