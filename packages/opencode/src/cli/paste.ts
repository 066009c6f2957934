/**
 * One line from the terminal, of any length: a terminal by itself passes on no more than 4,096 bytes as one line, and a
 * pasted URL may be longer. What does not fit beside the prompt scrolls out to the left.
 */
import * as Effect from "effect/Effect"
import { StringDecoder } from "node:string_decoder"
import { CliFailure } from "./failure.ts"
import type { Writer } from "./output.ts"
import * as Text from "./text.ts"

/** The longest line, in characters. */
const limit = 65_536

// What keys such as the arrows send; an answer of the terminal; the marks around what is pasted.
const sequence = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[O\]].?|.)/gs
const begun = /\u001b(?:\[[0-?]*[ -/]*)?$/
const pasteBegins = "\u001b[200~"
const pasteEnds = "\u001b[201~"

const key = { interrupt: "\u0003", end: "\u0004", clear: "\u0015", word: "\u0017", erase: new Set(["\b", "\u007f"]) }

const shorter = (text: string): string => [...text].slice(0, -1).join("")

/** The end of the text in at most `columns` columns. */
const tail = (text: string, columns: number): string => {
  if (Text.width(text) <= columns) return text
  const last = [...text.slice(-columns)]
  while (last.length > 0 && Text.width(last.join("")) > columns - 1) last.shift()
  return `…${last.join("")}`
}

/**
 * What a person types or pastes after `prompt`, once Enter ends it; an empty line is none. Ctrl-C is `Cancelled`. The
 * terminal is as it was afterwards, whatever ended it.
 */
export const readLine = (output: Writer, prompt: string): Effect.Effect<string, CliFailure> =>
  Effect.callback<string, CliFailure>((resume) => {
    const { stdin } = process
    const decoder = new StringDecoder("utf8")
    let text = ""
    /** The beginning of a sequence whose end has not come yet. */
    let rest = ""
    let isPasting = false
    let drawn = 0

    const erase = () => (output.animate ? "\r\u001b[2K" : `\r${" ".repeat(drawn)}\r`)
    const draw = () => {
      const room = Math.max(8, output.err.columns() - Text.width(prompt) - 1)
      const line = `${prompt}${tail(Text.oneLine(text), room)}`
      output.draw(`${erase()}${output.err.paint("bold", prompt)}${line.slice(prompt.length)}`)
      drawn = Text.width(line)
    }
    const end = (effect: Effect.Effect<string, CliFailure>) => {
      draw()
      stop()
      output.draw("\n")
      resume(effect)
    }
    const cancelled = Effect.fail(new CliFailure({ tag: "Cancelled", text: "interrupted" }))

    /** Takes one character; `true` where the line is over. */
    const take = (character: string): boolean => {
      if (isPasting && /\s/.test(character)) return false
      if (character === "\r" || character === "\n") {
        if (text.trim() === "") return false
        end(Effect.succeed(text.trim()))
        return true
      }
      if (character === key.interrupt || (character === key.end && text === "")) {
        end(cancelled)
        return true
      }
      if (key.erase.has(character)) text = shorter(text)
      else if (character === key.clear) text = ""
      else if (character === key.word) text = text.replace(/\S*\s*$/, "")
      else if (character >= " " && text.length < limit) text += character
      return false
    }

    const onData = (chunk: Buffer) => {
      const said = rest + decoder.write(chunk)
      rest = begun.exec(said)?.[0] ?? ""
      const whole = said.slice(0, said.length - rest.length)
      let at = 0
      const plain = (until: number) => {
        for (const character of whole.slice(at, until)) if (take(character)) return true
        return false
      }
      for (const match of whole.matchAll(sequence)) {
        if (plain(match.index)) return
        if (match[0] === pasteBegins) isPasting = true
        if (match[0] === pasteEnds) isPasting = false
        at = match.index + match[0].length
      }
      if (!plain(whole.length)) draw()
    }
    const stop = () => {
      stdin.off("data", onData)
      if (stdin.isTTY) stdin.setRawMode(false)
      stdin.pause()
      if (output.animate) output.draw("\u001b[?2004l")
    }

    if (stdin.isTTY) stdin.setRawMode(true)
    stdin.on("data", onData)
    stdin.resume()
    if (output.animate) output.draw("\u001b[?2004h")
    draw()
    return Effect.sync(() => {
      stop()
      output.draw(erase())
    })
  })
