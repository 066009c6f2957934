/** A page that a server wants the person to visit, on a terminal: looked at first, opened on the person's word alone. */
import type { ElicitationAnswer, UrlElicitation } from "@opencode-ai/mcp/capability/elicitation"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import { domainToUnicode } from "node:url"
import { ask } from "../ask.ts"
import { Output } from "../output.ts"
import * as Text from "../text.ts"
import { open } from "./browser.ts"
import * as Said from "./said.ts"

/** What a person may overlook in a URL. */
const warnings = ({ host, url }: UrlElicitation): ReadonlyArray<string> => {
  const { hostname, password, protocol, username } = new URL(url)
  const punycode = hostname.split(".").some((label) => label.startsWith("xn--"))
  return [
    ...(punycode
      ? [
          `the host's name is in Punycode: a browser may show ${Text.oneLine(JSON.stringify(domainToUnicode(hostname)))}, which may be made to look like another name`,
        ]
      : []),
    ...(username === "" && password === "" ? [] : [`what stands before the @ is no host: the host is ${host}`]),
    ...(protocol === "https:" ? [] : ["the connection to it is not encrypted"]),
  ]
}

const choices: ReadonlyArray<Prompt.SelectChoice<ElicitationAnswer["action"]>> = [
  { value: "accept", title: "Open it", description: "in your browser" },
  { value: "decline", title: "Decline", description: "say no", selected: true },
  { value: "cancel", title: "Cancel", description: "answer neither yes nor no; Ctrl-C does this too" },
]

/** The person's consent; with it the page is opened. */
export const visit = (request: UrlElicitation) =>
  Effect.gen(function* () {
    const output = yield* Output
    const url = Text.harmless(request.url)
    yield* output.say(Said.heading(request.server, "asks you to open a page:", output))
    yield* output.say(Said.lines(request.message, output).join("\n"))
    yield* output.say(`\n${url}\n`)
    yield* output.say(`  host: ${output.err.paint("bold", Text.oneLine(request.host))}`)
    for (const warning of warnings(request)) {
      yield* output.say(`  ${output.err.paint("yellow", "careful:")} ${warning}`)
    }
    yield* output.say("")
    const action = yield* ask(Prompt.Select<ElicitationAnswer["action"]>({ message: "Open it?", choices }))
    if (action !== "accept") return { action }
    yield* output.say(`\nOpening ${url}`)
    const problem = yield* open(request.url)
    if (problem !== undefined) {
      yield* output.warn(`it could not be opened (${problem}): please open it yourself`)
    }
    return { action }
  })
