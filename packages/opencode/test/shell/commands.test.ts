/** What a line may hold, and what is answered to those that hold something else. */
import { it } from "@opencode-ai/testing/effect"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { startShell } from "./client.ts"

const deep = (count: number) => `${"[".repeat(count)}${"]".repeat(count)}`

it.live("a line that is no command is answered with BadRequest and the place, and the next one works", () =>
  Effect.gen(function* () {
    const shell = yield* startShell()
    const lines: ReadonlyArray<readonly [line: string, place: string]> = [
      ["{oops}", "column 2"],
      ["", "nothing"],
      ["   ", "nothing"],
      ['{"op":"status"', "column"],
      ['{"op":"status",}', "column"],
      ["[1]", "object"],
      ["null", "object"],
      ['"status"', "object"],
      ["[".repeat(100_000), ""],
      [deep(100_000), ""],
      [`{"id":${deep(100_000)},"op":"status"}`, "deep"],
    ]
    for (const [line] of lines) shell.write(`${line}\n`)
    expect((yield* shell.ask({ id: 1, op: "status" })).result).toEqual({})
    const answers = shell.said.filter(({ id }) => id === null)
    expect(answers.map(({ error, ok }) => [ok, error?.tag])).toEqual(lines.map(() => [false, "BadRequest"]))
    for (const [index, [, place]] of lines.entries()) expect(answers[index]?.error?.message).toContain(place)
  }),
)

it.live("an operation or a field that is wrong is named, and the nearest one offered", () =>
  Effect.gen(function* () {
    const shell = yield* startShell()
    const refused = (command: { readonly op: string; readonly [field: string]: unknown }) =>
      Effect.map(shell.ask({ id: command, ...command }), ({ error }) => {
        expect(error?.tag).toBe("BadRequest")
        return error?.message ?? ""
      })
    expect(yield* refused({ op: "tols" })).toContain('did you mean "tools"')
    expect(yield* refused({ op: "__proto__" })).toContain("unknown operation")
    expect(yield* refused({ op: "constructor" })).toContain("unknown operation")
    expect(yield* refused({ op: "call", server: "s" })).toContain("tool: expected a string")
    expect(yield* refused({ op: "call", server: "s", tool: 3 })).toContain("tool: expected a string")
    expect(yield* refused({ op: "call", sever: "s", tool: "t" })).toContain('there is "sever"')
    expect(yield* refused({ op: "call", server: "s", tool: "t", args: [] })).toContain("args: expected an object")
    expect(yield* refused({ op: "call", server: "s", tool: "t", timeout: "1" })).toContain("timeout: expected")
    expect(yield* refused({ op: "call", server: "s", tool: "t", timeout: -1 })).toContain("timeout: expected")
    expect(yield* refused({ op: "prompt", server: "s", name: "p", args: { a: 1 } })).toContain("args: expected")
    expect(yield* refused({ op: "roots", roots: [{ uri: "http://x" }] })).toContain("roots: expected")
    expect(yield* refused({ op: "cancel" })).toContain("target")
    expect(yield* refused({ op: "add", name: "x", config: "y" })).toContain("config: expected an object")
    expect(yield* refused({ op: "call", server: "s", tool: "t", task: 1 })).toContain("task: expected true or")
    expect(yield* refused({ op: "call", server: "s", tool: "t", task: { ttl: -1 } })).toContain("task: expected")
    expect(yield* refused({ op: "subscribe", server: "s" })).toContain("uri: expected a string")
    expect(yield* refused({ op: "setLevel", server: "s", level: "loud" })).toContain("level: expected one of debug")
    const ref = { type: "ref/prompt", name: "p" }
    expect(yield* refused({ op: "complete", server: "s", ref: "p", argument: {} })).toContain("ref: expected")
    expect(yield* refused({ op: "complete", server: "s", ref, argument: "a" })).toContain("argument: expected")
    const argument = { name: "a", value: "v" }
    expect(yield* refused({ op: "complete", server: "s", ref, argument, context: { a: "b" } })).toContain("context: ")
    expect(yield* refused({ op: "task.get", server: "s" })).toContain("taskId: expected a string")
    expect(yield* refused({ op: "elicitation.reply", requestID: "x", action: "yes" })).toContain("action: expected")
    expect(yield* refused({ op: "elicitation.reply", requestID: "x", action: "accept", content: 1 })).toContain(
      "content",
    )
    expect(yield* refused({ op: "elicitation.reply", requestID: "x", action: "accept" })).toContain("no elicitation")
    expect(yield* refused({ op: "sampling.reply", requestID: "x" })).toContain("either result or error")
    const error = { code: -1, message: "no" }
    expect(yield* refused({ op: "sampling.reply", requestID: "x", error })).toContain("no sampling")
    const result = { role: "assistant", content: { type: "text", text: "x" }, model: "m" }
    expect(yield* refused({ op: "sampling.reply", requestID: "x", error, result })).toContain("either result or error")
    expect(yield* refused({ op: "sampling.reply", requestID: "x", result: "hello" })).toContain("result: expected")
    shell.write('{"id":"none"}\n{"id":"number","op":1}\n')
    expect((yield* shell.reply("none")).error?.message).toContain('"op"')
    expect((yield* shell.reply("number")).error?.message).toContain('"op"')
  }),
)

it.live("an id is any JSON value and comes back as it was; without one it is null", () =>
  Effect.gen(function* () {
    const shell = yield* startShell()
    for (const id of [0, -1.5, "", "x", true, [1, { b: [] }], { a: { b: null } }]) {
      expect((yield* shell.ask({ id, op: "status" })).id).toEqual(id)
    }
    expect((yield* shell.ask({ op: "status" })).id).toBe(null)
  }),
)

it.live("lines end at a line feed alone, wherever the bytes are cut", () =>
  Effect.gen(function* () {
    const shell = yield* startShell({ servers: { raw: rawStdio() } })
    const odd = "a\u2028b\u2029c\u0085d é € 😀"
    const line = Buffer.from(
      `\uFEFF${JSON.stringify({ id: odd, op: "call", server: "raw", tool: "echo", args: { odd } })}\r\n`,
    )
    for (const byte of line) shell.write(Uint8Array.of(byte))
    const answer = yield* shell.reply(odd)
    expect(JSON.parse(answer.result.content[0].text)).toEqual({ odd })

    const long = "x".repeat(20_000_000)
    const { result } = yield* shell.ask({ id: 2, op: "call", server: "raw", tool: "echo", args: { long } })
    expect(result.content[0].text.length).toBe(JSON.stringify({ long }).length)

    // Two lines in one write, the last of them without its end.
    shell.write('{"id":3,"op":"status"}\n{"id":4,"op":"status"}')
    yield* shell.reply(3)
    shell.end()
    expect((yield* shell.reply(4)).ok).toBe(true)
    expect(yield* shell.exit).toBe(0)
  }),
)

it.live("names that objects have by themselves are names like any other", () =>
  Effect.gen(function* () {
    const text = `{"mcp":{"__proto__":${JSON.stringify(rawStdio())},"constructor":${JSON.stringify(rawStdio())}}}`
    const shell = yield* startShell({ text })
    for (const server of ["__proto__", "constructor"]) {
      shell.write(`{"id":"${server}","op":"call","server":"${server}","tool":"echo","args":{"__proto__":{"a":1}}}\n`)
      expect((yield* shell.reply(server)).result.content[0].text).toBe('{"__proto__":{"a":1}}')
    }
    const { result } = yield* shell.ask({ id: 1, op: "status" })
    expect(Object.keys(result)).toEqual(["__proto__", "constructor"])
    const missing = yield* shell.ask({ id: 2, op: "call", server: "constructor", tool: "toString" })
    expect(missing.error?.tag).toBe("ToolNotFound")
    expect((yield* shell.ask({ id: 3, op: "ping", server: "toString" })).error?.tag).toBe("ServerNotFound")
  }),
)
