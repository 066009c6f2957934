/** `ui`: the servers stay, and a page shows them and asks what they ask, until Ctrl-C. */
import { attempt } from "@opencode-ai/mcp/auth/browser"
import { Questions } from "@opencode-ai/mcp/capability/questions"
import type { Inbox } from "@opencode-ai/mcp-inbox/inbox"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { masking } from "../../config/secrets.ts"
import { Sections } from "../../config/sections.ts"
import { seen } from "../../inbox/seen.ts"
import * as Instance from "../../mcp/instance.ts"
import { Page } from "../../trust/page.ts"
import * as Provider from "../../provider/layer.ts"
import * as Providers from "../../provider/provider.ts"
import * as Sampling from "../../sampling/session.ts"
import * as Models from "../../session/models.ts"
import { configured, type Options } from "../configuration.ts"
import { badRequest, CliFailure } from "../failure.ts"
import { Output } from "../output.ts"
import { announce, serve, show } from "../page.ts"
import * as Runtime from "../runtime.ts"
import * as Settings from "../settings.ts"

export interface UiOptions extends Options {
  /** Default: any that is free. */
  readonly port: number | undefined
  /** Whether a browser is opened. */
  readonly open: boolean
}

/**
 * Whoever has the page answers. Samplings are the model's, once they were approved there; without one the person may write
 * what it would say.
 */
const answering: Effect.Effect<Instance.Answers, never, Output | Providers.Service | Models.Service> = Effect.gen(
  function* () {
    const provider = yield* Providers.Service
    const services = yield* Effect.context<Providers.Service | Models.Service>()
    const hasModel = yield* Effect.match(provider.chosen(), {
      onFailure: (error) => error,
      onSuccess: () => true as const,
    })
    if (hasModel === true) {
      return Layer.merge(Questions.person, Layer.provide(Sampling.layer, Layer.succeedContext(services)))
    }
    // Without any model there is nothing to be chosen, and nothing to be said.
    if ((yield* provider.list()).length > 0) yield* (yield* Output).warn(hasModel.message)
    return Questions.handlers
  },
)

/** Has the page opened by the person's browser: the program is given an address that is good once. */
const open = ({ ticket }: Inbox) =>
  Effect.gen(function* () {
    const problem = yield* attempt(new URL(yield* ticket))
    if (problem === undefined) return
    yield* (yield* Output).say(`No browser was opened (${problem}): open the address above yourself.`)
  })

const run = (options: UiOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const services = yield* Effect.context<Providers.Service | Models.Service>()
    const inbox = yield* serve({
      mask: output.mask,
      interactionTimeout: Runtime.patience(options),
      port: options.port,
      model: (request) => Effect.provideContext(Sampling.expected(request), services),
    }).pipe(
      Effect.catchTag("InboxError", ({ message }) => {
        const help = options.port === undefined ? "" : "\nGive another --port, or none: then any is taken that is free."
        return Effect.fail(new CliFailure({ tag: "Transport", text: `${message}${help}` }))
      }),
    )
    yield* announce(inbox)
    yield* show(inbox)
    yield* Runtime.start()
    if (options.open) yield* open(inbox)
    yield* output.say(output.err.paint("dim", "Ctrl-C closes the page and every server."))
    return yield* Effect.never
  }).pipe(Effect.provideService(Page, "this page"))

export const ui = (options: UiOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const snapshot = yield* configured
    if (snapshot.servers.length === 0) {
      return yield* badRequest("no server is configured: there is nothing to show. Add one with: mcp add")
    }
    const sections = Sections.layer(snapshot, { trusted: yield* Settings.trusted(snapshot) })
    return yield* Effect.gen(function* () {
      const provider = yield* Providers.Service
      const servers = masking(snapshot)
      output.conceal((text) => provider.mask(servers(text)))
      const client = Instance.client({ answers: yield* answering, interactionTimeout: Runtime.patience(options) })
      return yield* run(options).pipe(Effect.scoped, Effect.provide(seen(client)))
    }).pipe(Effect.provide(Layer.provideMerge(Layer.merge(Provider.layer, Models.layer), sections)))
  }).pipe(
    Effect.provide(Runtime.configuration(options)),
    // What stands on standard output is the address: whoever interrupts is told on standard error.
    Effect.onInterrupt(() => Effect.map(Output, ({ configure }) => configure({ json: false, level: "warn" }))),
  )
