import { everything } from "@opencode-ai/testing/peers/published"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { poll } from "@opencode-ai/testing/polling"
import { fileRecord, recordTo } from "@opencode-ai/testing/recording"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { json, type Result, world } from "./program.ts"

const tool = (inputSchema: object) =>
  rawStdio({ tools: [{ name: "take", inputSchema: { type: "object", ...inputSchema } }] })

/** The arguments that the raw server got. */
const got = (result: Result) => JSON.parse(json(result).content[0].text)

/** Waits until a process hears SIGTERM: the fifteenth bit of what the kernel says that it catches. */
const listening = (pid: number) =>
  poll(() => {
    const [, caught = "0"] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? []
    return (BigInt(`0x${caught}`) & (1n << 14n)) === 0n ? undefined : true
  })

describe("call", () => {
  it.live("takes key=value pairs, typed by the tool's schema", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const properties = {
        text: { type: "string" },
        number: { type: "number" },
        flag: { type: "boolean" },
        list: { type: "array", items: { type: "integer" } },
        words: { type: "array", items: { type: "string" } },
        object: { $ref: "#/$defs/point" },
        either: { anyOf: [{ type: "integer" }, { type: "null" }] },
        level: { enum: ["low", "high"] },
        any: {},
      }
      const server = tool({ properties, $defs: { point: { type: "object" } } })
      const words = ["text=42", "number=-1.5", "flag=true", "list=1", "list=2", `words=["a=b"]`, `object={"x": 1}`]
      const result = yield* mcp({ s: server }, [
        "call",
        "s",
        "take",
        ...words,
        "either=null",
        "level=high",
        "any=[1]",
        "--json",
      ])
      expect(result.stderr).toBe("")
      expect(got(result)).toEqual({
        text: "42",
        number: -1.5,
        flag: true,
        list: [1, 2],
        words: ["a=b"],
        object: { x: 1 },
        either: null,
        level: "high",
        any: [1],
      })
    }),
  )

  it.live("says what is wrong with a pair, and ends with 2", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const properties = { count: { type: "integer" }, level: { enum: ["low", "high"] }, message: { type: "string" } }
      const server = { s: tool({ properties, required: ["message"] }) }
      const said = (...words: ReadonlyArray<string>) =>
        Effect.map(mcp(server, ["call", "s", "take", ...words]), ({ code, stderr, stdout }) => {
          expect([words, code, stdout]).toEqual([words, 2, ""])
          return stderr.trim()
        })
      expect(yield* said("mesage=x")).toBe(`error: take takes no argument "mesage"; did you mean "message"?`)
      expect(yield* said("count=1.5")).toBe(`error: argument "count": expected a whole number, found "1.5"`)
      expect(yield* said("level=hihg")).toBe(
        `error: argument "level": expected one of "low", "high", found "hihg"; did you mean "high"?`,
      )
      expect(yield* said("count=1", "count=2")).toContain("given more than once")
      expect(yield* said("count=1")).toBe(
        `error: required argument "message" missing; take takes (message: string, count?: integer, level?: "low"|"high")`,
      )
      expect(yield* said(`{"mesage": "x"}`)).toContain(`"mesage" is unknown, did you mean "message"?`)
      expect(yield* said("[1]")).toContain("the arguments of a tool are a JSON object")
    }),
  )

  it.live("points at the place where JSON is wrong", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const { code, stderr, stdout } = yield* mcp({ s: sdkV2() }, ["call", "s", "echo", `{"message": hi}`])
      expect([code, stdout]).toEqual([2, ""])
      expect(stderr.split("\n").slice(0, 3)).toEqual([
        "error: arguments: invalid JSON at line 1, column 13: expected a value (a string needs double quotes)",
        `  {"message": hi}`,
        `              ^`,
      ])
      const piped = yield* mcp({ s: sdkV2() }, ["call", "s", "echo", "-"], { stdin: `{\n  "message": "hi",\n}` })
      expect(piped.code).toBe(2)
      expect(piped.stderr).toContain(
        "standard input: invalid JSON at line 3, column 1: expected a name in double quotes",
      )
    }),
  )

  it.live("takes its arguments from standard input, and gives the result as it came", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const stdin = `{ "a": 1, "b": 2.5 }`
      const result = yield* mcp({ s: sdkV2() }, ["call", "s", "add", "-", "--json"], { stdin })
      expect(result.code).toBe(0)
      expect(json(result)).toEqual({
        content: [{ type: "text", text: `{"sum":3.5}` }],
        structuredContent: { sum: 3.5 },
      })
    }),
  )

  it.live("prints text and structured content once, writes pictures and sound to files, and shows links", () =>
    Effect.gen(function* () {
      const { directory, mcp } = yield* world
      const sum = yield* mcp({ s: sdkV2() }, ["call", "s", "add", "a=1", "b=2"])
      expect(sum.stdout).toBe(`{"sum":3}\n`)
      const { code, stdout } = yield* mcp({ s: sdkV2() }, ["call", "s", "content"])
      expect(code).toBe(0)
      const [text, image, audio, link, resource, embedded] = stdout.trimEnd().split("\n")
      expect(text).toBe("words")
      const picture = image?.replace(/^image image\/png, \d+ bytes: /, "") ?? ""
      expect(picture).toStartWith(directory)
      expect(readFileSync(picture).subarray(1, 4).toString()).toBe("PNG")
      expect(audio).toMatch(/^audio audio\/wav, 44 bytes: .*\/result\.wav$/)
      expect(link).toBe("resource test://text  text – text/plain")
      expect([resource, embedded]).toEqual(["resource test://text", "embedded"])
    }),
  )

  it.live("ends with 1 where the tool or the server answers with an error", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const failed = yield* mcp({ s: sdkV2() }, ["call", "s", "fail"])
      expect(failed).toEqual({ code: 1, stdout: "it failed\n", stderr: "error: fail of s answered with an error\n" })
      const exactly = yield* mcp({ s: sdkV2() }, ["call", "s", "fail", "--json"])
      expect(exactly.code).toBe(1)
      expect(json(exactly)).toEqual({ content: [{ type: "text", text: "it failed" }], isError: true })
      const refused = yield* mcp({ s: sdkV2() }, ["call", "s", "refuse", "--json"])
      expect(refused.code).toBe(1)
      expect(json(refused).error).toMatchObject({ tag: "Protocol", code: -32602, data: { why: "asked for" } })
      expect(refused.stderr).toStartWith("error: s: tools/call: ")
    }),
  )

  it.live("offers the nearest server and tool, and ends with 2", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const servers = { everything: sdkV2(), other: sdkV2() }
      const server = yield* mcp(servers, ["call", "evrything", "echo"])
      expect([server.code, server.stderr]).toEqual([
        2,
        `error: no server "evrything" is configured; did you mean "everything"?\n`,
      ])
      const name = yield* mcp(servers, ["call", "everything", "ecko", "--json"])
      expect(name.code).toBe(2)
      expect(json(name).error).toEqual({
        tag: "ToolNotFound",
        message: `everything offers no tool "ecko"; did you mean "echo"?`,
      })
    }),
  )

  it.live("takes a tool's key for its name", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const { stdout } = yield* mcp({ "my server": sdkV2() }, ["call", "my server", "my_server_echo", "message=hi"])
      expect(stdout).toBe("hi\n")
    }),
  )

  it.live("ends with 3 where the server cannot be reached, and starts no other one", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const record = yield* fileRecord
      const servers = {
        off: { ...sdkV2(), enabled: false },
        gone: { type: "remote", url: "http://127.0.0.1:9/mcp" },
        other: recordTo(record, sdkV2()),
      }
      const off = yield* mcp(servers, ["call", "off", "echo"])
      expect([off.code, off.stdout]).toEqual([3, ""])
      expect(off.stderr).toContain("off is not connected (disabled)")
      const gone = yield* mcp(servers, ["call", "gone", "echo", "--json"])
      expect(gone.code).toBe(3)
      expect(json(gone).error.tag).toBe("NotConnected")
      expect(gone.stderr).toContain("could not reach http://127.0.0.1:9/mcp")
      expect(record.lines()).toEqual([])
    }),
  )

  it.live.each(["SIGINT", "SIGTERM"] as const)("%s cancels the call, closes the server and ends", (signal) =>
    Effect.gen(function* () {
      const { processes, start, write } = yield* world
      const record = yield* fileRecord
      const config = write("servers.json", { mcp: { s: recordTo(record, sdkV2()) } })
      const running = yield* start(["call", "s", "hang", "--json", "--config", config])
      yield* record.first(
        (line) => "message" in line && JSON.stringify(line.message).includes("notifications/progress"),
      )
      running.kill(signal)
      const result = yield* running.result
      expect(result.code).toBe(signal === "SIGINT" ? 130 : 143)
      expect(json(result)).toEqual({ error: { tag: "Cancelled", message: "interrupted" } })
      expect(result.stderr).toBe("interrupted\n")
      expect(record.wire().messages("sent").at(-1)).toMatchObject({ method: "notifications/cancelled" })
      expect(processes()).toEqual([])
    }),
  )

  it.live("ends and says so when it is told to before it has loaded anything", () =>
    Effect.gen(function* () {
      const { processes, start, write } = yield* world
      const config = write("servers.json", { mcp: { s: sdkV2() } })
      const running = yield* start(["call", "s", "hang", "--json", "--config", config])
      yield* listening(running.pid)
      running.kill("SIGTERM")
      // Once more, as impatient people do.
      running.kill("SIGTERM")
      const result = yield* running.result
      expect([result.code, json(result)]).toEqual([143, { error: { tag: "Cancelled", message: "interrupted" } }])
      expect(result.stderr).toBe("interrupted\n")
      expect(processes()).toEqual([])
    }),
  )

  it.live("says nothing where its reader went away", () =>
    Effect.gen(function* () {
      const { directory, write } = yield* world
      const config = write("servers.json", { mcp: { everything } })
      const main = new URL("../../src/main.ts", import.meta.url).pathname
      const shell = `"${process.execPath}" "${main}" tools --json --config "${config}" | true; echo "\${PIPESTATUS[0]}"`
      const child = Bun.spawn(["bash", "-c", shell], { cwd: directory, stdout: "pipe", stderr: "pipe" })
      const [stdout, stderr] = yield* Effect.promise(() => Promise.all([child.stdout.text(), child.stderr.text()]))
      expect([stdout, stderr]).toEqual(["0\n", ""])
    }),
  )

  it.live("keeps a stack trace for --log-level debug", () =>
    Effect.gen(function* () {
      const { mcp } = yield* world
      const plain = yield* mcp({ s: sdkV2() }, ["call", "s", "refuse"])
      expect(plain.stderr).not.toMatch(/^\s+at /m)
      const debug = yield* mcp({ s: sdkV2() }, ["call", "s", "refuse", "--log-level", "debug"])
      expect(debug.stderr).toMatch(/^\s+at /m)
    }),
  )
})
