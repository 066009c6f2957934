/** A page that a server wants visited: nothing is opened but by the person. */
import { Show } from "solid-js"
import { useInbox } from "../context.ts"
import { address, parted } from "../text.ts"
import { Line, Text } from "../ui.tsx"
import { AnswerButton, makeSender, type Of, once, Wrong } from "./answers.tsx"

export const Visit = (props: { readonly question: Of<"visit"> }) => {
  const { ask } = useInbox()
  const { id } = props.question
  const sender = makeSender(id)
  const parts = () => parted(props.question.url)
  const say = (action: "accept" | "decline" | "cancel") =>
    void sender.send(() => ask("answer", { id, answer: { action } }))
  return (
    <>
      <Text text={props.question.message} />
      <p class="url mono" aria-label="Address">
        <Line whole text={parts().before} class="dim" />
        <strong>
          <Line whole text={parts().host} />
        </strong>
        <Line whole text={parts().after} class="dim" />
      </p>
      <Show when={props.question.unicodeHost}>
        {(host) => (
          <p class="warning">
            A browser may show the host <Line text={props.question.host} class="mono" /> as{" "}
            <Line text={host()} class="mono" />.
          </p>
        )}
      </Show>
      <Show when={props.question.warning}>
        {(warning) => (
          <div class="warning">
            <Text text={warning()} />
          </div>
        )}
      </Show>
      <Wrong sender={sender} />
      <div class="row actions">
        <Show when={address(props.question.url)}>
          {(href) => (
            <a
              class="button main"
              href={href()}
              target="_blank"
              rel="noreferrer noopener"
              aria-disabled={!sender.ready()}
              onKeyDown={once}
              onClick={(event) => {
                if (!sender.ready()) return event.preventDefault()
                say("accept")
              }}
            >
              I agree and open <Line text={props.question.host} /> <span aria-hidden="true">↗</span>
            </a>
          )}
        </Show>
        <AnswerButton sender={sender} onPress={() => say("accept")}>
          I opened it myself
        </AnswerButton>
        <AnswerButton sender={sender} onPress={() => say("decline")}>
          Decline
        </AnswerButton>
        <AnswerButton sender={sender} onPress={() => say("cancel")}>
          Cancel
        </AnswerButton>
      </div>
    </>
  )
}
