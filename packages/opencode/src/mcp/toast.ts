/** What a person has to do for a server, as a toast with the command to run, or the page: once for each change, however often it is told. */
import type { Event } from "@opencode-ai/mcp/events"
import { argument, isHeldError } from "../trust/question.ts"
import { quoted, visible } from "@opencode-ai/mcp/protocol/visible"
import type { Toast } from "./event.ts"

/** How long it is shown, in milliseconds: OpenCode's. */
const duration = 8_000

const toast = (title: string, message: string): Toast => ({ title, message, variant: "warning", duration })
const authTitle = "MCP Authentication Required"

/** What there is to say, where the host has commands, or a page on which the same can be done. */
const texts = (page: string | undefined) => {
  const approve = (command: string, server: string) =>
    page === undefined ? `approve it with: opencode mcp ${command} ${argument(server)}` : `approve it on ${page}`
  const signIn = (server: string) => {
    const run = `opencode mcp auth ${argument(server)}`
    return page === undefined ? `Run: ${run}` : `Sign in on ${page}, or with: ${run}`
  }
  return {
    needsAuth: (server: string) =>
      toast(authTitle, `Server ${quoted(server)} requires authentication. ${signIn(server)}`),
    needsRegistration: (server: string) =>
      toast(
        authTitle,
        `Server ${quoted(server)} requires a pre-registered client ID. ` +
          `Add "oauth": { "clientId": … } to its entry, then run: opencode mcp auth ${argument(server)}`,
      ),
    held: (server: string) =>
      toast(
        "MCP Server Not Approved",
        `Server ${quoted(server)} is defined by this project and is not approved. ` +
          `See what it runs and ${approve("trust", server)}`,
      ),
    wanted: (server: string, reason: string) =>
      toast(authTitle, `Server ${quoted(server)} asks you to sign in: ${visible(reason)}. ${signIn(server)}`),
    changed: (server: string, key: string) =>
      toast(
        "MCP Tool Changed",
        `The tool ${quoted(key)} of server ${quoted(server)} changed and is held back. ` +
          `See the difference and ${approve("approve", server)}`,
      ),
  }
}

type StatusEvent = Extract<Event, { readonly type: "mcp.status.changed" }>

/** What a status asks of the person. */
const asked = (say: ReturnType<typeof texts>, { data: { error = "", server, status } }: StatusEvent) => {
  if (status === "needs_auth") return say.needsAuth(server)
  if (status === "needs_client_registration") return say.needsRegistration(server)
  return status === "failed" && isHeldError(error) ? say.held(server) : undefined
}

/** Gives each event to what it returns; `show` gets the toasts. `page`: how a page is called that does what commands would. */
export const make = (show: (toast: Toast) => void, page?: string): ((event: Event) => void) => {
  const say = texts(page)
  /** What was last shown for a server, until nothing is asked of the person any more. */
  const shown = new Map<string, string>()
  const tell = (server: string, next: Toast) => {
    if (shown.get(server) === next.message) return
    shown.set(server, next.message)
    show(next)
  }
  return (event) => {
    // Told by the client once for each form that a tool takes.
    if (event.type === "mcp.tool.held") return show(say.changed(event.data.server, event.data.key))
    if (event.type === "mcp.auth.required") {
      const { reason, server } = event.data
      // A status that asks for a sign-in has told that already.
      if (shown.get(server) !== say.needsAuth(server).message) tell(server, say.wanted(server, reason))
      return
    }
    // What it is while it is being connected says nothing yet.
    if (event.type !== "mcp.status.changed" || event.data.status === "pending") return
    const next = asked(say, event)
    if (next === undefined) shown.delete(event.data.server)
    else tell(event.data.server, next)
  }
}
