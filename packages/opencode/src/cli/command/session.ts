/** `session`: one prompt, answered by a model that may use the servers' tools, in sight of the person. */
import * as Effect from "effect/Effect"
import type { Snapshot } from "../../config/config.ts"
import * as Bus from "../../bus/index.ts"

import type { SessionError } from "../../session/failure.ts"
import * as Instance from "../../session/instance.ts"
import type { InputPart } from "../../session/part.ts"
import * as SessionPrompt from "../../session/prompt.ts"
import * as Provider from "../../provider/provider.ts"
import * as Sampling from "../../sampling/session.ts"
import type * as Models from "../../session/models.ts"
import { masking } from "../../config/secrets.ts"
import { configured, type Options } from "../configuration.ts"
import { badRequest, CliFailure, type ExitCode, Exit, fromError } from "../failure.ts"
import { consenting } from "../interview/person.ts"
import { activity } from "../live.ts"
import { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import { approve } from "../session.ts"
import * as Settings from "../settings.ts"
import { readAll } from "../stdin.ts"
import * as Follow from "../follow.ts"
import * as Questions from "../interview/permission.ts"

export interface SessionOptions extends Options {
  readonly words: ReadonlyArray<string>
  /** `provider/model` */
  readonly model: string | undefined
  /** `server:uri` */
  readonly resources: ReadonlyArray<string>
  /** Whether a page is served meanwhile. */
  readonly ui: boolean
}

/** What is to be asked: the words as they were typed, or standard input. */
const textOf = ({ words }: SessionOptions) =>
  Effect.gen(function* () {
    const typed = words.join(" ").trim()
    const isPiped = typed === "-" || (typed === "" && !process.stdin.isTTY)
    const text = isPiped ? (yield* readAll).trim() : typed
    if (text !== "") return text
    return yield* badRequest(`there is no prompt; give one, or pipe it: bun run session "What can you do?"`)
  })

/** A server's name has `%` and `:` escaped, as the keys of resources have it. */
const resourceOf = (text: string): Effect.Effect<InputPart, CliFailure> =>
  Effect.suspend(() => {
    const [, server = "", uri = ""] = /^([^:]+):(.+)$/s.exec(text) ?? []
    if (uri === "") return Effect.fail(badRequest(`--resource ${JSON.stringify(text)}: expected server:uri`))
    const clientName = server.replaceAll("%3A", ":").replaceAll("%25", "%")
    return Effect.succeed({
      type: "file",
      mime: "text/plain",
      url: uri,
      source: { type: "resource", clientName, uri },
    })
  })

/** As the command line tells it, with the exit code that belongs to it. */
const failure = (error: SessionError): CliFailure => {
  const { message: text, reason } = error
  switch (reason._tag) {
    case "NoModel":
    case "CommandUnknown":
    case "Busy":
      return new CliFailure({ tag: "BadRequest", text })
    case "ProviderFailed": {
      const { status } = reason
      if (status === 401 || status === 403) return new CliFailure({ tag: "AuthRequired", text, data: { status } })
      return new CliFailure({ tag: "Transport", text, ...(status === undefined ? {} : { data: { status } }) })
    }
    case "CommandFailed":
    case "ResourceUnreadable": {
      const cause = reason.cause === undefined ? undefined : fromError(reason.cause)
      if (cause === undefined) return new CliFailure({ tag: "BadRequest", text })
      const { code, data, tag } = cause
      return new CliFailure({
        tag,
        text,
        ...(code === undefined ? {} : { code }),
        ...(data === undefined ? {} : { data }),
      })
    }
  }
}

const said: Readonly<Record<Exclude<SessionPrompt.Answer["ended"], "stop">, string>> = {
  length: "the model reached the length that it may answer in: the answer is not whole",
  "content-filter": "the provider's filter ended the answer",
  other: "the model ended without a reason",
  rejected: "ended, because a call was rejected",
  cancelled: "cancelled",
}

const codes: Partial<Record<SessionPrompt.Answer["ended"], ExitCode>> = {
  rejected: Exit.answered,
  cancelled: Exit.interrupted,
}

/** Serves the page as long as the session, and tells where it is beside the answer. */
const page = (options: SessionOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const services = yield* Effect.context<Provider.Service | Models.Service>()
    const { announce, serve, show } = yield* Effect.promise(() => import("../page.ts"))
    const inbox = yield* serve({
      mask: output.mask,
      interactionTimeout: Runtime.patience(options),
      model: (request) => Effect.provideContext(Sampling.expected(request), services),
    })
    yield* output.json() ? show(inbox) : output.reveal(`The page is at ${inbox.url}`, "err")
    if (!output.interactive()) yield* announce(inbox)
  })

/** Asks, follows what happens, and tells how it ended. */
const run = (options: SessionOptions, text: string, snapshot: Snapshot) =>
  Effect.gen(function* () {
    const { model, resources } = options
    const output = yield* Output
    const bus = yield* Bus.Service
    const prompts = yield* SessionPrompt.Service
    const provider = yield* Provider.Service
    const servers = masking(snapshot)
    output.conceal((text) => provider.mask(servers(text)))
    yield* Effect.forEach(yield* Instance.problems, output.warn, { discard: true })
    if (options.ui) yield* page(options)
    const follow = yield* Follow.make
    yield* Effect.acquireRelease(
      Effect.sync(() => bus.listen(follow.take)),
      (stop) => Effect.sync(stop),
    )
    yield* Effect.forkScoped(follow.print)
    if (output.interactive()) yield* Effect.forkScoped(Questions.answer(follow.rest))
    const attached = yield* Effect.forEach(resources, resourceOf)
    const chosen = model === undefined ? {} : { model }
    const [, command, rest = ""] = /^\/(\S+:\S+)(?:\s+([\s\S]*))?$/.exec(text) ?? []
    const asked =
      command === undefined
        ? prompts.prompt({ ...chosen, parts: [...attached, { type: "text", text }] })
        : prompts.command({ ...chosen, command, arguments: rest })
    const answer = yield* activity(output, follow.doing, asked).pipe(
      Effect.mapError(failure),
      Effect.ensuring(follow.rest),
    )
    if (output.json()) {
      const { ended, info, parts, sessionID } = answer
      const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []))
      yield* output.printJson({ result: { sessionID, messageID: info.id, ended, text: texts.join("\n") } })
    } else if (answer.ended !== "stop") yield* output.warn(said[answer.ended])
    return codes[answer.ended] ?? Exit.done
  })

export const session = (options: SessionOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const text = yield* textOf(options)
    return yield* Effect.gen(function* () {
      const snapshot = yield* configured
      yield* approve(snapshot, () => true)
      const trusted = yield* Settings.trusted(snapshot)
      const timeout = Runtime.patience(options)
      return yield* run(options, text, snapshot).pipe(
        Effect.scoped,
        Effect.provide(
          Instance.layer({
            snapshot,
            trusted,
            answerable: output.interactive,
            person: consenting(output, timeout, () => options.ui),
            interactionTimeout: timeout,
          }),
        ),
      )
    }).pipe(Effect.provide(Runtime.configuration(options)))
  })
