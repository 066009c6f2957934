/** What a person has to do for a server, as a toast with the command to run: once for each change, however often it is told. */
import type { Event } from "@opencode-ai/mcp/events"
import { argument, isHeldError } from "../trust/question.ts"
import { quoted, visible } from "@opencode-ai/mcp/protocol/visible"
import type { Toast } from "./event.ts"

/** How long it is shown, in milliseconds: OpenCode's. */
const duration = 8_000

const toast = (title: string, message: string): Toast => ({ title, message, variant: "warning", duration })
const authTitle = "MCP Authentication Required"

const needsAuth = (server: string) =>
  toast(authTitle, `Server ${quoted(server)} requires authentication. Run: opencode mcp auth ${argument(server)}`)

const needsRegistration = (server: string) =>
  toast(
    authTitle,
    `Server ${quoted(server)} requires a pre-registered client ID. ` +
      `Add "oauth": { "clientId": … } to its entry, then run: opencode mcp auth ${argument(server)}`,
  )

const held = (server: string) =>
  toast(
    "MCP Server Not Approved",
    `Server ${quoted(server)} is defined by this project and is not approved. ` +
      `See what it runs and approve it with: opencode mcp trust ${argument(server)}`,
  )

const wanted = (server: string, reason: string) =>
  toast(
    authTitle,
    `Server ${quoted(server)} asks you to sign in: ${visible(reason)}. Run: opencode mcp auth ${argument(server)}`,
  )

const changed = (server: string, key: string) =>
  toast(
    "MCP Tool Changed",
    `The tool ${quoted(key)} of server ${quoted(server)} changed and is held back. ` +
      `See the difference and approve it with: opencode mcp approve ${argument(server)}`,
  )

type StatusEvent = Extract<Event, { readonly type: "mcp.status.changed" }>

/** What a status asks of the person. */
const asked = ({ data: { error = "", server, status } }: StatusEvent): Toast | undefined => {
  if (status === "needs_auth") return needsAuth(server)
  if (status === "needs_client_registration") return needsRegistration(server)
  return status === "failed" && isHeldError(error) ? held(server) : undefined
}

/** Gives each event to what it returns; `show` gets the toasts. */
export const make = (show: (toast: Toast) => void): ((event: Event) => void) => {
  /** What was last shown for a server, until nothing is asked of the person any more. */
  const shown = new Map<string, string>()
  const tell = (server: string, next: Toast) => {
    if (shown.get(server) === next.message) return
    shown.set(server, next.message)
    show(next)
  }
  return (event) => {
    // Told by the client once for each form that a tool takes.
    if (event.type === "mcp.tool.held") return show(changed(event.data.server, event.data.key))
    if (event.type === "mcp.auth.required") {
      const { reason, server } = event.data
      // A status that asks for a sign-in has told that already.
      if (shown.get(server) !== needsAuth(server).message) tell(server, wanted(server, reason))
      return
    }
    // What it is while it is being connected says nothing yet.
    if (event.type !== "mcp.status.changed" || event.data.status === "pending") return
    const next = asked(event)
    if (next === undefined) shown.delete(event.data.server)
    else tell(event.data.server, next)
  }
}
