/**
 * A question with several answers out of a list. What it points at is a sign of its own, seen without colours too, and
 * what is wrong with a choice is said in the same place.
 */
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import type { Medium } from "../output.ts"
import * as Text from "../text.ts"

export interface Several {
  readonly message: string
  /** At least one. `title` is harmless, and on one line. */
  readonly choices: ReadonlyArray<{ readonly value: string; readonly title: string; readonly selected: boolean }>
  /** Fails with what is wrong with these values. */
  readonly check: (values: ReadonlyArray<string>) => Effect.Effect<unknown, string>
}

interface State {
  readonly index: number
  readonly chosen: ReadonlySet<number>
  readonly wrong?: string
}

/** How many choices are seen at a time. */
const page = 10

const values = ({ choices }: Several, { chosen }: State) =>
  choices.flatMap(({ value }, index) => (chosen.has(index) ? [value] : []))

const frame = (options: Several, state: State, { columns, paint }: Medium): ReadonlyArray<string> => {
  const { choices, message } = options
  const from = Math.max(0, Math.min(state.index - Math.floor(page / 2), choices.length - page))
  const shown = choices.slice(from, from + page).map(({ title }, offset) => {
    const index = from + offset
    const hidden = offset === 0 && from > 0 ? "↑" : offset === page - 1 && index < choices.length - 1 ? "↓" : " "
    const line = Text.cut(`${state.chosen.has(index) ? "☒" : "☐"} ${title}`, columns() - 3)
    return index === state.index ? `${paint("cyan", "❯")} ${paint("cyan", line)}` : `${hidden} ${line}`
  })
  const wrong = state.wrong === undefined ? [] : Text.wrap(state.wrong, columns() - 3)
  return [
    ...Text.wrap(`? ${message} ›`, columns() - 1),
    ...shown,
    ...wrong.map((line, index) => `${index === 0 ? "›" : " "} ${paint("red", line)}`),
  ]
}

const toggled = ({ chosen, index }: State): State => {
  const next = new Set(chosen)
  if (!next.delete(index)) next.add(index)
  return { index, chosen: next }
}

/** Erases a frame, whose last line the cursor is on. */
const erase = (lines: ReadonlyArray<string>, columns: number): string => {
  const rows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(Text.width(line) / columns)), 0)
  return `\u001b[2K${"\u001b[1A\u001b[2K".repeat(Math.max(0, rows - 1))}\r`
}

const hideCursor = "\u001b[?25l"
const beep = "\u0007"

/** The question, as a prompt: up and down move, space chooses, Enter goes on. */
export const several = (options: Several, medium: Medium): Prompt.Prompt<ReadonlyArray<string>> => {
  const { length } = options.choices
  const initial: State = {
    index: 0,
    chosen: new Set(options.choices.flatMap(({ selected }, index) => (selected ? [index] : []))),
  }
  // What stands there: another width of the terminal has not made another frame of it.
  let drawn: ReadonlyArray<string> = []
  const next = (state: State) => ({ _tag: "NextFrame" as const, state })
  return Prompt.Custom<State, ReadonlyArray<string>>(initial, {
    render: (state, action) => {
      switch (action._tag) {
        case "Beep":
          return Effect.succeed(beep)
        case "NextFrame":
          drawn = frame(options, state, medium)
          return Effect.succeed(`${hideCursor}${drawn.join("\n")}`)
        case "Submit": {
          const titles = options.choices.flatMap(({ title }, index) => (state.chosen.has(index) ? [title] : []))
          return Effect.succeed(`${medium.paint("green", "✔")} ${options.message} … ${titles.join(", ")}\n`)
        }
      }
    },
    process: ({ key }, state) => {
      const { chosen, index } = state
      switch (key.name) {
        case "up":
        case "k":
          return Effect.succeed(next({ chosen, index: (index + length - 1) % length }))
        case "down":
        case "j":
        case "tab":
          return Effect.succeed(next({ chosen, index: (index + 1) % length }))
        case "space":
          return Effect.succeed(next(toggled(state)))
        case "enter":
        case "return":
          return Effect.match(options.check(values(options, state)), {
            onFailure: (wrong) => next({ chosen, index, wrong: Text.oneLine(wrong) }),
            onSuccess: () => ({ _tag: "Submit" as const, value: values(options, state) }),
          })
        default:
          return Effect.succeed({ _tag: "Beep" as const })
      }
    },
    clear: () => Effect.sync(() => erase(drawn, medium.columns())),
  })
}
