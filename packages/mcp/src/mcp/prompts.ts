/** The way to a prompt: what it needs is named before anything is sent (2025-11-25, Prompts). */
import * as Effect from "effect/Effect"
import type { Live } from "../connection.ts"
import { ArgumentsMissing, McpError } from "../error.ts"
import { isObject } from "../protocol/jsonrpc.ts"
import * as Method from "../protocol/method.ts"
import type { GetPromptResult, Prompt } from "../protocol/model.ts"
import type { CallError, CallOptions } from "./calls.ts"

/** The arguments that a prompt needs and was not given. */
const missing = ({ arguments: known }: Prompt, args: Readonly<Record<string, string>> | undefined) =>
  (Array.isArray(known) ? known : []).filter(
    // The members of a list are as the server sent them.
    (each) => isObject(each) && each.required === true && (args === undefined || !Object.hasOwn(args, each.name)),
  )

/** Asks for a prompt. One that the server does not list is asked for as it is: the server knows. */
export const get = (
  { catalog, session }: Live,
  server: string,
  name: string,
  args: Readonly<Record<string, string>> | undefined,
  callOptions: CallOptions | undefined,
): Effect.Effect<GetPromptResult, CallError> => {
  const request = session.request(
    Method.getPrompt,
    args === undefined ? { name } : { name, arguments: { ...args } },
    callOptions,
  )
  const check = (prompts: ReadonlyArray<Prompt>): Effect.Effect<GetPromptResult, CallError> => {
    const listed = prompts.find((prompt) => prompt.name === name)
    const lacking = listed === undefined ? [] : missing(listed, args)
    if (lacking.length === 0) return request
    return Effect.fail(new McpError({ reason: new ArgumentsMissing({ server, prompt: name, missing: lacking }) }))
  }
  return Effect.suspend(() => {
    const known = catalog.prompts.known()
    // A list that cannot be had is no reason not to ask.
    return known === undefined
      ? Effect.flatMap(
          Effect.orElseSucceed(catalog.prompts.all, (): ReadonlyArray<Prompt> => []),
          check,
        )
      : check(known)
  })
}
