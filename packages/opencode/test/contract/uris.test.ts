/** What a server calls a resource is no path of this machine's: `read` asks the server, and names its files itself. */
import { it } from "@opencode-ai/testing/effect"
import { type HttpRequest, rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { json, world } from "../cli/program.ts"

const uris = ["file:///etc/passwd", "../../../etc/passwd", "/etc/passwd", "\\\\host\\share\\secret", "~/.ssh/id_rsa"]

/** A server whose contents are as a test says. */
const serving = (contents: object) =>
  Effect.map(
    rawHttp({
      capabilities: { resources: {} },
      check: false,
      on: {
        "resources/read": ({ rpc }: HttpRequest) => ({
          json: { jsonrpc: "2.0", id: rpc.id, result: { contents: [contents] } },
        }),
      },
    }),
    (peer) => ({
      servers: { a: { type: "remote", url: peer.url } },
      asked: () => peer.of("resources/read").map(({ rpc }) => Object(rpc.params).uri),
    }),
  )

/** Every file below a directory but for what Bun keeps of the program, and the test's own configuration. */
const files = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const file = relative(directory, join(entry.parentPath, entry.name))
    // What is kept of servers has names of its own, whatever they say.
    const isOwn =
      /^(?:home\/\.bun\/|home\/\.(?:state|cache)\/opencode\/mcp-(?:pins|audit|catalog)|servers\.json$)/.test(file)
    return entry.isFile() && !isOwn ? [file] : []
  })

describe("read", () => {
  it.live("asks the server for whatever looks like a path, and prints what that says", () =>
    Effect.gen(function* () {
      const { directory, mcp } = yield* world
      const { asked, servers } = yield* serving({ uri: "file:///etc/passwd", text: "the server's own words" })
      const read = yield* mcp(servers, ["read", "a", "file:///etc/passwd"])
      expect([read.code, read.stdout]).toEqual([0, "the server's own words\n"])
      const before = files(directory)
      for (const uri of uris.slice(1)) {
        expect(json(yield* mcp(servers, ["read", "a", uri, "--json"])).contents[0].text).toBe("the server's own words")
      }
      expect(asked()).toEqual(uris)
      expect(files(directory)).toEqual(before)
    }),
  )

  it.live("writes what is no text into a directory and under a name of its own", () =>
    Effect.gen(function* () {
      const { directory, mcp } = yield* world
      const blob = Buffer.from("the blob").toString("base64")
      for (const [uri, mimeType] of [
        ["../../../escaped", "../../../escaped"],
        ["file:///tmp/escaped", "image/png/../../escaped"],
        ["\\\\host\\escaped", "text/x\u0000escaped\u001b[2J"],
      ] as const) {
        const { servers } = yield* serving({ uri, mimeType, blob })
        const before = files(directory)
        const { code, stdout } = yield* mcp(servers, ["read", "a", "file:///etc/passwd"])
        expect(code).toBe(0)
        const made = files(directory).filter((file) => !before.includes(file))
        expect(made.length).toBe(1)
        expect(made[0]).toMatch(/(^|\/)opencode-mcp-\w+\/result\.bin$/)
        expect(readFileSync(join(directory, String(made[0])), "utf8")).toBe("the blob")
        expect(stdout).toContain(String(made[0]))
        expect(stdout).not.toMatch(/[\u0000\u001b]/)
      }
    }),
  )
})
