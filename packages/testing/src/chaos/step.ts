/** One step of a run: what is asked of the client, what befalls a server, and whether what came of it may be. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { type Mcp, McpError, SessionError, TaskError, TransportError } from "@opencode-ai/mcp"
import { askedAgain, type Fate, faults, type Server } from "./faults.ts"
import type { Disaster, Step } from "./plan.ts"
import type { ChaosProxy } from "./proxy.ts"
import { gone, type Servers, signal } from "./servers.ts"

/** What came of a step: what it was answered with, or that its caller went away. */
export type Outcome = { readonly text: string } | "cancelled" | "done"

/** Milliseconds that a call may be silent: where its answer may never come, where servers are harmed, and otherwise. */
const silence = 300
const disturbed = 5_000
const patient = 60_000

export const fateOf = ({ action, fault, server }: Step): Fate => {
  if (action.kind === "read" && askedAgain.has(fault)) return { expected: "answer" }
  const fates: Readonly<Record<string, Fate>> = faults[server]
  return fates[fault] ?? { expected: "answer" }
}

export const payloadOf = (number: number, size: number): string =>
  `${number}/`.repeat(Math.ceil(size / 4)).slice(0, size)

export const textOf = (content: unknown): string => {
  const [first]: ReadonlyArray<unknown> = Array.isArray(content) ? content : []
  return typeof first === "object" && first !== null && "text" in first ? String(first.text) : ""
}

/** Milliseconds that it may be silent. */
export const timeoutOf = (step: Step, calm: boolean): number =>
  fateOf(step).silent === true ? silence : calm ? patient : disturbed

/** What the answer must be. */
const rightAnswer = ({ action, number, tag }: Step): string | undefined => {
  switch (action.kind) {
    case "call":
      return `${tag} ${payloadOf(number, action.size)}`
    case "steps":
      return `${tag} ${action.steps}`
    case "read":
      return `the content of test://item/${tag}`
    default:
      return undefined
  }
}

export class WrongProgress extends Error {}

/** What befalls a server; `reconnect` is for whoever holds the connection. */
export const strike = <E>(
  servers: Servers,
  disaster: Disaster,
  reconnect: (server: Server) => Effect.Effect<unknown, E>,
): Effect.Effect<void, E> => {
  const { localPid } = servers
  const listening = disaster.server === "local" ? undefined : servers[disaster.server]
  const weather = (name: ChaosProxy["weather"], ms: number) => {
    const set = (to: typeof name) =>
      Effect.sync(() => {
        if (listening !== undefined) listening.proxy.weather = to
      })
    return set(name).pipe(Effect.andThen(Effect.sleep(ms)), Effect.ensuring(set("fair")))
  }
  switch (disaster.kind) {
    case "kill":
    case "restart": {
      const name = disaster.kind === "kill" ? "SIGKILL" : "SIGTERM"
      if (listening !== undefined) return listening.restart(name)
      return Effect.suspend(() => {
        const pid = localPid()
        signal(pid, name)
        return pid === 0 ? Effect.void : gone(pid)
      })
    }
    case "freeze":
      return Effect.suspend(() => {
        const pid = listening?.pid() ?? localPid()
        signal(pid, "SIGSTOP")
        return Effect.ensuring(
          Effect.sleep(disaster.for),
          Effect.sync(() => signal(pid, "SIGCONT")),
        )
      })
    case "cut":
      return Effect.sync(() => (listening === undefined ? signal(localPid(), "SIGUSR2") : listening.proxy.cut()))
    case "down":
      return weather(disaster.answers ? "refused" : "closed", disaster.for)
    case "amnesia":
      return weather("amnesia", disaster.for)
    case "reconnect":
      return Effect.asVoid(reconnect(disaster.server))
  }
}

/** Takes the step. What it fails with is what a caller of the client sees. */
export const take = (mcp: Mcp["Service"], servers: Servers, step: Step, calm: boolean) => {
  const { action, number, server, tag } = step
  const timeout = timeoutOf(step, calm)
  const done = Effect.as("done" as const)
  const asked = Effect.suspend((): Effect.Effect<Outcome, McpError | SessionError | TaskError> => {
    switch (action.kind) {
      case "call":
        return Effect.map(
          mcp.callTool(server, "count", { tag, payload: payloadOf(number, action.size) }, { timeout }),
          ({ content }) => ({ text: textOf(content) }),
        )
      case "steps": {
        const strange: Array<string> = []
        const onProgress = ({ message }: { readonly message?: string | undefined }) => {
          if (message !== tag) strange.push(String(message))
        }
        return Effect.map(
          mcp.callTool(server, "steps", { tag, steps: action.steps }, { timeout, onProgress }),
          ({ content }) => {
            if (strange.length > 0) throw new WrongProgress(`progress of others: ${strange.join(", ")}`)
            return { text: textOf(content) }
          },
        )
      }
      case "cancel":
        return Effect.map(
          Effect.timeoutOption(mcp.callTool(server, "linger", { tag }, { timeout }), action.after),
          Option.match({
            onNone: () => "cancelled" as const,
            onSome: ({ content }) => ({ text: textOf(content) }),
          }),
        )
      case "read":
        return Effect.map(mcp.readResource(server, `test://item/${tag}`, { timeout }), ({ contents }) => ({
          text: textOf(contents),
        }))
      case "list": {
        const list: Effect.Effect<unknown, McpError | SessionError | TaskError> = mcp[action.what](server)
        return done(list)
      }
      case "toggle":
        return done(mcp.callTool(server, "toggle", {}, { timeout }))
      case "ping":
        return done(mcp.ping(server))
      case "subscribe":
        return done(mcp.subscribe(server, action.uri))
      case "unsubscribe":
        return done(mcp.unsubscribe(server, action.uri))
      case "disaster":
        return done(strike(servers, action.disaster, (name) => Effect.andThen(mcp.disconnect(name), mcp.connect(name))))
    }
  })
  return Effect.andThen(Effect.sleep(step.at), asked)
}

/** The reason of a failure that is one of ours: its tag; `undefined` where it is not. */
export const reasonOf = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const [first, ...others] = exit.cause.reasons
  if (first === undefined || others.length > 0 || !Cause.isFailReason(first)) return undefined
  const { error } = first
  if (error instanceof SessionError && error.reason._tag === "Transport") {
    const lost = error.reason.error
    return lost instanceof TransportError && lost.message !== "" ? lost.reason._tag : undefined
  }
  const isOurs = error instanceof SessionError || error instanceof McpError || error instanceof TaskError
  return isOurs && error.message !== "" ? error.reason._tag : undefined
}

/** How a step ended: as its caller sees it, by which of our reasons it failed, or not at all. */
export type End =
  | { readonly kind: "ended"; readonly outcome: Outcome }
  | { readonly kind: "failed"; readonly reason: string | undefined; readonly why: string }
  | { readonly kind: "never" }

export const endOf = (exit: Exit.Exit<Option.Option<Outcome>, unknown>): End => {
  if (Exit.isFailure(exit)) return { kind: "failed", reason: reasonOf(exit), why: Cause.pretty(exit.cause) }
  return Option.isNone(exit.value) ? { kind: "never" } : { kind: "ended", outcome: exit.value.value }
}

/** What is wrong with the end of a step, in words; `executions` of its tag so far. */
export const wrong = (step: Step, end: End, calm: boolean, executions: number): string | undefined => {
  const fate = fateOf(step)
  if (executions > 1) return `was executed ${executions} times`
  if (end.kind === "never") return "was neither answered nor failed"
  if (end.kind === "failed") {
    const { reason, why } = end
    if (reason === undefined) return `failed with what is no error of ours: ${why}`
    if (executions > 0 && fate.refused && fate.expected === "failure") return `was refused (${reason}), and executed`
    if (!calm || fate.expected !== "answer") return undefined
    return `failed, although nothing but "${step.fault}" was done to it: ${why}`
  }
  const { outcome } = end
  if (typeof outcome === "string") return undefined
  const right = rightAnswer(step)
  if (right !== undefined && outcome.text !== right) {
    return `got an answer that is not its own: ${outcome.text.slice(0, 200)}`
  }
  if (step.action.kind !== "read" && executions === 0) return "was answered without having been executed"
  return fate.expected === "failure" && calm ? `was answered in spite of "${step.fault}"` : undefined
}
