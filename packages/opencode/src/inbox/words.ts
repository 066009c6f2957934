/** What a server asks, in a line: for a toast, and for a terminal whose page nobody looks at. */
import type { Outcome, Question } from "@opencode-ai/mcp/capability/questions"
import { quoted, visible } from "@opencode-ai/mcp/protocol/visible"

/** The most of a server's message that a line holds, in characters. */
const longest = 200

const line = (text: string): string => {
  const said = visible(text.replace(/\s+/g, " ").trim())
  return said.length > longest ? `${said.slice(0, longest)}…` : said
}

/** `Server "x" asks: …`, without an end. */
export const asks = ({ kind, request }: Question): string => {
  const server = `Server ${quoted(request.server)}`
  switch (kind) {
    case "elicitation":
      return request.mode === "form"
        ? `${server} asks: ${line(request.message)}`
        : `${server} asks you to open a page of ${line(request.host)}: ${line(request.message)}`
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
export const ended = ({ request }: Question, outcome: Outcome): string =>
  `The question of server ${quoted(request.server)} ${outcomes[outcome]}`
