/**
 * What pages are shown: it takes note of everything as it comes, which costs next to nothing, and makes the text of it when
 * a page is there to read it. A page that reads slowly is sent the newest state, and told how many lines it lost.
 */
import type { Question } from "@opencode-ai/mcp/capability/questions"
import type { Event } from "@opencode-ai/mcp/events"
import { isTask } from "@opencode-ai/mcp/protocol/method"
import type { Task } from "@opencode-ai/mcp/protocol/model"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { Host } from "./host.ts"
import * as Lines from "./lines.ts"
import type { Push, VisitView } from "./model.ts"
import * as SignIn from "./sign-in.ts"
import { Underway } from "./underway.ts"
import * as View from "./views.ts"

/** Between two batches for one page, and between two signs of life where nothing happens, in milliseconds. */
const spacing = 100
const pulse = 15_000
/** How many questions that are over a page is told of at a time, and how many tasks of one server are kept. */
const closedLimit = 200
const taskLimit = 200

type Kind = "servers" | "questions" | "visits" | "calls" | "tasks" | "held"
const kinds: ReadonlyArray<Kind> = ["servers", "questions", "visits", "calls", "tasks", "held"]

export interface Page {
  /** What there is to tell, once there is something; nothing, as a sign of life. No two come within 100 ms. */
  readonly next: Effect.Effect<ReadonlyArray<Push>>
}

export interface Board {
  /** A page that begins with everything. */
  readonly open: Effect.Effect<Page, never, Scope.Scope>
  readonly size: () => number
  readonly signIns: SignIn.SignIns
  /** Something was done to a server: what is known of it from others is asked anew. */
  readonly touched: (server: string) => void
  /** The question by this id, while it waits. */
  readonly question: (id: string) => Question | undefined
  /** A visit that the person agreed to is waited for. */
  readonly visiting: (question: Question) => Effect.Effect<void>
  /** Whether there was such a visit. */
  readonly visited: (id: string) => boolean
  /** The tasks of a server, as it lists them. */
  readonly listed: (server: string, tasks: ReadonlyArray<Task>) => void
}

interface Reader {
  readonly dirty: Set<Kind>
  readonly tools: Set<string>
  closed: Array<Push>
  line: number
  last: number
  readonly hasNews: Latch.Latch
}

interface Visiting extends VisitView {
  readonly end: () => void
}

/** As long as the Scope. */
export const make = (host: Host): Effect.Effect<Board, never, Scope.Scope | Underway> =>
  Effect.gen(function* () {
    const { mask, mcp, questions } = host
    const underway = yield* Underway
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope
    const now = () => clock.currentTimeMillisUnsafe()

    const readers = new Set<Reader>()
    const lines = Lines.make(mask)
    const about = new Map<string, View.About>()
    const tasks = new Map<string, Map<string, Task>>()
    const visits = new Map<string, Visiting>()
    /** When each question was asked. */
    const asked = new Map<string, number>(questions.open().map(({ id }) => [id, now()]))

    const wake = (change: (reader: Reader) => void) => {
      for (const reader of readers) {
        change(reader)
        reader.hasNews.openUnsafe()
      }
    }
    const changed = (...what: ReadonlyArray<Kind>) => wake(({ dirty }) => what.forEach((kind) => dirty.add(kind)))
    /** How often what was known of a server was found out of date. */
    let outdated = 0
    const outdate = (server: string) => {
      outdated += 1
      about.delete(server)
    }
    const touched = (server: string) => {
      outdate(server)
      changed("servers")
    }
    const signIns = yield* SignIn.make(mcp, touched)

    const log = (line: Parameters<Lines.Lines["add"]>[0]) => {
      lines.add(line)
      wake(() => undefined)
    }
    const noted = (server: string, task: Task) => {
      const known = tasks.get(server) ?? new Map<string, Task>()
      tasks.set(server, known)
      known.delete(task.taskId)
      known.set(task.taskId, task)
      const [oldest] = known.keys()
      if (known.size > taskLimit && oldest !== undefined) known.delete(oldest)
      changed("tasks")
    }

    const forget = (id: string) => {
      if (visits.delete(id)) changed("visits")
    }

    const onEvent = ({ data, type }: Event): void => {
      const { server } = data
      switch (type) {
        case "mcp.log": {
          const { level, logger } = data
          return log({ server, at: now(), source: "log", level, logger, data: data.data })
        }
        case "mcp.stderr":
          return log({ server, at: now(), source: "stderr", level: "debug", data: data.line })
        case "mcp.warning":
          return log({ server, at: now(), source: "warning", level: "warning", data: data.message })
        case "mcp.status.changed": {
          const { error, status } = data
          outdate(server)
          // A server that is started anew does not know the tasks of before.
          if ((status === "disabled" || status === "failed") && tasks.delete(server)) changed("tasks")
          const level = status === "failed" ? "error" : "info"
          const text = error === undefined ? status : `${status}: ${error}`
          log({ server, at: now(), source: "status", level, data: text })
          if (status === "connected") wake(({ tools }) => tools.add(server))
          return changed("servers", "held")
        }
        case "mcp.tools.changed":
          wake(({ tools }) => tools.add(server))
          return changed("servers", "held")
        case "mcp.prompts.changed":
        case "mcp.resources.changed":
          return changed("servers")
        case "mcp.tool.held":
          return changed("held")
        case "mcp.auth.required":
          return touched(server)
        case "mcp.task.status":
          return isTask(data.task) ? noted(server, data.task) : undefined
        default:
          return undefined
      }
    }

    yield* Effect.acquireRelease(
      Effect.sync(() => [
        mcp.listen(onEvent),
        questions.listen(({ id }) => {
          asked.set(id, now())
          changed("questions")
        }),
        questions.closed(({ id, request: { server } }, outcome) => {
          asked.delete(id)
          wake((reader) => {
            reader.closed.push({ type: "closed", id, server, outcome })
            if (reader.closed.length > closedLimit) reader.closed = reader.closed.slice(-closedLimit)
          })
          changed("questions")
        }),
        underway.listen(() => {
          changed("calls")
          if (visits.size === 0) return
          const calls = new Set(underway.calls().map(({ id }) => id))
          for (const { call, id } of visits.values()) if (call !== undefined && !calls.has(call)) forget(id)
        }),
      ]),
      (stops) => Effect.sync(() => stops.forEach((stop) => stop())),
    )

    const authOf = (name: string) =>
      Effect.flatMap(mcp.authorization(name), ({ status }) => status).pipe(
        Effect.map((status): View.About["auth"] => (status === "not_authenticated" ? "out" : "in")),
        // A local server, or one whose entry brings its credentials.
        Effect.catch((error) => Effect.succeed<View.About["auth"]>(error._tag === "McpError" ? "none" : "out")),
      )
    const aboutOf = (name: string) =>
      Effect.suspend(() => {
        const known = about.get(name)
        if (known !== undefined) return Effect.succeed(known)
        // What goes wrong with one server is no reason to show none.
        const how = Effect.catchCause(host.describe(name), (cause) =>
          Effect.succeed({ how: `this cannot be told: ${Cause.pretty(cause)}` }),
        )
        const at = outdated
        return Effect.map(Effect.all([how, authOf(name)]), ([described, auth]): View.About => {
          const found = { ...described, auth }
          // What was asked before something happened is asked again.
          if (at === outdated) about.set(name, found)
          return found
        })
      })
    const callOf = (request: unknown) =>
      underway.calls().find((call) => request !== undefined && call.request === request)

    const models = new Map<string, string | undefined>()
    const modelOf = (question: Question) =>
      Effect.suspend(() => {
        const { id, kind, request } = question
        if (kind !== "approval") return Effect.succeed(undefined)
        if (models.has(id)) return Effect.succeed(models.get(id))
        return Effect.tap(host.model(request), (model) => Effect.sync(() => models.set(id, model)))
      })
    const questionViews = Effect.suspend(() => {
      const open = questions.open()
      for (const id of models.keys()) if (!open.some((question) => question.id === id)) models.delete(id)
      return Effect.forEach(open, (question) =>
        Effect.map(modelOf(question), (model) => {
          const at = asked.get(question.id) ?? now()
          const call = callOf(question.request.request)?.id
          return View.question(mask, question, { asked: at, until: at + host.interactionTimeout, call, model })
        }),
      )
    })

    const push = (kind: Kind): Effect.Effect<Push> => {
      switch (kind) {
        case "servers":
          return Effect.flatMap(mcp.servers, (all) =>
            Effect.map(
              Effect.forEach(all, (state) =>
                Effect.map(aboutOf(state.name), (about) => View.server(mask, state, about, signIns.of(state.name))),
              ),
              (servers) => ({ type: "servers", servers }),
            ),
          )
        case "questions":
          return Effect.map(questionViews, (questions) => ({ type: "questions", questions }))
        case "visits":
          return Effect.sync(() => ({
            type: "visits",
            visits: [...visits.values()].map(({ end: _, ...visit }) => visit),
          }))
        case "calls":
          return Effect.sync(() => ({ type: "calls", calls: underway.calls().map((call) => View.call(mask, call)) }))
        case "tasks":
          return Effect.sync(() => ({
            type: "tasks",
            tasks: [...tasks].flatMap(([server, all]) =>
              [...all.values()].map((task) => View.task(mask, server, task)),
            ),
          }))
        case "held":
          return Effect.map(mcp.held, (all) => ({ type: "held", held: all.map((each) => View.held(mask, each)) }))
      }
    }

    const news = (reader: Reader) =>
      Effect.suspend(() => {
        reader.hasNews.closeUnsafe()
        const { closed } = reader
        const what = kinds.filter((kind) => reader.dirty.delete(kind))
        const told: ReadonlyArray<Push> = [
          ...closed,
          ...[...reader.tools].map((server): Push => ({ type: "tools", server })),
        ]
        reader.closed = []
        reader.tools.clear()
        // What goes wrong with one list is no reason to show no other.
        const all = Effect.forEach(what, (kind) =>
          Effect.catchCause(
            Effect.map(push(kind), (one): ReadonlyArray<Push> => [one]),
            (cause) => (Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.succeed([])),
          ),
        )
        return Effect.map(all, (found): ReadonlyArray<Push> => {
          const pushes = found.flat()
          const batch = lines.last() === reader.line ? undefined : lines.after(reader.line)
          reader.line = lines.last()
          reader.last = now()
          return [...told, ...pushes, ...(batch === undefined ? [] : [{ type: "lines", ...batch } as const])]
        })
      })
    const rest = ({ last }: Reader) =>
      Effect.suspend(() => {
        const left = last + spacing - now()
        return left > 0 ? Effect.sleep(left) : Effect.void
      })

    return {
      open: Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => {
            const reader: Reader = {
              dirty: new Set(kinds),
              tools: new Set(),
              closed: [],
              line: 0,
              last: 0,
              hasNews: Latch.makeUnsafe(true),
            }
            readers.add(reader)
            return reader
          }),
          (reader) => Effect.sync(() => readers.delete(reader)),
        ),
        (reader) => ({
          next: Effect.timeoutOption(reader.hasNews.await, pulse).pipe(
            Effect.andThen(rest(reader)),
            Effect.andThen(news(reader)),
          ),
        }),
      ),
      size: () => readers.size,
      signIns,
      touched,
      question: (id) => questions.open().find((question) => question.id === id),
      visiting: ({ id, kind, request }) => {
        if (kind !== "elicitation" || request.mode !== "url" || request.visit === undefined) return Effect.void
        const { host: place, server, url, visit } = request
        const over = Effect.timeoutOption(visit.over, host.interactionTimeout)
        return Effect.suspend(() => {
          visits.set(id, { id, server, url, host: place, call: callOf(request.request)?.id, end: visit.end })
          changed("visits")
          return Effect.forkIn(
            Effect.andThen(
              over,
              Effect.sync(() => forget(id)),
            ),
            scope,
            { startImmediately: true },
          )
        })
      },
      visited: (id) => {
        const visit = visits.get(id)
        forget(id)
        // What waits for it goes on at once.
        visit?.end()
        return visit !== undefined
      },
      listed: (server, all) => {
        tasks.set(server, new Map(all.slice(0, taskLimit).map((task) => [task.taskId, task])))
        changed("tasks")
      },
    }
  })
