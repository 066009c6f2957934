/** The buttons that answer a question, and what was wrong with the answer. */
import { createSignal, type JSX, Show } from "solid-js"
import type { Answer, QuestionView } from "../../model.ts"
import { useInbox } from "../context.ts"
import { answers } from "../guard.ts"
import type { Refusal } from "../state.ts"
import { Button, Problem } from "../ui.tsx"

/** A question of this kind. */
export type Of<Kind extends QuestionView["kind"]> = QuestionView & { readonly kind: Kind }

/** Sends one answer at a time. */
export const makeSender = (id: string) => {
  const { settle } = useInbox()
  const [sending, setSending] = createSignal(false)
  const [refusal, setRefusal] = createSignal<Refusal>()
  const send = async (answer: () => Promise<Answer>) => {
    if (sending() || !answers.armed()) return
    setSending(true)
    setRefusal(undefined)
    setRefusal(await settle(id, answer))
    setSending(false)
  }
  return { sending, refusal, send, ready: () => answers.armed() && !sending() }
}

export type Sender = ReturnType<typeof makeSender>

/** A key that is held down since before the question came presses nothing. */
export const once = (event: KeyboardEvent): void => {
  if (event.repeat && (event.key === "Enter" || event.key === " ")) event.preventDefault()
}

export const AnswerButton = (props: {
  readonly sender: Sender
  readonly look?: "main" | "plain" | "danger"
  readonly submit?: boolean
  readonly onPress?: () => void
  readonly children: JSX.Element
}) => (
  <Button
    look={props.look ?? "plain"}
    type={props.submit === true ? "submit" : "button"}
    aria-disabled={!props.sender.ready()}
    onKeyDown={once}
    onClick={(event) => {
      if (!props.sender.ready()) return event.preventDefault()
      props.onPress?.()
    }}
  >
    {props.children}
  </Button>
)

export const Wrong = (props: { readonly sender: Sender }) => (
  <Show when={props.sender.refusal()}>{(said) => <Problem message={said().message} hint={said().hint} />}</Show>
)
