/** The page of a shell, beside the program at the other end of its pipe. */
import { openPage } from "@opencode-ai/testing/page"
import { sdkV1 } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { startShell } from "./client.ts"

const requestedSchema = { type: "object", properties: { name: { type: "string" } } }
const args = { params: { message: "Who are you?", requestedSchema } }

it.live("whoever answers first is the one who has answered: the pipe or the page", () =>
  Effect.gen(function* () {
    const shell = yield* startShell({ servers: { s: sdkV1() } })
    const { result } = yield* shell.ask({ id: "ui", op: "ui" })
    expect(yield* shell.ask({ id: "again", op: "ui" })).toMatchObject({ ok: true, result })
    const page = yield* openPage(result.url)
    const asked = (id: string) =>
      Effect.gen(function* () {
        shell.send({ id, op: "call", server: "s", tool: "elicit", args })
        const { data } = yield* shell.event("mcp.elicitation.requested", "s", ({ request }) => request === id)
        yield* page.until("questions", ({ questions }) => questions.some((each) => each.id === data.requestID))
        return data.requestID
      })
    const first = yield* asked("first")
    yield* page.ask("answer", { id: first, answer: { action: "accept", content: { name: "Ada" } } })
    expect(JSON.stringify(yield* shell.reply("first"))).toContain("Ada")
    const late = yield* shell.ask({ id: "late", op: "elicitation.reply", requestID: first, action: "decline" })
    expect(late.error?.tag).toBe("BadRequest")

    const second = yield* asked("second")
    yield* shell.ask({ id: "reply", op: "elicitation.reply", requestID: second, action: "decline" })
    yield* page.until("closed", ({ id, outcome }) => id === second && outcome === "answered")
    expect(JSON.stringify(yield* shell.reply("second"))).toContain("decline")

    const { result: own } = yield* shell.ask({ id: "add", op: "add", name: "mine", config: { ...sdkV1() } })
    expect(own.status).toBe("connected")
    expect(yield* page.ask("act", { server: "mine", action: "restart" })).toEqual({ ok: true, result: null })

    // At the end of its input it waits for what can still be answered on the page.
    const third = yield* asked("third")
    shell.end()
    yield* page.ask("answer", { id: third, answer: { action: "accept", content: { name: "Eve" } } })
    expect(JSON.stringify(yield* shell.reply("third"))).toContain("Eve")
    expect(yield* shell.exit).toBe(0)
    yield* page.ended
    expect(shell.processes()).toEqual([])
  }),
)

it.live("approves what the person has seen of a project's server, not what its file says by then", () =>
  Effect.gen(function* () {
    const shell = yield* startShell({ servers: { s: sdkV1() }, project: true })
    const { result } = yield* shell.ask({ id: "ui", op: "ui" })
    const page = yield* openPage(result.url)
    const shown = (text: string) =>
      Effect.map(
        page.until("servers", ({ servers }) => servers[0]?.review?.includes(text) === true),
        ({ servers }) => servers[0]?.form ?? "",
      )
    const seen = yield* shown("command")
    const entry = { ...sdkV1(), environment: { LD_PRELOAD: "/tmp/other.so" } }
    writeFileSync(shell.config, JSON.stringify({ mcp: { s: entry } }))
    yield* shell.ask({ id: "reload", op: "reload" })
    const approve = (form: string) => page.ask("act", { server: "s", action: "approve", form })
    const refused = yield* approve(seen)
    expect(refused).toMatchObject({ ok: false, error: { message: expect.stringContaining("changed again") } })
    expect((yield* shell.ask({ id: "status", op: "status" })).result.s.status).toBe("failed")
    expect(yield* shown("LD_PRELOAD")).not.toBe(seen)
    shell.end()
    expect(yield* shell.exit).toBe(0)
  }),
)
