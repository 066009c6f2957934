/**
 * The page of an instance (`@opencode-ai/mcp-inbox`): what its server has to know of the configuration, of approvals and of
 * models. The command line, the shell, sessions and the plugin serve it by this.
 */
import { Questions } from "@opencode-ai/mcp/capability/questions"
import type { SamplingRequest } from "@opencode-ai/mcp/capability/sampling"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import type { Host, Refusal } from "@opencode-ai/mcp-inbox/host"
import * as Inbox from "@opencode-ai/mcp-inbox/inbox"
import type { Underway } from "@opencode-ai/mcp-inbox/underway"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fromError } from "../cli/failure.ts"
import { version } from "../cli/version.ts"
import { Config } from "../config/config.ts"
import * as Instance from "../mcp/instance.ts"
import { commandLine, means } from "../mcp/shown.ts"
import { question } from "../trust/question.ts"
import { approvalHash, Trust } from "../trust/trust.ts"

export interface Options {
  /** The page, one HTML document. */
  readonly html: string
  /** Hides the secrets of the configuration. */
  readonly mask: (text: string) => string
  /** How long a question waits, in milliseconds. */
  readonly interactionTimeout: number
  /** Default: any that is free. */
  readonly port?: number | undefined
  /** The servers that were added by hand. Default: none. */
  readonly own?: Instance.Own | undefined
  /** Which model would be asked. Default: that is not told. */
  readonly model?: ((request: SamplingRequest) => Effect.Effect<string | undefined>) | undefined
}

/** What the page is made of. */
export type Needs = Instance.Needs | Questions | Underway

/** What an entry that cannot be used would run or reach, as far as it says it. */
const written = (entry: unknown): string => {
  const { command, url }: Readonly<Record<string, unknown>> = isObject(entry) ? entry : {}
  const said = command ?? url
  return commandLine((Array.isArray(said) ? said : [said]).filter((word) => typeof word === "string"))
}

const refused = <E>(error: E): Refusal => {
  const { message, tag } = fromError(error)
  return { tag, message }
}

const hostOf = (options: Options): Effect.Effect<Host, never, Needs> =>
  Effect.gen(function* () {
    const { interactionTimeout, mask, model = () => Effect.undefined, own = new Set() } = options
    const mcp = yield* Mcp
    const trust = yield* Trust
    const { directory } = yield* (yield* Config).get
    const services = yield* Effect.context<Instance.Needs>()
    const manage = <A, E>(change: Effect.Effect<A, E, Instance.Needs>) =>
      change.pipe(Effect.mapError(refused), Effect.asVoid, Effect.provideContext(services))

    const describe = (name: string) =>
      Effect.gen(function* () {
        const server = yield* Instance.definition(name, own)
        const running = yield* Effect.option(mcp.connection(name))
        const config = running._tag === "Some" ? running.value.config : server?.config
        const how = config === undefined ? written(server?.written) : means(config)
        if (server?.config === undefined || (yield* trust.isApproved(server, directory))) return { how: mask(how) }
        return {
          how: mask(how),
          review: mask(question(server, directory)),
          form: approvalHash(server.written, server.variables, directory),
        }
      }).pipe(Effect.provideContext(services))

    return {
      mcp,
      questions: yield* Questions,
      directory,
      version,
      mask,
      interactionTimeout,
      describe,
      connect: (name) => manage(Instance.connect(name, own)),
      disconnect: (name) => manage(mcp.disconnect(name)),
      // One that is switched off is connected too: whoever approves it here wants it.
      trust: (name, form) =>
        manage(
          Effect.flatMap(Instance.trust(name, own, form), (status) =>
            status?.status === "disabled" ? Instance.connect(name, own) : Effect.void,
          ),
        ),
      model,
    }
  })

/** Serves the page as long as the Scope. */
export const serve = (options: Options): Effect.Effect<Inbox.Inbox, Inbox.InboxError, Needs | Scope.Scope> =>
  Effect.flatMap(hostOf(options), (host) => Inbox.listen(host, options))
