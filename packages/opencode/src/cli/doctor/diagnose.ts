/** One server: every check in its order, each as far as the ones before it allow. Nothing runs that is not approved. */
import type { RemoteServer, ServerConfig } from "@opencode-ai/mcp/config"
import type { Status } from "@opencode-ai/mcp/events"
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Server, Snapshot } from "../../config/config.ts"
import { argument } from "../../trust/question.ts"
import { quiet, type Step } from "../command/debug-report.ts"
import { conclude, connect, examine, type Found } from "../command/debug-steps.ts"
import { type ExitCode, Exit } from "../failure.ts"
import * as Present from "../present.ts"
import { type Check, failed, hasFailed, ok, skipped, warning } from "./check.ts"
import * as Entry from "./entry.ts"
import * as Local from "./local.ts"
import * as Protocol from "./protocol.ts"
import * as Remote from "./remote.ts"

export interface Diagnosis {
  readonly server: string
  readonly type: "local" | "remote"
  readonly status: Status["status"]
  readonly error?: string
  readonly checks: ReadonlyArray<Check>
  readonly verdict: string
  /** What to change, in the order in which it is best done. */
  readonly advice: ReadonlyArray<string>
  readonly code: ExitCode
}

export interface Subject {
  readonly server: Server
  readonly snapshot: Snapshot
  /** It was named: one that is switched off is looked at all the same. */
  readonly named: boolean
  /** What it has warned of so far. */
  readonly warnings: () => ReadonlyArray<string>
}

const typeOf = ({ config, written }: Server): "local" | "remote" =>
  config?.type ?? (typeof written === "object" && written !== null && "url" in written ? "remote" : "local")

/** What HTTP said of the first message. */
const httpCheck = (steps: ReadonlyArray<Step>, { first }: Found): Check => {
  const step = steps.find((each) => each.step.startsWith("the first message"))
  if (step === undefined) return skipped("HTTP", "nothing was sent")
  const found = step.status === undefined ? step.verdict : `${step.status}: ${step.verdict}`
  if (step.ok === true || first?.status === 401) return ok("HTTP", found)
  if (first?.status === 404 || first?.status === 405) {
    return failed("HTTP", found, `Correct the path in "url": most servers are at /mcp, older ones at /sse.`)
  }
  if (first !== undefined && first.status >= 500) {
    return failed("HTTP", found, "The server itself fails: look at its log, or ask its operator.")
  }
  if (first?.status === 403) return failed("HTTP", found, `Correct "headers" in its entry, or sign in.`)
  return failed("HTTP", found, `Is that the URL of an MCP server? Correct "url" if not.`)
}

/** How it stands with authorization: what it wants, and what is kept. */
const signInCheck = (config: RemoteServer, found: Found, status: Status): Check => {
  const name = argument(config.name)
  const { authorization, credentials, first, problem } = found
  const isAsked = first?.status === 401 || first?.status === 403
  if (!isAsked && credentials === undefined) return skipped("sign-in", "the server asks for none")
  const where = authorization === undefined ? "" : ` at ${String(authorization["issuer"])}`
  const scopes = credentials?.scopes === undefined ? "" : `, for ${credentials.scopes.join(" ")}`
  const kept = {
    authenticated: `you are signed in${where}${scopes}`,
    expired: `what was granted${where} has run out, and cannot be renewed`,
    not_authenticated: `nobody has signed in${where}`,
  }[credentials?.status ?? "not_authenticated"]
  if (status.status === "connected")
    return isAsked || credentials !== undefined ? ok("sign-in", kept) : skipped("sign-in", kept)
  if (problem !== undefined) {
    return failed(
      "sign-in",
      problem,
      `A sign-in would fail for that. Ask the server's operator; mcp debug ${name} shows each step.`,
    )
  }
  if (found.before !== undefined) return failed("sign-in", kept, found.before)
  if (status.status === "needs_auth" || status.status === "needs_client_registration") {
    return failed("sign-in", kept, conclude(config.name, status, found).advice ?? `Run: mcp auth ${name}`)
  }
  return warning("sign-in", kept)
}

const spoken = (config: ServerConfig, { snapshot, warnings }: Subject) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const { name } = config
    const report = quiet()
    const sent = yield* Clock.currentTimeMillis
    const found = yield* examine(config, snapshot.directory, report)
    const now = yield* Clock.currentTimeMillis
    const before: Array<Check> = []
    if (config.type === "remote") {
      before.push(httpCheck(report.steps(), found))
      if (found.first !== undefined) before.push(Remote.clock(found.first.date, sent, now))
    }
    const status = yield* connect(name, report)
    // A first message that is refused means nothing where an older transport takes it.
    const works = status.status === "connected"
    const http = before.map((check) =>
      works && check.check === "HTTP" && check.result === "failed"
        ? ok("HTTP", `${check.found}; it takes HTTP+SSE`)
        : check,
    )
    const signIn = config.type === "remote" ? [signInCheck(config, found, status)] : []
    if (!works) {
      const lines = config.type === "local" ? yield* Effect.orElseSucceed(mcp.stderr(name), () => []) : []
      const told = [...http, ...signIn]
      const isTold = told.some(({ result }) => result === "failed")
      return { status, checks: isTold ? told : [...told, ...Protocol.failure(config, status, lines)] }
    }
    // Until what it declares is listed, or is known not to be.
    const lists: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
      mcp.tools(name),
      mcp.prompts(name),
      mcp.resources(name),
      mcp.templates(name),
    ]
    yield* Effect.forEach(lists, (list) => Effect.ignore(list), { concurrency: "unbounded", discard: true })
    const state = (yield* mcp.servers).find((each) => each.name === name)
    const rest = state === undefined ? [] : yield* Protocol.connected(config, state, warnings())
    return { status, checks: [...http, ...signIn, ...rest] }
  })

const codeOf = (status: Status["status"], checks: ReadonlyArray<Check>): ExitCode => {
  if (status === "connected")
    return checks.some(({ check, result }) => check === "lists" && result === "failed") ? Exit.answered : Exit.done
  return status === "needs_auth" || status === "needs_client_registration" ? Exit.unauthorized : Exit.unreachable
}

const verdictOf = (name: string, status: Status["status"], code: ExitCode): string => {
  if (code === Exit.done) return `${name} works.`
  if (code === Exit.answered) return `${name} is connected, and does not give all that it declares.`
  return code === Exit.unauthorized ? `${name} needs a sign-in.` : `${name} does not work (${status}).`
}

const conclusion = (subject: Subject, status: Status, checks: ReadonlyArray<Check>): Diagnosis => {
  const { name } = subject.server
  const isOff = checks.some(({ check, result }) => check === "enabled" && result !== "ok")
  // What a server works without is no reason.
  const works = status.status === "connected"
  const judged = checks.map((check) =>
    works && check.result === "failed" && check.check === "variables"
      ? { ...check, result: "warning" as const }
      : check,
  )
  const advice = judged.flatMap((check) =>
    check.advice === undefined || check.result !== "failed" ? [] : [check.advice],
  )
  const code = codeOf(status.status, judged)
  const base = { server: name, type: typeOf(subject.server), checks: judged, advice }
  if (isOff && !subject.named) {
    return { ...base, status: "disabled", verdict: `${name} is switched off.`, code: Exit.done }
  }
  const verdict = isOff && works ? `${name} is switched off; it would work.` : verdictOf(name, status.status, code)
  return { ...base, ...Present.status(status), verdict, code: isOff ? Exit.unreachable : code }
}

/** Looks at one server, and connects it where that can be tried. */
export const diagnose = (subject: Subject) =>
  Effect.gen(function* () {
    const { named, server, snapshot } = subject
    const mcp = yield* Mcp
    const { config } = server
    const valid = Entry.valid(server)
    const broken = (status: Status, checks: ReadonlyArray<Check>) => conclusion(subject, status, checks)
    const failedWith = (checks: ReadonlyArray<Check>): Status => ({
      status: "failed",
      error: checks.find(({ result }) => result === "failed")?.found ?? "it does not work",
    })
    if (config === undefined) return broken(failedWith([valid]), [valid])
    const enabled = Entry.enabled(server)
    if (enabled.result !== "ok" && !named)
      return broken({ status: "disabled" }, [valid, skipped("enabled", enabled.found)])
    const approval = yield* Entry.approved(server, snapshot)
    const first = [valid, approval, enabled, yield* Entry.variables(server)]
    if (approval.result === "failed") return broken(failedWith([approval]), first)
    const here =
      config.type === "local"
        ? yield* Local.checks(config, snapshot.directory)
        : yield* Remote.checks(config, snapshot.directory)
    const before = [...first, ...here]
    if (hasFailed(here)) {
      return broken(failedWith(here), [...before, skipped("handshake", "not tried, for the reason above")])
    }
    yield* mcp.add({ ...config, enabled: false })
    const { checks, status } = yield* spoken({ ...config, enabled: true }, subject)
    return broken(status, [...before, ...checks])
  })
