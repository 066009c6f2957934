/** From a request on the wire to a question for the person, and from the answer to what is sent. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { brief } from "../protocol/json.ts"
import { internalError, isObject, type JsonObject, methodNotFound } from "../protocol/jsonrpc.ts"
import { answering, tellAuthor } from "./answering.ts"
import type {
  Elicitation,
  ElicitationAnswer,
  ElicitationMode,
  ElicitationRequest,
  FormElicitation,
} from "./elicitation.ts"
import { type Field, readForm, schemaOf, validator } from "./form.ts"
import type { Origin } from "./origin.ts"
import { malformed, RequestRefused } from "./refused.ts"
import { idLimit, readUrl } from "./visit.ts"

/** The longest message, in characters. */
const messageLimit = 65_536

/** The modes that were declared: nothing but `{}` is form mode (Elicitation, Capabilities). */
const modesOf = ({ form, url }: NonNullable<Origin["declared"]["elicitation"]>): ReadonlyArray<ElicitationMode> => [
  ...(form !== undefined || url === undefined ? ["form" as const] : []),
  ...(url === undefined ? [] : ["url" as const]),
]

/** Reads a request: fails with -32602 and the field that is wrong. */
export const readElicitation = (
  params: JsonObject,
  { declared, request, server, visit }: Origin,
): Effect.Effect<ElicitationRequest, RequestRefused> => {
  const { _meta, elicitationId, message, mode = "form", requestedSchema, url } = params
  if (declared.elicitation === undefined) {
    const message = "the capability elicitation was not declared to this server"
    return Effect.fail(new RequestRefused({ code: methodNotFound, message }))
  }
  if (mode !== "form" && mode !== "url") {
    return Effect.fail(malformed(`mode must be "form" or "url", not ${brief(mode)}`))
  }
  if (!modesOf(declared.elicitation).includes(mode)) {
    return Effect.fail(malformed(`mode must not be "${mode}": this client did not declare elicitation.${mode}`))
  }
  if (typeof message !== "string") return Effect.fail(malformed(`message must be a string, not ${brief(message)}`))
  if (message.length > messageLimit) {
    return Effect.fail(malformed(`message has ${message.length} characters, and at most ${messageLimit} are taken`))
  }
  const asked = {
    server,
    message,
    ...(request === undefined ? {} : { request }),
    ...(isObject(_meta) ? { _meta } : {}),
  }
  if (mode === "form") {
    return Effect.mapBoth(readForm(requestedSchema, "requestedSchema"), {
      onFailure: malformed,
      onSuccess: (requestedSchema) => ({ ...asked, mode, requestedSchema }),
    })
  }
  if (typeof elicitationId !== "string" || elicitationId === "" || elicitationId.length > idLimit) {
    const wanted = `a string of 1 to ${idLimit} characters`
    return Effect.fail(malformed(`elicitationId must be ${wanted}, not ${brief(elicitationId)}`))
  }
  const place = readUrl(url)
  return typeof place === "string"
    ? Effect.fail(malformed(place))
    : Effect.succeed({ ...asked, mode, elicitationId, ...place, ...(visit === undefined ? {} : { visit }) })
}

type Content = NonNullable<ElicitationAnswer["content"]>

const isValue = (value: unknown): value is Content[string] =>
  typeof value === "string" ||
  typeof value === "boolean" ||
  (typeof value === "number" && Number.isFinite(value)) ||
  (Array.isArray(value) && value.every((one) => typeof one === "string"))

const own = (object: JsonObject, name: string): unknown => (Object.hasOwn(object, name) ? object[name] : undefined)

/** What is wrong with the value of one field; names what was expected there. */
const misfit = (field: Field, value: unknown): Effect.Effect<string | undefined> =>
  validator(schemaOf(field)).pipe(
    Effect.map(({ validate }) => validate(value).map(({ message }) => message)),
    Effect.catch(({ message }) => Effect.succeed([message])),
    Effect.map((found) => {
      const problems = found.length > 0 || isValue(value) ? found : ["expected a value of JSON"]
      return problems.length === 0 ? undefined : [...new Set(problems)].join(", ")
    }),
  )

/** The content as it may be sent: with the defaults of the fields that it leaves out (SEP-1034). */
const checkContent = ({ requestedSchema }: FormElicitation, content: unknown = {}): Effect.Effect<Content, string> =>
  Effect.gen(function* () {
    if (!isObject(content)) return yield* Effect.fail("content must be an object, with a member for each field")
    const { properties, required = [] } = requestedSchema
    const filled: Array<readonly [string, Content[string]]> = []
    const wrong: Array<string> = []
    for (const [name, field] of Object.entries(properties)) {
      const given = own(content, name)
      const value = given === undefined ? field.default : given
      const shown = JSON.stringify(name)
      if (value === undefined) {
        if (required.includes(name)) wrong.push(`${shown}: it is required, and missing`)
        continue
      }
      const problem = yield* misfit(field, value)
      if (problem !== undefined) wrong.push(`${shown}: ${problem}${given === undefined ? " (it is the default)" : ""}`)
      else if (isValue(value)) filled.push([name, Array.isArray(value) ? [...value] : value])
    }
    for (const name of Object.keys(content)) {
      if (own(content, name) === undefined || Object.hasOwn(properties, name)) continue
      wrong.push(`${JSON.stringify(name)}: the form has no such field`)
    }
    const whole = Object.fromEntries(filled)
    if (wrong.length === 0) {
      const { validate } = yield* Effect.mapError(validator(requestedSchema), ({ message }) => message)
      wrong.push(...validate(whole).map(({ message, path }) => `${path === "" ? "the form" : path}: ${message}`))
    }
    return wrong.length === 0 ? whole : yield* Effect.fail(`the content does not fit the form: ${wrong.join("; ")}`)
  })

/**
 * The answer as it may be sent: with defaults filled in, and held against the schema. Only an accepted form has content;
 * that of any other answer is left out. Fails with each field that does not fit, and what was expected there.
 */
export const checkAnswer = (
  request: ElicitationRequest,
  { _meta, action, content }: ElicitationAnswer,
): Effect.Effect<ElicitationAnswer, string> => {
  if (!["accept", "decline", "cancel"].includes(action)) {
    return Effect.fail(`action must be "accept", "decline" or "cancel", not ${brief(action)}`)
  }
  const meta = isObject(_meta) ? { _meta } : {}
  if (action !== "accept" || request.mode === "url") return Effect.succeed({ action, ...meta })
  return Effect.map(checkContent(request, content), (content) => ({ action, content, ...meta }))
}

/** How many questions of one session may be open at a time. */
const openLimit = 32
/** How many it may ask in a minute: more than any person answers, fewer than a flood. */
const minuteLimit = 60
const minute = 60_000

/** Lets questions pass at the pace of a person (Elicitation, Security Considerations). */
const makePace = () => {
  let open = 0
  const recent: Array<number> = []
  const refused = (said: string, data: JsonObject) =>
    new RequestRefused({ code: internalError, message: `too many elicitations: ${said}`, data })
  const enter = Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<void, RequestRefused> => {
    while (recent[0] !== undefined && recent[0] <= now - minute) recent.shift()
    if (open >= openLimit) {
      return Effect.fail(
        refused(`${openLimit} are waiting for an answer already`, { limit: "open", allowed: openLimit }),
      )
    }
    if (recent[0] !== undefined && recent.length >= minuteLimit) {
      const retryAfter = recent[0] + minute - now
      const again = `try again in ${Math.ceil(retryAfter / 1_000)} seconds`
      const data = { limit: "perMinute", allowed: minuteLimit, retryAfter }
      return Effect.fail(refused(`a server may ask ${minuteLimit} times a minute; ${again}`, data))
    }
    open += 1
    recent.push(now)
    return Effect.void
  })
  return { enter, leave: () => void (open -= 1) }
}

const failed = (message: string): RequestRefused => new RequestRefused({ code: internalError, message })

/**
 * The answer to `elicitation/create` of one session: what makes no sense is refused with -32602, what comes too fast with
 * -32603; then the person is asked, and meanwhile the clocks of the calls that it may belong to stand still. An answer of
 * the handler that does not fit never leaves: the server gets -32603, and nothing of the answer.
 */
export const answerElicitation = (
  elicitation: Elicitation["Service"],
): Effect.Effect<(params: JsonObject, origin: Origin) => Effect.Effect<object, RequestRefused>> =>
  Effect.sync(() => {
    const pace = makePace()
    const ask = (request: ElicitationRequest) =>
      Effect.flatMap(answering(Effect.suspend(() => elicitation.elicit(request))), (answer) =>
        Effect.catch(checkAnswer(request, answer), (detail) => unfit(request, detail)),
      )
    return (params, origin) =>
      Effect.flatMap(readElicitation(params, origin), (request) =>
        Effect.acquireUseRelease(
          Effect.map(pace.enter, () => origin.pause()),
          () => ask(request),
          (resume) =>
            Effect.sync(() => {
              pace.leave()
              resume()
            }),
        ),
      )
  })

/** What does not fit is for the author of the handler to know; the server is told nothing of it. */
const unfit = ({ server }: ElicitationRequest, detail: string): Effect.Effect<never, RequestRefused> =>
  Effect.andThen(
    tellAuthor(`an answer to an elicitation of ${server} was not sent: ${detail}`),
    Effect.fail(failed("the client has no answer that fits the requested schema")),
  )
