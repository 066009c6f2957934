/** What servers say, live; and what is asked of them beside calls. */
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV1Tasks, sdkV2, sdkV2Http } from "@opencode-ai/testing/peers/served"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json, world } from "./program.ts"

const lines = (text: string) => text.trim().split("\n")

const noisy = rawStdio({
  capabilities: { logging: {} },
  start: [{ do: "stderr", text: "starting\n" }],
  on: {
    "logging/setLevel": [
      { do: "result", result: {} },
      ...["debug", "warning", "error"].map((level) => ({
        do: "send" as const,
        message: { jsonrpc: "2.0", method: "notifications/message", params: { level, logger: "db", data: { level } } },
      })),
    ],
  },
})

describe("watch", () => {
  it.live("prints each event on a line of JSON, until it is interrupted", () =>
    Effect.gen(function* () {
      const { start, write } = yield* world
      const config = write("servers.json", { mcp: { a: noisy, b: sdkV2() } })
      const running = yield* start(["watch", "--json", "--config", config])
      yield* running.printed(/"b","status":"connected"/)
      yield* running.printed(/"line":"starting"/)
      running.kill("SIGINT")
      const { code, stdout } = yield* running.result
      expect(code).toBe(130)
      const events = lines(stdout).map((line) => JSON.parse(line))
      expect(events).toContainEqual({ event: "mcp.status.changed", data: { server: "a", status: "pending" } })
      expect(events).toContainEqual({ event: "mcp.stderr", data: { server: "a", line: "starting" } })
    }),
  )

  it.live("subscribes to a resource, and says when it changes", () =>
    Effect.gen(function* () {
      const { mcp, start, write } = yield* world
      const params = { uri: "test://text" }
      const update = { jsonrpc: "2.0", method: "notifications/resources/updated", params }
      const changes = rawStdio({
        capabilities: { resources: { subscribe: true } },
        on: {
          "resources/subscribe": [
            { do: "result", result: {} },
            { do: "send", message: update },
          ],
        },
      })
      for (const server of [changes, yield* sdkV2Http()]) {
        const config = write("servers.json", { mcp: { s: server } })
        const running = yield* start(["watch", "s", "--resource", "test://text", "--config", config])
        yield* running.printed(server === changes ? /\ts\tupdated\ttest:\/\/text\n/ : /\ts\tstatus\tconnected\n/)
        running.kill("SIGINT")
        expect((yield* running.result).code).toBe(130)
      }
      const stdio = yield* mcp({ s: sdkV2() }, ["watch", "--resource", "test://text"])
      expect([stdio.code, stdio.stderr]).toEqual([2, expect.stringContaining("mcp watch <server> --resource")])
    }),
  )

  it.live("ends where there is nothing left to watch", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const gone = yield* mcp({ s: { type: "local", command: ["no-such-program-of-this-test"] } }, ["watch"])
      expect(gone.code).toBe(3)
      expect(gone.stdout).toContain("\ts\tstatus\tfailed: could not start no-such-program-of-this-test")
    }),
  )

  it.live("ends when the last server ends, and not before", () =>
    Effect.gen(function* () {
      const { start, write } = yield* world
      const dying = (ms: number) =>
        rawStdio({
          on: {
            "notifications/initialized": [
              { do: "wait", ms },
              { do: "exit", code: 3 },
            ],
          },
        })
      const config = write("servers.json", { mcp: { first: dying(50), last: dying(800) } })
      const { code, stderr, stdout } = yield* (yield* start(["watch", "--config", config])).result
      expect(code).toBe(3)
      expect(stdout).toContain("\tfirst\tstatus\tfailed: ")
      expect(stdout).toContain("\tlast\tstatus\tfailed: ")
      expect(stderr).toContain("first is not connected (failed): ")
      expect(stderr).toContain("exited with code 3")
    }),
  )
})

describe("logs", () => {
  it.live("follows a server, from the level that is asked for", () =>
    Effect.gen(function* () {
      const { start, write } = yield* world
      const config = write("servers.json", { mcp: { s: noisy } })
      const running = yield* start(["logs", "s", "--follow", "--level", "warning", "--config", config])
      yield* running.printed(/"level":"error"/)
      running.kill("SIGINT")
      const { code, stdout } = yield* running.result
      expect(code).toBe(130)
      expect(lines(stdout)).toEqual([
        "s\tstderr\tstarting",
        `s\twarning\tdb: {"level":"warning"}`,
        `s\terror\tdb: {"level":"error"}`,
      ])
    }),
  )

  it.live("colours the levels on a terminal", () =>
    Effect.gen(function* () {
      const { terminal, write } = yield* world
      const config = write("servers.json", { mcp: { s: noisy } })
      const { raw } = yield* terminal(["logs", "--level", "warning", "--config", config])
      expect(raw).toContain("\u001b[31merror")
      expect(raw).toContain("\u001b[33mwarning")
      expect(raw).not.toContain("debug")
    }),
  )
})

describe("complete", () => {
  it.live("prints what an argument may be, by what others are", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const complete = (...words: ReadonlyArray<string>) => mcp({ s: sdkV2() }, ["complete", "s", ...words])
      expect((yield* complete("greet", "name", "Pa")).stdout).toBe("Paris\n")
      expect(lines((yield* complete("trip", "city", "", "country=Germany")).stdout)).toContain("Berlin")
      expect(json(yield* complete("greet", "name", "Pa", "--json"))).toMatchObject({ values: ["Paris"] })
      const near = yield* complete("gret", "name", "Pa")
      expect([near.code, near.stderr]).toEqual([
        2,
        `error: s offers no prompt or template "gret"; did you mean "greet"?\n`,
      ])
      const wrong = yield* complete("greet", "nam", "Pa")
      expect([wrong.code, wrong.stderr]).toEqual([2, `error: "greet" has no "nam"; did you mean "name"?\n`])
    }),
  )
})

describe("read", () => {
  it.live("makes a URI of a template and values", () =>
    Effect.gen(function* () {
      const { mcp, terminal, write } = yield* world
      const read = (...words: ReadonlyArray<string>) => mcp({ s: sdkV2() }, ["read", "s", ...words])
      expect((yield* read("test://item/{id}", "id=a b")).stdout).toContain("test://item/a%20b")
      const refused = [
        [["test://item/{id}"], `"test://item/{id}" needs a value for "id"`],
        [["test://item/{id}", "ids=1"], `"test://item/{id}" has no "ids"; did you mean "id"?`],
        [["test://item/{id}", "1"], `"1" is not name=value`],
        [["test://item/{id"], "an expression is not closed (column 13)"],
        [["test://text", "id=1"], "is no template"],
      ] as const
      for (const [words, why] of refused) {
        const { code, stderr } = yield* read(...words)
        expect([words, code]).toEqual([words, 2])
        expect(stderr).toContain(why)
      }
      const config = write("servers.json", { mcp: { s: sdkV2() } })
      const asked = yield* terminal(["read", "s", "test://item/{id}", "--config", config], { keys: [[/id ›/, "7\r"]] })
      expect(asked.text).toContain("test://item/7")
    }),
  )
})

describe("call --task", () => {
  it.live("calls as a task, and shows how that is", () =>
    Effect.gen(function* () {
      const { mcp, terminal, write } = yield* world
      const servers = { s: sdkV1Tasks({ pollInterval: 20 }) }
      const ran = yield* mcp(servers, ["call", "s", "either", "text=x", "--task", "--json"])
      expect(json(ran).structuredContent.ran).toBe("task")
      expect((yield* mcp(servers, ["call", "s", "either", "text=x", "--task=60000"])).code).toBe(0)
      const wrong = yield* mcp(servers, ["call", "s", "either", "text=x", "--task=soon"])
      expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--task=TTL")])
      const never = yield* mcp(servers, ["call", "s", "plain", "text=x", "--task"])
      expect([never.code, never.stderr]).toEqual([2, expect.stringContaining("as a task")])
      const config = write("servers.json", { mcp: servers })
      const { text } = yield* terminal(["call", "s", "asks", "--config", config], {
        keys: [
          ["What do you do?", "\r"],
          [/›/, "Ada\r"],
          ["Send it?", "\r"],
        ],
      })
      expect(text).toContain("Ada")
    }),
  )
})
