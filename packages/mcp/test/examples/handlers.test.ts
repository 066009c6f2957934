/** The examples of the documentation in which a plugin author answers servers: each replaces a capability by a Layer. */
import { execFileSync } from "node:child_process"
import { mkdirSync, realpathSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { identity } from "@opencode-ai/examples/elicitation"
import { ofWorktrees } from "@opencode-ai/examples/roots"
import { ollama } from "@opencode-ai/examples/sampling"
import { config, Recordings, testMcp } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { Mcp } from "../../src/index.ts"
import { isObject } from "../../src/protocol/jsonrpc.ts"

/** What the client answers to a request of a server, which was sent by the SDK's server. */
const asked = (method: string, params?: object) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp
    const { structuredContent } = yield* mcp.callTool("peer", "ask", {
      method,
      ...(params === undefined ? {} : { params }),
    })
    return isObject(structuredContent) ? structuredContent.result : undefined
  })

const connected = Effect.gen(function* () {
  const mcp = yield* Mcp
  expect(yield* mcp.add(config("peer", sdkV2()))).toEqual({ status: "connected" })
  const [initialize] = (yield* Recordings).wire("peer").messages("sent", "initialize")
  return initialize?.params?.capabilities
})

const git = (directory: string, ...args: ReadonlyArray<string>) =>
  Effect.sync(() => {
    const author = ["-c", "user.name=A", "-c", "user.email=a@b.example"]
    return execFileSync("git", [...author, ...args], {
      cwd: directory,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
  })

const repository = Effect.gen(function* () {
  const directory = join(realpathSync(yield* temporaryDirectory), "main")
  mkdirSync(directory)
  yield* git(directory, "init", "-q")
  yield* git(directory, "commit", "-q", "--allow-empty", "-m", "Begin")
  return directory
})

/** A model on this machine: Ollama's answer to `/api/chat`. */
const model = Effect.gen(function* () {
  const seen: Array<unknown> = []
  const server = createServer((request, response) => {
    let text = ""
    request.on("data", (chunk) => (text += String(chunk)))
    request.on("end", () => {
      seen.push(JSON.parse(text))
      response.end(JSON.stringify({ model: "llama", message: { role: "assistant", content: "Paris" }, done: true }))
    })
  })
  const url = yield* Effect.callback<string>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed(`http://127.0.0.1:${port}`))
    })
  })
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    }),
  )
  return { seen, url }
})

describe("a plugin's own", () => {
  it.live("sampling answers with a model of its own, within its own limits", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* model
      yield* Effect.gen(function* () {
        expect(yield* connected).toMatchObject({ sampling: {} })
        const params = {
          maxTokens: 50,
          systemPrompt: "Be brief.",
          messages: [{ role: "user", content: { type: "text", text: "The capital of France?" } }],
        }
        expect(yield* asked("sampling/createMessage", params)).toEqual({
          role: "assistant",
          model: "llama",
          content: { type: "text", text: "Paris" },
        })
        expect(seen).toEqual([
          {
            model: "llama",
            stream: false,
            options: { num_predict: 50 },
            messages: [
              { role: "system", content: "Be brief." },
              { role: "user", content: "The capital of France?" },
            ],
          },
        ])
        const mcp = yield* Mcp
        const long = { method: "sampling/createMessage", params: { ...params, maxTokens: 5_000 } }
        expect(JSON.stringify(yield* mcp.callTool("peer", "ask", long))).toContain("at most 1000 tokens")
        expect(seen).toHaveLength(1)
      }).pipe(Effect.provide(testMcp().pipe(Layer.provide(ollama("llama", url)))))
    }),
  )

  it.live("elicitation answers what git knows, and declines the rest", () =>
    Effect.gen(function* () {
      const directory = yield* repository
      yield* git(directory, "config", "user.name", "Ada Lovelace")
      yield* git(directory, "config", "user.email", "ada@example.org")
      const form = (properties: object, required: ReadonlyArray<string>) => ({
        mode: "form",
        message: "Who are you?",
        requestedSchema: { type: "object", properties, required },
      })
      yield* Effect.gen(function* () {
        expect(yield* connected).toMatchObject({ elicitation: { form: {} } })
        const name = { type: "string" }
        const email = { type: "string", format: "email" }
        expect(yield* asked("elicitation/create", form({ name, email }, ["name"]))).toEqual({
          action: "accept",
          content: { name: "Ada Lovelace", email: "ada@example.org" },
        })
        const answer = yield* asked("elicitation/create", form({ name, colour: { type: "string" } }, []))
        expect(answer).toEqual({ action: "decline" })
      }).pipe(Effect.provide(testMcp().pipe(Layer.provide(identity(directory)))))
    }),
  )

  it.live("roots are a repository's worktrees, and a new one is announced", () =>
    Effect.gen(function* () {
      const directory = yield* repository
      const root = (path: string, name: string) => ({ uri: pathToFileURL(path).href, name })
      yield* Effect.gen(function* () {
        expect(yield* connected).toEqual({ roots: { listChanged: true } })
        expect(yield* asked("roots/list")).toEqual({ roots: [root(directory, "main")] })
        yield* git(directory, "worktree", "add", "-q", "../feature")
        yield* (yield* Recordings).wire("peer").first("sent", "notifications/roots/list_changed")
        expect(yield* asked("roots/list")).toEqual({
          roots: [root(directory, "main"), root(join(directory, "../feature"), "feature")],
        })
      }).pipe(Effect.provide(testMcp().pipe(Layer.provide(ofWorktrees(directory)))))
    }),
  )
})
