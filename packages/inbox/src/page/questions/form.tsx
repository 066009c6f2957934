/** A form that a server asks for. */
import { createMemo, createSignal, Show } from "solid-js"
import { useInbox } from "../context.ts"
import { fieldsOf, initial, problemsIn, type Raw, readAll } from "../form/fields.ts"
import { Fields } from "../form/form.tsx"
import { count } from "../text.ts"
import { Line, Text } from "../ui.tsx"
import { AnswerButton, makeSender, type Of, once, Wrong } from "./answers.tsx"

export const Ask = (props: { readonly question: Of<"form"> }) => {
  const { ask } = useInbox()
  const { id, schema } = props.question
  const fields = fieldsOf(schema, true) ?? []
  const sender = makeSender(id)
  const [raws, setRaws] = createSignal<ReadonlyMap<string, Raw>>(initial(fields))
  /** Nothing is called wrong before it was sent once. */
  const [tried, setTried] = createSignal(false)
  const filled = createMemo(() => readAll(fields, raws()))
  const problems = createMemo(() => {
    const found = new Map(tried() ? filled().problems : [])
    const refusal = sender.refusal()
    if (refusal !== undefined) for (const [name, said] of problemsIn(fields, refusal.message)) found.set(name, said)
    return found
  })
  let form: HTMLFormElement | undefined
  const accept = (event: Event) => {
    event.preventDefault()
    if (!sender.ready()) return
    setTried(true)
    if (filled().problems.size > 0) return form?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus()
    const content = filled().values as Record<string, string>
    void sender.send(() => ask("answer", { id, answer: { action: "accept", content } }))
  }
  const say = (action: "decline" | "cancel") => void sender.send(() => ask("answer", { id, answer: { action } }))
  return (
    <form ref={(element) => void (form = element)} novalidate autocomplete="off" onSubmit={accept} onKeyDown={once}>
      <Text text={props.question.message} />
      <Show when={problems().size > 0}>
        <p class="problem" role="alert">
          {count(problems().size, "field")} to be put right.
        </p>
      </Show>
      <Show when={problems().size === 0}>
        <Wrong sender={sender} />
      </Show>
      <Fields
        fields={fields}
        raws={raws()}
        problems={problems()}
        change={(name, raw) => setRaws((all) => new Map(all).set(name, raw))}
      />
      <p class="dim small">
        <Line text={props.question.server} /> reads what you send: no passwords, no keys.
      </p>
      <div class="row actions">
        <AnswerButton sender={sender} look="main" submit>
          Accept
        </AnswerButton>
        <AnswerButton sender={sender} onPress={() => say("decline")}>
          Decline
        </AnswerButton>
        <AnswerButton sender={sender} onPress={() => say("cancel")}>
          Cancel
        </AnswerButton>
      </div>
    </form>
  )
}
