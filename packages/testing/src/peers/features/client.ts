/** Tools that use the client's features by way of the SDK. What the client or the SDK refuses is told, not thrown. */
import {
  anything,
  type Arguments,
  type Call,
  type Features,
  type MakeError,
  members,
  number,
  schema,
  string,
  structured,
  told,
} from "./feature.ts"

/** The visits that have ended, in any session. */
const finished = new Set<unknown>()

const finish = (call: Call, elicitationId: unknown) => {
  finished.add(elicitationId)
  return call.sdk.complete(String(elicitationId))
}

const finishLater = ({ after }: Arguments, call: Call, elicitationId: unknown) => {
  if (after !== undefined) setTimeout(() => void finish(call, elicitationId).catch(() => undefined), Number(after))
}

const visit = (
  { message = "Please sign in", url = "https://example.com/sign-in" }: Arguments,
  elicitationId: unknown,
) => ({
  mode: "url",
  message,
  url,
  elicitationId,
})

export const clientFeatures = (failure: MakeError): Features => ({
  sample: [
    { description: "Samples with these parameters; gives the answer", inputSchema: schema({ params: anything }, []) },
    async ({ params }, call) => {
      const messages = [{ role: "user", content: { type: "text", text: "Say hello" } }]
      const asked = call.sdk.sample({ messages, maxTokens: 100, ...members(params) })
      return structured({ result: await asked.catch(told) })
    },
  ],
  elicit: [
    { description: "Elicits with these parameters; gives the answer", inputSchema: schema({ params: anything }, []) },
    async ({ params }, call) => {
      const asked = call.sdk.elicit({
        message: "What is your name?",
        requestedSchema: schema({ name: string }),
        ...members(params),
      })
      return structured({ result: await asked.catch(told) })
    },
  ],
  elicitUrl: [
    {
      description: "Asks for a visit, which ends with the tool `finish`, or so many milliseconds after the answer",
      inputSchema: schema({ elicitationId: string, url: string, message: string, after: number }, ["elicitationId"]),
    },
    async (args, call) => {
      const result = await call.sdk.elicit(visit(args, args.elicitationId)).catch(told)
      finishLater(args, call, args.elicitationId)
      return structured({ result })
    },
  ],
  finish: [
    { description: "Ends a visit, and tells the client", inputSchema: schema({ elicitationId: string }) },
    async ({ elicitationId }, call) => {
      await finish(call, elicitationId)
      return structured({ finished: elicitationId })
    },
  ],
  needsUrl: [
    {
      description: "Fails with -32042 until the visit `id` has ended, with `finish` or so many milliseconds later",
      inputSchema: schema({ id: string, url: string, message: string, after: number }, ["id"]),
    },
    async (args, call) => {
      if (finished.has(args.id)) return structured({ id: args.id })
      finishLater(args, call, args.id)
      throw failure(-32042, "A visit to a URL is required", { elicitations: [visit(args, args.id)] })
    },
  ],
})
