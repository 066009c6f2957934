/**
 * Nothing that a person was about to press becomes a yes: for half a second after something came or went above or below,
 * it cannot be said.
 */
import { createSignal } from "solid-js"

const still = 500

const makeGuard = () => {
  const [armed, setArmed] = createSignal(true)
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    /** Whether a press is meant for what it hits. */
    armed,
    /** Something moved. */
    moved: (): void => {
      setArmed(false)
      clearTimeout(timer)
      timer = setTimeout(() => setArmed(true), still)
    },
  }
}

/** Of the answers to questions. */
export const answers = makeGuard()

/** Of what is granted below them: approvals of servers and of changed tools. */
export const below = makeGuard()

/** Whether this press may grant something. What moves takes nothing from under the focus, but from under a pointer. */
export const grants = (event: MouseEvent): boolean => event.detail === 0 || below.armed()
