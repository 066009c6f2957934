/** A released OpenCode with the plugin as it is built, a model that answers by a script, and real servers. */
import { modelPeer, type ModelRequest, type ModelStep } from "@opencode-ai/testing/peers/model"
import { openCode, OpenCodeError, type Serving } from "@opencode-ai/testing/peers/opencode"
import { poll } from "@opencode-ai/testing/polling"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** A program for `BROWSER`, and the addresses that it was called with. */
export const browser = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const [program, file] = [join(directory, "browser"), join(directory, "opened")]
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$1" >> '${file}'\n`, { mode: 0o755 })
  writeFileSync(file, "")
  const opened = () => readFileSync(file, "utf8").split("\n").slice(0, -1)
  return { env: { BROWSER: program }, opened, next: (index: number) => poll(() => opened()[index]) }
})

/** The plugin, bundled as `bun run build` does it, once for a file of tests. */
export const built = (() => {
  const directory = mkdtempSync(join(tmpdir(), "mcp-plugin-"))
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }))
  const outfile = join(directory, "index.js")
  const cwd = fileURLToPath(new URL("..", import.meta.url))
  const args = ["run", "build", outfile]
  const { status, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" })
  if (status !== 0) throw new Error(`the plugin could not be built: ${stderr}`)
  return outfile
})()

export const packageName = "@opencode-ai/mcp-plugin"

const run = (command: string, args: ReadonlyArray<string>, cwd: string) => {
  const { status, stderr, stdout } = spawnSync(command, args, { cwd, encoding: "utf8" })
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`)
  return stdout.trim()
}

/** Puts the package, as it is packed, where OpenCode has packages of the registry: it asks for none that is there. */
export const installed = (home: string) => {
  const packed = mkdtempSync(join(tmpdir(), "mcp-plugin-"))
  const target = join(home, "cache", "opencode", "packages", `${packageName}@latest`, "node_modules", packageName)
  mkdirSync(join(packed, "dist"))
  mkdirSync(target, { recursive: true })
  cpSync(built, join(packed, "dist", "index.js"))
  cpSync(fileURLToPath(new URL("../package.json", import.meta.url)), join(packed, "package.json"))
  const file = run("npm", ["pack", "--silent", "--offline"], packed)
  run("tar", ["-xzf", join(packed, file), "--strip-components=1", "-C", target], packed)
  rmSync(packed, { recursive: true })
}

/** What hangs is over by then, in milliseconds. */
export const bound = 120_000

export interface Setting {
  readonly servers: object
  /** Default: this one. */
  readonly plugin?: ReadonlyArray<string>
  readonly script: ReadonlyArray<ModelStep>
  /** Of the plugin. */
  readonly options?: object
  /** What the model takes besides text. */
  readonly input?: ReadonlyArray<"image">
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** OpenCode with these servers and the plugin. */
export const world = Effect.fnUntraced(function* ({ env, input = [], options, plugin, script, servers }: Setting) {
  const model = yield* modelPeer(script)
  const modalities = { input: ["text", ...input], output: ["text"] }
  const own = [options === undefined ? built : [built, options]]
  const config = {
    ...model.config({ attachment: true, temperature: true, modalities }),
    plugin: plugin ?? own,
    mcp: servers,
  }
  const host = yield* openCode(config, env)
  return { model, host }
})

interface Session {
  readonly id: string
}

/** A session without a call to the model for its title. */
export const sessionOf = (serving: Serving) =>
  Effect.map(serving.ask("POST", "/session", { title: "test" }), (session): Session => Object(session))

/** A prompt, until the model has said its last word. */
export const prompt = (serving: Serving, { id }: Session, text: string) =>
  serving.ask("POST", `/session/${id}/message`, { parts: [{ type: "text", text }] })

/** The tools that the model was offered. */
export const toolsOf = ({ body: { tools = [] } }: ModelRequest) => tools.map((tool) => tool.function.name)

/** What the model was told last: the results of its calls. */
export const resultsOf = ({ body: { messages } }: ModelRequest) =>
  messages.filter(({ role }) => role === "tool").map(({ content }) => content)

/** The process that a tool of a peer's named in its result. */
export const processOf = (result: unknown) => {
  const [, pid] = /"pid":\s*(\d+)/.exec(String(result)) ?? []
  return Number(pid)
}

/** The toasts that OpenCode shows from now on; the first that fits is waited for. */
export const toasts = (serving: Serving) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    const waiting = new Set<() => void>()
    const signal = yield* Effect.abortSignal
    const response = yield* Effect.tryPromise({
      try: () => fetch(`${serving.url}/global/event`, { signal }),
      catch: (error) => new OpenCodeError({ detail: String(error) }),
    })
    const read = async () => {
      let text = ""
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true })
        const lines = text.split("\n")
        text = lines.pop() ?? ""
        seen.push(...lines.filter((line) => line.includes("tui.toast.show")))
        for (const look of [...waiting]) look()
      }
    }
    void read().catch(() => undefined)
    const first = (fits: RegExp) =>
      Effect.callback<string>((resume) => {
        const look = () => {
          const toast = seen.find((line) => fits.test(line))
          if (toast === undefined) return
          waiting.delete(look)
          resume(Effect.succeed(toast))
        }
        waiting.add(look)
        look()
        return Effect.sync(() => waiting.delete(look))
      })
    return { seen, first }
  })
