/**
 * A session that runs: the model is asked, calls tools, is told what came of it, and is asked again until it has answered.
 *
 * Each step is made of what there is at that moment: the tools, the instructions of servers, the messages. What happens is
 * on the bus as it happens. Interrupting a prompt aborts the request to the provider and cancels the calls; what was said
 * and done until then stays in the conversation, which is kept in memory.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { randomUUID } from "node:crypto"
import * as Bus from "../bus/index.ts"
import { Sections } from "../config/sections.ts"
import * as MCP from "../mcp/index.ts"
import type * as Permission from "../permission/index.ts"
import * as Provider from "../provider/provider.ts"
import { Budget, shareOf } from "./budget.ts"
import * as Command from "./command.ts"
import type { Message } from "./conversation.ts"
import { Busy, named, NoModel, SessionError } from "./failure.ts"
import * as Event from "./message.ts"
import type { InputPart, Part } from "./part.ts"
import * as Resource from "./resource.ts"
import { Transcript } from "./transcript.ts"
import * as Turn from "./turn.ts"

export interface PromptInput {
  /** A conversation to go on with; a new one without. */
  readonly sessionID?: string
  readonly parts: ReadonlyArray<InputPart>
  /** `provider/model`. Default: what the session used last, or `model` in opencode.json. */
  readonly model?: string
  /** After the host's own system prompt. */
  readonly system?: string
  /** Rules of this prompt, after those of the configuration. */
  readonly ruleset?: Permission.Ruleset
}

export interface CommandInput extends Omit<PromptInput, "parts"> {
  /** `server:prompt` */
  readonly command: string
  /** As typed: by position, what stands in quotes is one, the last takes the rest. */
  readonly arguments: string
}

/** The last message, its parts, and why it is the last. */
export interface Answer {
  readonly sessionID: string
  readonly info: Event.Assistant
  readonly parts: ReadonlyArray<Part>
  /**
   * `stop`: the model has answered; `length`, `content-filter`, `other`: as the provider says; `rejected`: the person
   * rejected a call; `cancelled`: by `cancel`.
   */
  readonly ended: Turn.Ended
}

export interface Interface {
  /** Fails with what keeps the model from answering; what a tool does wrong is told to the model. */
  readonly prompt: (input: PromptInput) => Effect.Effect<Answer, SessionError>
  /** A prompt of a server as a slash command. */
  readonly command: (input: CommandInput) => Effect.Effect<Answer, SessionError>
  /** Ends what a session does; `false` where it does nothing. Its prompt ends with `cancelled`. */
  readonly cancel: (sessionID: string) => Effect.Effect<boolean>
  /** The conversation so far; empty for a session that is not known. */
  readonly messages: (sessionID: string) => Effect.Effect<ReadonlyArray<Message>>
  readonly status: (sessionID: string) => Effect.Effect<Event.Status>
}

/** The sessions of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/SessionPrompt") {}

export interface Options {
  /** The working directory, absolute: named in the system prompt. */
  readonly directory: string
}

interface Session {
  readonly transcript: Transcript
  readonly budget: Budget
  status: Event.Status
  model?: string
  /** Whether a prompt came to its end. */
  begun?: boolean
  /** Ends what it does. */
  stop?: Deferred.Deferred<void>
}

type Needs = Bus.Service | MCP.Service | Permission.Service | Provider.Service | Sections | Turn.Needs

const make = (options: Options): Effect.Effect<Interface, never, Needs> =>
  Effect.gen(function* () {
    const services = yield* Effect.context<Needs>()
    const bus = yield* Bus.Service
    const provider = yield* Provider.Service
    const sections = yield* Sections
    const sessions = new Map<string, Session>()
    const experimental: unknown = sections.get("experimental").value
    const share = shareOf(experimental)

    const setStatus = (sessionID: string, session: Session, status: Event.Status) =>
      Effect.suspend(() => {
        session.status = status
        return Effect.andThen(
          bus.publish(Event.StatusChanged, { sessionID, status }),
          status.type === "idle" ? bus.publish(Event.Idle, { sessionID }) : Effect.void,
        )
      })

    const open = (sessionID: string): Session => {
      const known = sessions.get(sessionID)
      if (known !== undefined) return known
      const session: Session = {
        transcript: new Transcript(sessionID, bus),
        budget: new Budget(share),
        status: { type: "idle" },
      }
      sessions.set(sessionID, session)
      return session
    }

    /** The answer where it was cancelled before the model was asked. */
    const unasked = ({ model = "", transcript }: Session, parentID: string) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const [providerID = "", ...rest] = model.split("/")
        const info: Event.Assistant = {
          id: transcript.nextID("msg"),
          sessionID: transcript.sessionID,
          role: "assistant",
          parentID,
          time: { created: now, completed: now },
          providerID,
          modelID: rest.join("/"),
          error: Turn.aborted,
        }
        yield* transcript.put(info)
        return info
      })

    type Messages = ReadonlyArray<{ readonly role: "user" | "assistant"; readonly parts: ReadonlyArray<InputPart> }>

    const answer = (
      sessionID: string,
      input: Omit<PromptInput, "parts">,
      messagesOf: (model: Provider.Model) => Effect.Effect<Messages, SessionError, Needs>,
      told: (messageID: string) => Effect.Effect<void>,
    ): Effect.Effect<Answer, SessionError, Needs> =>
      Effect.suspend(() => {
        const session = open(sessionID)
        if (session.stop !== undefined) return Effect.fail(new SessionError({ reason: new Busy({ sessionID }) }))
        const stop = Deferred.makeUnsafe<void>()
        session.stop = stop
        const { transcript } = session
        const before = transcript.last()?.info.id
        let parentID = ""
        const turn = Effect.gen(function* () {
          yield* setStatus(sessionID, session, { type: "busy" })
          const mcp = yield* MCP.Service
          const model = yield* Effect.mapError(
            provider.model(input.model ?? session.model),
            (cause) => new SessionError({ reason: new NoModel({ cause }) }),
          )
          session.model = `${model.providerID}/${model.modelID}`
          const found = yield* messagesOf(model)
          const created = yield* Clock.currentTimeMillis
          for (const { parts, role } of found) {
            const { modelID, providerID } = model
            const common = { id: transcript.nextID("msg"), sessionID, time: { created } }
            const info: Event.Info =
              role === "user"
                ? {
                    ...common,
                    role,
                    model: { providerID, modelID },
                    ...(input.system === undefined ? {} : { system: input.system }),
                  }
                : { ...common, role, parentID, providerID, modelID, finish: "stop" }
            if (role === "user") parentID = info.id
            yield* transcript.put(info)
            for (const part of parts) yield* transcript.add(info.id, part)
          }
          yield* told(parentID)
          const ended = yield* Turn.run({
            model,
            transcript,
            parentID,
            begins: session.begun !== true,
            directory: options.directory,
            budget: session.budget,
            experimental,
            mask: (text) => mcp.mask(provider.mask(text)),
            status: (status) => setStatus(sessionID, session, status),
            ...(input.system === undefined ? {} : { system: input.system }),
            ...(input.ruleset === undefined ? {} : { ruleset: input.ruleset }),
          })
          session.begun = true
          return ended
        })
        const end = Effect.suspend(() => {
          delete session.stop
          return setStatus(sessionID, session, { type: "idle" })
        })
        const cancelled = Effect.as(Deferred.await(stop), undefined)
        return Effect.raceFirst(turn, cancelled).pipe(
          Effect.flatMap((ended) => {
            const last = transcript.last()
            if (last !== undefined && last.info.id !== before) {
              return Effect.succeed({ sessionID, ...last, ended: ended ?? "cancelled" } satisfies Answer)
            }
            return Effect.map(unasked(session, parentID), (info): Answer => ({
              sessionID,
              info,
              parts: [],
              ended: "cancelled",
            }))
          }),
          Effect.tapError((error) => bus.publish(Event.Failed, { sessionID, error: named(error) })),
          Effect.ensuring(end),
        )
      })

    const sessionIDOf = ({ sessionID = `ses_${randomUUID()}` }: { readonly sessionID?: string }) => sessionID
    return {
      prompt: (input) =>
        answer(
          sessionIDOf(input),
          input,
          (model) => Effect.map(Resource.resolve(input.parts, model), (parts) => [{ role: "user", parts }]),
          () => Effect.void,
        ).pipe(Effect.provideContext(services)),
      command: (input) =>
        Effect.suspend(() => {
          const sessionID = sessionIDOf(input)
          const messagesOf = (model: Provider.Model) => Command.messages(input.command, input.arguments, model)
          return answer(sessionID, input, messagesOf, (messageID) =>
            bus.publish(Event.CommandExecuted, {
              name: input.command,
              sessionID,
              arguments: input.arguments,
              messageID,
            }),
          )
        }).pipe(Effect.provideContext(services)),
      cancel: (sessionID) =>
        Effect.suspend(() => {
          const stop = sessions.get(sessionID)?.stop
          return stop === undefined ? Effect.succeed(false) : Deferred.succeed(stop, undefined)
        }),
      messages: (sessionID) => Effect.sync(() => sessions.get(sessionID)?.transcript.messages() ?? []),
      status: (sessionID) => Effect.sync(() => sessions.get(sessionID)?.status ?? { type: "idle" }),
    }
  })

/** The sessions of the services in the context. */
export const layer = (options: Options): Layer.Layer<Service, never, Needs> => Layer.effect(Service)(make(options))
