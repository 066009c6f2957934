/** What a server asks of the model, and what it would have for an answer: seen whole, edited, let through or not. */
import { createSignal, createUniqueId, For, onMount, Show } from "solid-js"
import type { JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { CreateMessageRequestParams } from "@opencode-ai/mcp/protocol/model"
import { Blocks } from "../content.tsx"
import { useInbox } from "../context.ts"
import { count } from "../text.ts"
import { Button, Json, Line, Text } from "../ui.tsx"
import { AnswerButton, makeSender, type Of, Wrong } from "./answers.tsx"

type Params = CreateMessageRequestParams

/** The text of content that is one text and nothing else. */
const textOf = (content: unknown): string | undefined => {
  const only: unknown = Array.isArray(content) && content.length === 1 ? content[0] : content
  if (typeof only !== "object" || only === null || !("type" in only) || only.type !== "text") return undefined
  return "text" in only && typeof only.text === "string" ? only.text : undefined
}

/** The same content with another text. */
const withText = (content: unknown, text: string): unknown =>
  Array.isArray(content) ? content.map((each: object) => ({ ...each, text })) : { ...(content as object), text }

const Request = (props: { readonly params: Params; readonly model?: string | undefined }) => {
  const hints = () =>
    (props.params.modelPreferences?.hints ?? []).flatMap(({ name }) => (name === undefined ? [] : [name]))
  return (
    <div class="request">
      <dl class="facts">
        <Show when={props.model}>
          {(model) => (
            <>
              <dt>Model</dt>
              <dd>
                <Line text={model()} />
              </dd>
            </>
          )}
        </Show>
        <Show when={hints().length > 0}>
          <dt>It would like</dt>
          <dd>
            <Line text={hints().join(", ")} />
          </dd>
        </Show>
        <dt>At most</dt>
        <dd>
          {count(props.params.maxTokens, "token")}
          <Show when={props.params.temperature !== undefined}>{`, temperature ${props.params.temperature}`}</Show>
          <Show when={(props.params.stopSequences ?? []).length > 0}>
            , stops at <Line text={JSON.stringify(props.params.stopSequences)} class="mono" />
          </Show>
        </dd>
        <Show when={props.params.includeContext !== undefined && props.params.includeContext !== "none"}>
          <dt>Context</dt>
          <dd>{props.params.includeContext === "thisServer" ? "of this server" : "of all servers"}</dd>
        </Show>
      </dl>
      <Show when={props.params.systemPrompt}>
        {(system) => (
          <div class="message">
            <p class="role">system</p>
            <Text whole text={system()} />
          </div>
        )}
      </Show>
      <For each={props.params.messages}>
        {(message) => (
          <div class={`message ${message.role === "assistant" ? "assistant" : "user"}`}>
            <p class="role">
              <Line text={message.role} />
            </p>
            <Blocks whole content={message.content} />
          </div>
        )}
      </For>
      <Show when={(props.params.tools ?? []).length > 0}>
        <details>
          <summary>{count(props.params.tools?.length ?? 0, "tool")} for the model</summary>
          <For each={props.params.tools}>
            {(tool) => (
              <div class="part">
                <p>
                  <Line text={tool.name} class="mono" />
                </p>
                <Show when={tool.description}>{(description) => <Text whole text={description()} />}</Show>
                <Json whole value={tool.inputSchema} />
              </div>
            )}
          </For>
        </details>
      </Show>
      <details>
        <summary>JSON of it</summary>
        <Json whole value={props.params} />
      </details>
    </div>
  )
}

const Editor = (props: {
  readonly label: string
  readonly text: string
  readonly change: (text: string) => void
  readonly opened?: boolean
}) => {
  const id = createUniqueId()
  let area: HTMLTextAreaElement | undefined
  // The person asked for it.
  onMount(() => props.opened === true && area?.focus())
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <textarea
        ref={(element) => void (area = element)}
        id={id}
        rows={6}
        value={props.text}
        onInput={(event) => props.change(event.currentTarget.value)}
      />
    </div>
  )
}

/** Yes or no, to content that is one text as it is or as the person edits it. */
const Verdict = (props: {
  readonly id: string
  readonly content: unknown
  readonly edit: string
  readonly label: string
  /** What is let through, with this content in place of its own. */
  readonly edited: (content: unknown) => JsonObject
}) => {
  const { ask } = useInbox()
  const sender = makeSender(props.id)
  const before = textOf(props.content)
  const [text, setText] = createSignal<string>()
  const value = (): JsonObject | undefined => {
    const now = text()
    return now === undefined || now === before ? undefined : props.edited(withText(props.content, now))
  }
  const allow = () => {
    const changed = value()
    return ask("allow", { id: props.id, ...(changed === undefined ? {} : { value: changed }) })
  }
  return (
    <>
      <Show when={text() !== undefined}>
        <Editor opened label={props.label} text={text() ?? ""} change={setText} />
      </Show>
      <Wrong sender={sender} />
      <div class="row actions">
        <AnswerButton sender={sender} look="main" onPress={() => void sender.send(allow)}>
          {value() === undefined ? "Allow" : "Allow as edited"}
        </AnswerButton>
        <AnswerButton sender={sender} onPress={() => void sender.send(() => ask("refuse", { id: props.id }))}>
          Refuse
        </AnswerButton>
        <Show when={before !== undefined}>
          <Button look="link" onClick={() => setText(text() === undefined ? before : undefined)}>
            {text() === undefined ? props.edit : "Do not edit it"}
          </Button>
        </Show>
      </div>
    </>
  )
}

export const Approval = (props: { readonly question: Of<"approval"> }) => {
  const { id, params } = props.question
  const last = params.messages.at(-1)
  return (
    <>
      <p class="dim small">The model sees all of this, and the server gets what it answers.</p>
      <Request params={params} model={props.question.model} />
      <Verdict
        id={id}
        content={last?.content}
        edit="Edit the last message"
        label="The last message, as it is sent"
        edited={(content) => ({ ...params, messages: [...params.messages.slice(0, -1), { ...last, content }] })}
      />
    </>
  )
}

export const Review = (props: { readonly question: Of<"review"> }) => {
  const { id, params, result } = props.question
  return (
    <>
      <p class="dim small">
        <Line text={result.model} /> answered this. Nothing of it was sent yet.
      </p>
      <div class="message assistant">
        <p class="role">
          <Line text={result.role} />
        </p>
        <Blocks whole content={result.content} />
      </div>
      <details>
        <summary>What it was asked</summary>
        <Request params={params} />
      </details>
      <Verdict
        id={id}
        content={result.content}
        edit="Edit the answer"
        label="The answer, as it is sent"
        edited={(content) => ({ ...result, content })}
      />
    </>
  )
}

/** Where there is no model, the person may be one. */
export const Sampling = (props: { readonly question: Of<"sampling"> }) => {
  const { ask } = useInbox()
  const { id, params } = props.question
  const sender = makeSender(id)
  const [text, setText] = createSignal("")
  const send = () => {
    const value = {
      role: "assistant",
      content: { type: "text", text: text() },
      model: "person",
      stopReason: "endTurn",
    }
    void sender.send(() => ask("allow", { id, value }))
  }
  return (
    <>
      <Request params={params} />
      <Editor label="Your answer" text={text()} change={setText} />
      <Wrong sender={sender} />
      <div class="row actions">
        <AnswerButton sender={sender} look="main" onPress={() => text() !== "" && send()}>
          Send the answer
        </AnswerButton>
        <AnswerButton sender={sender} onPress={() => void sender.send(() => ask("refuse", { id }))}>
          Refuse
        </AnswerButton>
      </div>
    </>
  )
}
