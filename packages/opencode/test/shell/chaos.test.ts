/** A shell whose servers are harmed, killed, frozen and made to forget goes on answering, and leaves nothing behind. */
import { type Server, tagIn, tagOf } from "@opencode-ai/testing/chaos/faults"
import { plan, type Step } from "@opencode-ai/testing/chaos/plan"
import { executedBy, gone, servers, signal } from "@opencode-ai/testing/chaos/servers"
import { type End, payloadOf, strike, timeoutOf, wrong } from "@opencode-ai/testing/chaos/step"
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Command, type Said, type Shell, startShell } from "./client.ts"

/** Another one each time, unless it is named: the name of what failed has it. */
const seed = Number(process.env["CHAOS_SEED"] ?? Math.floor(Math.random() * 2 ** 31))

/** Milliseconds after which a command is taken for one that is never answered. */
const hang = 60_000

const all: ReadonlyArray<Server> = ["local", "remote", "sse"]

const text = ({ result }: Said): unknown => result?.content?.[0]?.text

/** As docs/cli.md names them, but for `Internal`: that is a defect. */
const tags: ReadonlySet<unknown> = new Set(
  "Cancelled Timeout NotConnected ServerNotFound ToolNotFound BadRequest Protocol InvalidResponse Transport AuthRequired".split(
    " ",
  ),
)

const endOf = ({ action }: Step, { error, ok, result }: Said): End => {
  if (ok === true && action.kind === "toggle") return { kind: "ended", outcome: "done" }
  if (ok === true) {
    const [content] = result?.content ?? result?.contents ?? []
    return { kind: "ended", outcome: content === undefined ? "done" : { text: String(content.text) } }
  }
  if (error?.tag === "Cancelled") return { kind: "ended", outcome: "cancelled" }
  const isTyped = tags.has(error?.tag) && error?.message !== ""
  return { kind: "failed", reason: isTyped ? error?.tag : undefined, why: JSON.stringify(error) }
}

/** What a person types for a step. */
const commandOf = ({ action, number: id, server, tag }: Step, timeout: number): Command | undefined => {
  const call = (tool: string, args: object) => ({ id, op: "call", server, tool, args, timeout })
  switch (action.kind) {
    case "call":
      return call("count", { tag, payload: payloadOf(id, action.size) })
    case "steps":
      return call("steps", { tag, steps: action.steps })
    case "cancel":
      return call("linger", { tag })
    case "toggle":
      return call("toggle", {})
    case "read":
      return { id, op: "read", server, uri: `test://item/${tag}` }
    case "list":
      return { id, op: action.what, server }
    case "ping":
      return { id, op: "ping", server }
    case "subscribe":
    case "unsubscribe":
      return { id, op: action.kind, server, uri: action.uri }
    case "disaster":
      return undefined
  }
}

/** Asked again until it is served, as a person would; each time under another id. */
const served = (shell: Shell, server: Server, next: () => number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const id = next()
    const tag = tagOf(id, "none")
    const command = { id, op: "call", server, tool: "count", args: { tag, payload: server }, timeout: hang }
    return Effect.flatMap(shell.ask(command), (reply) => {
      if (reply.ok !== true) return Effect.andThen(Effect.sleep(50), served(shell, server, next))
      expect(text(reply)).toBe(`${tag} ${server}`)
      return Effect.void
    })
  })

const ended = Effect.fnUntraced(function* (shell: Shell) {
  shell.send({ id: "end", op: "exit" })
  expect((yield* shell.reply("end")).result).toBe(true)
  expect(yield* shell.exit).toBe(0)
  expect(shell.processes()).toEqual([])
})

it.live(
  `each of many commands is answered once, with its own answer or a reason, whatever befalls the servers: seed ${seed}`,
  () =>
    Effect.gen(function* () {
      const steps = 150
      const peers = yield* servers(yield* temporaryDirectory)
      const timeout = { execution: 3_000 }
      const entries = Object.entries(peers.entries).map(([name, entry]) => [name, { ...entry, timeout }])
      const shell = yield* startShell({ servers: Object.fromEntries(entries) })
      const executions = new Map<number, number>()
      let probes = steps
      const next = () => (probes += 1)
      let commands = 0
      const ask = (id: string, op: string, server: string) => shell.ask({ id: `${id} ${(commands += 1)}`, op, server })

      const take = (step: Step, calm: boolean): Effect.Effect<End> =>
        Effect.suspend(() => {
          const { action, number } = step
          const command = commandOf(step, timeoutOf(step, calm))
          if (action.kind === "disaster") {
            const reconnect = (server: Server) =>
              Effect.andThen(ask("disconnect", "disconnect", server), ask("connect", "connect", server))
            return Effect.as(strike(peers, action.disaster, reconnect), { kind: "ended", outcome: "done" } as const)
          }
          if (command !== undefined) shell.send(command)
          const cancelled =
            action.kind === "cancel"
              ? Effect.andThen(
                  Effect.sleep(action.after),
                  Effect.sync(() => shell.send({ id: `cancel ${number}`, op: "cancel", target: number })),
                )
              : Effect.void
          return Effect.andThen(
            cancelled,
            Effect.map(shell.reply(number), (reply) => endOf(step, reply)),
          )
        }).pipe(
          Effect.delay(step.at),
          Effect.timeoutOption(hang),
          Effect.map(Option.getOrElse((): End => ({ kind: "never" }))),
        )

      for (const { calm, steps: batch } of plan(seed, steps)) {
        const ends = yield* Effect.forEach(batch, (step) => take(step, calm), { concurrency: "unbounded" })
        const { result } = yield* ask("status", "status", "")
        expect(Object.keys(result)).toEqual([...all])
        yield* Effect.forEach(all, (server) => served(shell, server, next), { discard: true })
        for (const tag of executedBy(peers)) {
          const number = tagIn(tag)?.number ?? 0
          executions.set(number, (executions.get(number) ?? 0) + 1)
        }
        const problems = batch.map((step, at) => {
          const what = wrong(step, ends[at] ?? { kind: "never" }, calm, executions.get(step.number) ?? 0)
          return what === undefined ? [] : [`step ${step.number}, ${step.server}, ${step.action.kind}: ${what}`]
        })
        expect(problems.flat()).toEqual([])
      }
      expect([...executions].filter(([, times]) => times > 1)).toEqual([])
      const replies = shell.said.flatMap(({ event, id }) => (event === undefined ? [id] : []))
      expect(new Set(replies).size).toBe(replies.length)
      yield* ended(shell)
    }),
  180_000,
)

it.live(
  "commands to other servers are answered while one is frozen and one is down, and so is exit",
  () =>
    Effect.gen(function* () {
      const peers = yield* servers(yield* temporaryDirectory)
      const shell = yield* startShell({ servers: peers.entries })
      let number = 0
      const next = () => (number += 1)
      yield* Effect.forEach(all, (server) => served(shell, server, next), { discard: true })

      const pid = peers.localPid()
      yield* Effect.addFinalizer(() => Effect.sync(() => signal(pid, "SIGCONT")))
      signal(pid, "SIGSTOP")
      peers.sse.proxy.weather = "refused"
      peers.sse.proxy.cut()
      const waiting = { op: "call", tool: "count", args: { tag: tagOf(next(), "none"), payload: "x" } }
      shell.send({ ...waiting, id: "frozen", server: "local" }, { ...waiting, id: "down", server: "sse" })
      yield* shell.event("mcp.status.changed", "sse", ({ status }) => status === "pending")
      const { result } = yield* shell.ask({ id: "status", op: "status" })
      expect(result).toMatchObject({
        local: { status: "connected" },
        remote: { status: "connected" },
        sse: { status: "pending" },
      })
      yield* served(shell, "remote", next)
      expect((yield* shell.ask({ id: "tools", op: "tools", server: "remote" })).result.length).toBeGreaterThan(3)
      expect((yield* shell.ask({ id: "servers", op: "servers" })).result).toHaveLength(3)
      // Not answered so far, and not lost.
      expect(shell.said.filter(({ id }) => id === "frozen")).toEqual([])

      // A process that is stopped does not see that its stdin is closed.
      yield* ended(shell)
      expect(shell.said.filter(({ id }) => id === "frozen" || id === "down").map(({ ok }) => ok)).toEqual([
        false,
        false,
      ])
      yield* gone(pid)
    }),
  120_000,
)

it.live(
  "each command is answered once while servers die, freeze and forget, and the next one is served",
  () =>
    Effect.gen(function* () {
      const peers = yield* servers(yield* temporaryDirectory)
      const shell = yield* startShell({ servers: peers.entries })
      let number = 0
      const command = (server: string, fault: string) => {
        number += 1
        const args = { tag: tagOf(number, fault), payload: "x" }
        return { id: number, op: "call", server, tool: "count", args, timeout: fault === "silent" ? 300 : 60_000 }
      }
      /** Asked again until it is served, as a person would. */
      const served = (server: string): Effect.Effect<void> =>
        Effect.flatMap(shell.ask(command(server, "none")), (reply) =>
          reply.ok === true ? Effect.void : Effect.andThen(Effect.sleep(50), served(server)),
        )
      yield* shell.ask({ id: "tools", op: "tools" })

      // Healed within the call: its caller sees nothing of it.
      for (const fault of ["forget", "missing", "invalid", "busy", "unavailable", "delay", "duplicate", "junk"]) {
        expect(text(yield* shell.ask(command("remote", fault)))).toBe(`${tagOf(number, fault)} x`)
      }
      for (const fault of ["delay", "duplicate", "junk", "pieces"]) {
        expect(text(yield* shell.ask(command("local", fault)))).toBe(`${tagOf(number, fault)} x`)
      }
      // What cannot be healed fails with its reason.
      for (const fault of ["bad", "unauthorized", "broken", "gateway", "dropBefore", "page"]) {
        const reply = yield* shell.ask(command("remote", fault))
        expect(reply).toMatchObject({ ok: false, error: { message: expect.stringContaining("remote") } })
      }
      expect((yield* shell.ask(command("local", "silent"))).error?.message).toContain("300 ms")

      const disasters: ReadonlyArray<Effect.Effect<unknown>> = [
        Effect.suspend(() => {
          const pid = peers.localPid()
          signal(pid, "SIGKILL")
          return gone(pid)
        }),
        Effect.suspend(() => {
          const pid = peers.localPid()
          signal(pid, "SIGSTOP")
          return Effect.andThen(
            Effect.sleep(100),
            Effect.sync(() => signal(pid, "SIGCONT")),
          )
        }),
        Effect.sync(() => signal(peers.localPid(), "SIGUSR2")),
        peers.remote.restart("SIGKILL"),
        Effect.sync(() => peers.remote.proxy.cut()),
      ]
      for (const disaster of disasters) {
        const asked = Array.from({ length: 10 }, (_, at) => command(at % 2 === 0 ? "local" : "remote", "none"))
        shell.send(...asked)
        yield* disaster
        for (const { args, id } of asked) {
          const reply = yield* shell.reply(id)
          if (reply.ok === true) expect(text(reply)).toBe(`${args.tag} x`)
          else expect(reply.error?.message).not.toBe("")
        }
        yield* served("local")
        yield* served("remote")
      }

      // One reply to each, and no effect twice.
      const replies = shell.said.filter(({ event, id }) => event === undefined && typeof id === "number")
      expect(replies.map(({ id }) => id).sort((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: number }, (_, at) => at + 1),
      )
      const executed = executedBy(peers)
      expect(new Set(executed).size).toBe(executed.length)

      shell.send({ id: "end", op: "exit" })
      expect((yield* shell.reply("end")).result).toBe(true)
      expect(yield* shell.exit).toBe(0)
      expect(shell.processes()).toEqual([])
    }),
  120_000,
)
