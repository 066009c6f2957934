/**
 * What servers ask of the person and of the model, while nobody can be asked here: it is declared, so that a server offers
 * the same as everywhere, and answered at once, so that no call waits for nobody. The person is told.
 */
import { Elicitation } from "@opencode-ai/mcp/capability/elicitation"
import { RequestRefused } from "@opencode-ai/mcp/capability/refused"
import { Sampling } from "@opencode-ai/mcp/capability/sampling"
import { visible } from "@opencode-ai/mcp/protocol/visible"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Told } from "./tell.ts"

const internal = -32_603

export const layer = ({ log, toast }: Told): Layer.Layer<Elicitation | Sampling> => {
  const tell = (server: string, what: string) => {
    const message = `Server ${JSON.stringify(visible(server))} ${what}. Nobody can be asked inside of OpenCode yet.`
    toast({ title: "MCP Server Asks", message, variant: "warning" })
    log("warn", message, { server })
  }
  const elicitation = Layer.succeed(Elicitation)({
    modes: ["form", "url"],
    elicit: ({ message, server }) =>
      Effect.sync(() => {
        tell(server, `asks: ${visible(message)}`)
        return { action: "cancel" }
      }),
  })
  const sampling = Layer.succeed(Sampling)({
    tools: true,
    context: false,
    createMessage: ({ server }) =>
      Effect.suspend(() => {
        tell(server, "asks the model")
        return Effect.fail(new RequestRefused({ code: internal, message: "No model can be asked here" }))
      }),
  })
  return Layer.mergeAll(elicitation, sampling)
}
