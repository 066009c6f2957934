/** The time, for what is left and what has gone by: one signal, that moves once a second while somebody looks. */
import { createSignal } from "solid-js"

const [now, setNow] = createSignal(Date.now())
setInterval(() => {
  if (!document.hidden) setNow(Date.now())
}, 1_000)

document.addEventListener("visibilitychange", () => setNow(Date.now()))

export { now }
