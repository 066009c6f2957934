/** From a request on the wire to a question for the person, and from the answer to what is sent. */
import * as Effect from "effect/Effect"
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import type { Elicitation, ElicitationAnswer, ElicitationRequest } from "./elicitation.ts"
import type { Origin } from "./origin.ts"
import { malformed, type RequestRefused } from "./refused.ts"

/** Reads a request: fails with -32602 and the field that is wrong. */
export const readElicitation = (
  params: JsonObject,
  { request, server }: Origin,
): Effect.Effect<ElicitationRequest, RequestRefused> => {
  const asked = { server, message: String(params.message), ...(request === undefined ? {} : { request }) }
  if (params.mode === "url") {
    const url = new URL(String(params.url))
    return Effect.succeed({
      ...asked,
      mode: "url",
      elicitationId: String(params.elicitationId),
      url: url.href,
      host: url.host,
    })
  }
  return isObject(params.requestedSchema)
    ? Effect.succeed({ ...asked, mode: "form", requestedSchema: { type: "object", properties: {} } })
    : Effect.fail(malformed("requestedSchema"))
}

/** The answer as it may be sent: with defaults filled in, and held against the schema. Fails with what does not fit. */
export const checkAnswer = (
  _request: ElicitationRequest,
  answer: ElicitationAnswer,
): Effect.Effect<ElicitationAnswer, string> => Effect.succeed(answer)

/** The answer to `elicitation/create` of one session. */
export const answerElicitation = (
  elicitation: Elicitation["Service"],
): Effect.Effect<(params: JsonObject, origin: Origin) => Effect.Effect<object, RequestRefused>> =>
  Effect.succeed((params, origin) => Effect.flatMap(readElicitation(params, origin), elicitation.elicit))
