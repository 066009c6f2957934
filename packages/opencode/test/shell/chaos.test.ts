/** A shell whose servers are harmed, killed, frozen and made to forget goes on answering, and leaves nothing behind. */
import { tagOf } from "@opencode-ai/testing/chaos/faults"
import { gone, servers, signal } from "@opencode-ai/testing/chaos/servers"
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { type Said, startShell } from "./client.ts"

const text = ({ result }: Said): unknown => result?.content?.[0]?.text

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
      for (const fault of ["forget", "missing", "invalid", "delay", "duplicate", "junk"]) {
        expect(text(yield* shell.ask(command("remote", fault)))).toBe(`${tagOf(number, fault)} x`)
      }
      for (const fault of ["delay", "duplicate", "junk", "pieces"]) {
        expect(text(yield* shell.ask(command("local", fault)))).toBe(`${tagOf(number, fault)} x`)
      }
      // What cannot be healed fails with its reason.
      for (const fault of ["bad", "unauthorized", "busy", "broken", "unavailable", "dropBefore", "page"]) {
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
      const executed = [...peers.log.executed(), ...peers.remoteLog.executed()]
      expect(new Set(executed).size).toBe(executed.length)

      shell.send({ id: "end", op: "exit" })
      expect((yield* shell.reply("end")).result).toBe(true)
      expect(yield* shell.exit).toBe(0)
      expect(shell.processes()).toEqual([])
    }),
  120_000,
)
