/** X6: who is not let in where programs meet, what is found there that is nobody's, and which servers are not the same. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { join } from "node:path"
import { it } from "@opencode-ai/testing/effect"
import { isAlive } from "@opencode-ai/testing/peers/alive"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { nonce, proof } from "../../src/sharing/greeting.ts"
import type { OwnerRecord } from "../../src/sharing/place.ts"
import { isEvent, knownPid, meeting, type Program } from "./programs.ts"

/** Answers calls, and no request to read. */
const server = rawStdio({ on: { "resources/read": [] }, capabilities: { tools: {}, resources: {} } })

const fileIn = (directory: string, extension: string): string => {
  const name = readdirSync(directory).find((name) => name.endsWith(extension))
  return join(directory, name ?? `no ${extension}`)
}

const recordIn = (directory: string): OwnerRecord => JSON.parse(readFileSync(fileIn(directory, ".json"), "utf8"))

/** Somebody at the owner's socket. */
const stranger = (address: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = connect(address)
      let text = ""
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()))
      socket.on("error", () => undefined)
      return {
        say: (line: string) => void socket.write(`${line}\n`),
        /** The frames that came, once there are so many. */
        frames: (count: number) =>
          Effect.callback<ReadonlyArray<readonly [string, Record<string, unknown>]>>((resume) => {
            const look = () => {
              const lines = text.split("\n").slice(0, -1)
              if (lines.length < count) return void socket.once("data", () => setImmediate(look))
              resume(Effect.succeed(lines.map((line) => JSON.parse(line))))
            }
            look()
          }),
        text: () => text,
        closed: Effect.callback<void>((resume) => {
          if (socket.closed) return resume(Effect.void)
          socket.once("close", () => resume(Effect.void))
        }),
        socket,
      }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy()),
  )

/** Somebody who knows the secret, seated. */
const guest = (record: OwnerRecord) =>
  Effect.gen(function* () {
    const one = yield* stranger(record.address)
    const own = nonce()
    one.say(JSON.stringify(["hello", { nonce: own }]))
    const [greeting] = yield* one.frames(1)
    const theirs = String(greeting?.[1].nonce)
    expect(greeting?.[1].proof).toBe(proof(record.secret, "owner", theirs, own))
    one.say(JSON.stringify(["proof", proof(record.secret, "member", theirs, own)]))
    yield* one.frames(2)
    return one
  })

const warnings = ({ said }: Program) => said.filter(isEvent("mcp.warning")).map(({ data }) => String(data?.message))

describe("what lies where programs meet", () => {
  it.live("is for their person alone", () =>
    Effect.gen(function* () {
      const { directory, here } = yield* meeting
      yield* here(server)
      expect(statSync(directory).mode & 0o777).toBe(0o700)
      const names = readdirSync(directory)
      expect(names.map((name) => name.replace(/^.*\./, "")).toSorted()).toEqual(["json", "lock", "sock"])
      for (const name of names) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600)
    }),
  )

  it.live("is not trusted where others can write: the server is not shared, and the person is told", () =>
    Effect.gen(function* () {
      const { directory, here } = yield* meeting
      mkdirSync(directory)
      chmodSync(directory, 0o777)
      const before = process.env["TMPDIR"]
      const elsewhere = yield* temporaryDirectory
      mkdirSync(join(elsewhere, `opencode-mcp-${process.getuid?.()}`))
      chmodSync(join(elsewhere, `opencode-mcp-${process.getuid?.()}`), 0o755)
      process.env["TMPDIR"] = elsewhere
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (before === undefined) delete process.env["TMPDIR"]
          else process.env["TMPDIR"] = before
        }),
      )
      const [one, other] = [yield* here(server), yield* here(server)]
      expect(yield* knownPid(one)).not.toBe(yield* knownPid(other))
      expect(warnings(one).join()).toContain("open to other users; let it be yours alone (chmod 700)")
      expect(readdirSync(directory)).toEqual([])
    }),
  )

  it.live(
    "may be left of a program that is gone: it is cleared away, and no other process is taken for its server",
    () =>
      Effect.gen(function* () {
        const { directory, here } = yield* meeting
        const first = yield* here(server)
        const record = recordIn(directory)
        const lock = fileIn(directory, ".lock")
        const holder = JSON.parse(readFileSync(lock, "utf8"))
        const path = fileIn(directory, ".json")
        yield* first.end
        const innocent = yield* Effect.acquireRelease(
          Effect.sync(() => spawn("sleep", ["60"], { stdio: "ignore" })),
          (child) => Effect.sync(() => child.kill("SIGKILL")),
        )
        // The id of its server has been given to another process since; so has its own.
        const { pid = 0 } = innocent
        writeFileSync(path, JSON.stringify({ ...record, server: { ...record.server, pid, group: pid } }))
        writeFileSync(lock, JSON.stringify({ ...holder, pid, id: "theirs" }))
        writeFileSync(record.address, "")
        const next = yield* here(server)
        expect(isAlive(yield* knownPid(next))).toBe(true)
        expect(isAlive(pid)).toBe(true)
        expect(readdirSync(directory).length).toBe(3)
      }),
  )

  it.live("may be somebody else who listens: nothing is said to one who cannot prove to be the owner", () =>
    Effect.gen(function* () {
      const { directory, here } = yield* meeting
      yield* here(server)
      const heard: Array<string> = []
      const sockets = new Set<Socket>()
      const address = join(directory, "impostor.sock")
      const impostor = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => undefined)
        socket.on("data", (chunk: Buffer) => {
          heard.push(...chunk.toString().trim().split("\n"))
          socket.write(`${JSON.stringify(["proof", { nonce: "n", proof: "p".repeat(43) }])}\n`)
          socket.write(`${JSON.stringify(["welcome", { agreement: {} }])}\n`)
        })
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void impostor.listen(address, () => resume(Effect.void))),
        () =>
          Effect.sync(() => {
            for (const socket of sockets) socket.destroy()
            impostor.close()
          }),
      )
      writeFileSync(fileIn(directory, ".json"), JSON.stringify({ ...recordIn(directory), address }))
      const fooled = yield* here({ ...server, timeout: { startup: 500 } })
      expect(yield* fooled.does("servers")).toMatchObject([{ status: { status: "failed" } }])
      expect(heard.every((line) => JSON.parse(line)[0] === "hello")).toBe(true)
    }),
  )
})

describe("who comes to the owner's socket", () => {
  it.live("and cannot prove to know the secret is told nothing and cut off", () =>
    Effect.gen(function* () {
      const { directory, here } = yield* meeting
      const owner = yield* here(server)
      const { address } = recordIn(directory)
      const list = JSON.stringify(["message", { jsonrpc: "2.0", id: 1, method: "tools/list" }])
      const wrong = JSON.stringify(["proof", "x".repeat(43)])
      for (const lines of [["GET / HTTP/1.1"], [list], [wrong], [`["hello",{"nonce":"n"}]`, wrong], ["[".repeat(9)]]) {
        const one = yield* stranger(address)
        for (const line of lines) one.say(line)
        yield* one.closed
        expect(one.text()).not.toContain("message")
        expect(one.text()).not.toContain("welcome")
      }
      yield* owner.call("echo", { message: "as ever" })
    }),
  )

  it.live("and speaks garbage loses its own connection, and the others nothing", () =>
    Effect.gen(function* () {
      const { directory, here } = yield* meeting
      const owner = yield* here(server)
      const other = yield* here(server)
      const hanging = other.begin("read", "test://text")
      for (const line of [
        "garbage",
        `{"jsonrpc":"2.0","id":1,"method":"ping"}`,
        `["message",{"jsonrpc":"2.0","id":{},"method":"ping"}]`,
        `["message",{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}]`,
        `["message",null]`,
        `["welcome",{}]`,
      ]) {
        const one = yield* guest(recordIn(directory))
        one.say(line)
        yield* one.closed
      }
      yield* owner.first(() => warnings(owner).filter((warning) => warning.includes("cut off")).length === 6)
      expect(yield* owner.call("echo", { message: "a" })).toEqual({ text: `{"message":"a"}` })
      expect(yield* other.call("echo", { message: "b" })).toEqual({ text: `{"message":"b"}` })
      expect(other.said.some(({ id }) => id === hanging.id)).toBe(false)
    }),
  )

  it.live("gets no answer and no progress of another's, whatever ids it names", () =>
    Effect.gen(function* () {
      const { directory, here } = yield* meeting
      const owner = yield* here(server)
      const hanging = owner.begin("read", "test://text")
      yield* owner.call("echo", { message: "the server has it" })
      const one = yield* guest(recordIn(directory))
      for (let requestId = 0; requestId < 50; requestId++) {
        const message = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } }
        one.say(JSON.stringify(["message", message]))
        one.say(JSON.stringify(["message", { jsonrpc: "2.0", id: requestId, result: {} }]))
      }
      one.say(JSON.stringify(["message", { jsonrpc: "2.0", id: "mine", method: "ping" }]))
      yield* one.frames(3)
      expect(owner.said.some(({ id }) => id === hanging.id)).toBe(false)
      expect((yield* one.frames(3)).slice(2)).toEqual([["message", { jsonrpc: "2.0", id: "mine", result: {} }]])
    }),
  )
})

describe("a message that is too large", () => {
  it.live("costs its own call, whoever sends it, and the connection of nobody", () =>
    Effect.gen(function* () {
      const { here } = yield* meeting
      const entry = { ...server, limits: { message: 100_000 } }
      const owner = yield* here(entry)
      const other = yield* here(entry)
      const pid = yield* knownPid(other)
      const message = "x".repeat(100_000)
      expect(yield* Effect.flip(other.call("echo", { message }))).toContain("larger than the limit of 100000 bytes")
      // The owner may send it; what the server answers is too long.
      expect(yield* Effect.flip(owner.call("echo", { message }))).toContain("larger than the limit of 100000 bytes")
      for (const { call } of [owner, other]) yield* call("echo", { message: "x".repeat(10_000) })
      expect(yield* knownPid(other)).toBe(pid)
    }),
  )
})

describe("a server", () => {
  it.live("is another with another entry, in another project, or for a program that answers more", () =>
    Effect.gen(function* () {
      const { here } = yield* meeting
      const entry = server
      const project = yield* temporaryDirectory
      const programs = [
        yield* here(entry),
        yield* here({ ...entry, environment: { GREETING: "hello" } }),
        yield* here({ ...entry, command: [...entry.command, "--more"] }),
        yield* here(entry, { project }),
        yield* here({ ...entry, roots: false }),
        yield* here({ ...entry, shared: false }),
      ]
      const pids = yield* Effect.all(programs.map(knownPid))
      expect(new Set(pids).size).toBe(programs.length)
      // What does not concern the process does not matter.
      const same = yield* here({ ...entry, timeout: 9_000, trusted: true })
      expect([yield* knownPid(same)]).toEqual(pids.slice(0, 1))
    }),
  )
})
