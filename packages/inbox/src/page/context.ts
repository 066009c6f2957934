/** What every part of the page has: what is known, and what is looked at. */
import { createContext, useContext } from "solid-js"
import type { State } from "./state.ts"
import type { View } from "./view.ts"

export interface Inbox extends State {
  readonly view: View
}

export const InboxContext = createContext<Inbox>()

export const useInbox = (): Inbox => {
  const inbox = useContext(InboxContext)
  if (inbox === undefined) throw new Error("this part stands outside of the page")
  return inbox
}
