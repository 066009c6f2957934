/**
 * Nothing that a person was about to press becomes an answer: for half a second after something came or went above or
 * below, questions cannot be answered.
 */
import { createSignal } from "solid-js"

const still = 500

const [armed, setArmed] = createSignal(true)
let timer: ReturnType<typeof setTimeout> | undefined

/** Whether a press is meant for what it hits. */
export { armed }

/** Something moved. */
export const moved = (): void => {
  setArmed(false)
  clearTimeout(timer)
  timer = setTimeout(() => setArmed(true), still)
}
