/** What a server asks, in a line: for a toast, and for a terminal whose page nobody looks at. */
import type { Outcome, Question } from "@opencode-ai/mcp/capability/questions"
import { quoted, visible } from "@opencode-ai/mcp/protocol/visible"

type Mask = (text: string) => string

/** The most of a server's message that a line holds, in characters. */
const longest = 200

/**
 * A server's words on one line, in quotes: it is seen where they end, and that what follows is not its. Masked before they
 * are cut, which could leave half of a secret.
 */
export const words = (mask: Mask, text: string): string => {
  const said = mask(text).replace(/\s+/g, " ").trim()
  return quoted(said.length > longest ? `${said.slice(0, longest)}…` : said)
}

/** `Server "x" asks: "…"`, without an end. */
export const asks = (mask: Mask, { kind, request }: Question): string => {
  const server = `Server ${quoted(mask(request.server))}`
  switch (kind) {
    case "elicitation":
      return request.mode === "form"
        ? `${server} asks: ${words(mask, request.message)}`
        : `${server} asks you to open a page of ${mask(visible(request.host))}: ${words(mask, request.message)}`
    case "sampling":
      return `${server} asks for a message, and there is no model: you may write it`
    case "approval":
      return `${server} asks to use your model`
    case "review":
      return `${server} waits for you to look at your model's answer`
  }
}

const outcomes: Readonly<Record<Outcome, string>> = {
  answered: "was answered",
  withdrawn: "waits no longer: the server, or the end of its call, took it back",
  late: "waits no longer: its time is over",
}

/** How such a question ended. */
export const ended = (mask: Mask, { request }: Question, outcome: Outcome): string =>
  `The question of server ${quoted(mask(request.server))} ${outcomes[outcome]}`
