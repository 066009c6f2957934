/** The released OpenCode, from the start of its process to the first request to a model that offers all tools. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const plugin = join(root, "packages/plugin")

const output = (args: ReadonlyArray<string>, cwd: string): string => {
  const { status, stderr, stdout } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" })
  if (status !== 0) throw new Error(`${args.join(" ")}: ${stderr.trim()}`)
  return stdout.trim()
}

/** The path of the binary, which is installed when first needed. */
export const findOpenCode = (): string => output([join(root, "scripts/opencode.ts")], root)

/** The plugin as it is shipped, built into a directory. */
export const buildPlugin = (directory: string): string => {
  const file = join(directory, "plugin.js")
  output(["run", "build", file], plugin)
  return file
}

const ticksPerSecond = 100

/** Parent and CPU time of each process, in milliseconds; that of children which ended is their parent's. */
const processes = (): ReadonlyMap<number, { readonly parent: number; readonly cpu: number }> => {
  const all = new Map<number, { readonly parent: number; readonly cpu: number }>()
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
      all.set(Number(name), { parent: Number(fields[1]), cpu: (ticks * 1000) / ticksPerSecond })
    } catch {
      // It has just ended.
    }
  }
  return all
}

/** What a process and its descendants have used, in milliseconds. */
const treeCpu = (pid: number): number => {
  const all = processes()
  const isWithin = (each: number): boolean => each === pid || (each > 1 && isWithin(all.get(each)?.parent ?? 0))
  return [...all].reduce((sum, [each, { cpu }]) => (isWithin(each) ? sum + cpu : sum), 0)
}

const bodyOf = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of incoming) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** One answer of the model: a call of a tool that is built in, or the last word. */
const speak = (response: ServerResponse, goesOn: boolean) => {
  const call = { index: 0, id: "call", type: "function", function: { name: "glob", arguments: '{"pattern":"none"}' } }
  const chunk = (delta: object, finish_reason: string | null) =>
    response.write(
      `data: ${JSON.stringify({ id: "chat", object: "chat.completion.chunk", created: 0, model: "tiny", choices: [{ index: 0, delta, finish_reason }] })}\n\n`,
    )
  response.writeHead(200, { "content-type": "text/event-stream" })
  chunk({ role: "assistant", ...(goesOn ? { tool_calls: [call] } : { content: "Done." }) }, null)
  chunk({}, goesOn ? "tool_calls" : "stop")
  response.end("data: [DONE]\n\n")
}

export interface Started {
  /** Milliseconds until a request to the model had all the tools. */
  readonly wall: number
  /** What OpenCode and its servers had used until then, in milliseconds. */
  readonly cpu: number
  /** How many requests came before. */
  readonly early: number
}

/** Where a person has an OpenCode with these servers. */
export interface Home {
  readonly start: (binary: string) => Promise<Started>
  /** As if no server had ever been seen. */
  readonly forget: () => void
}

/** A home in a directory. `tools`: how many tools the servers have, all called `s…`; `plugins` as in opencode.json. */
export const makeHome = (
  directory: string,
  options: { readonly servers: object; readonly plugins: ReadonlyArray<string>; readonly tools: number },
): Home => {
  const [home, project] = [join(directory, "home"), join(directory, "project")]
  const own = join(home, "config", "opencode")
  for (const each of [own, project, join(own, "node_modules")]) mkdirSync(each, { recursive: true })
  // As if the package of types that OpenCode installs beside a configuration were there.
  const dependencies = { "@opencode-ai/plugin": "1.18.33" }
  writeFileSync(join(own, "package.json"), JSON.stringify({ dependencies }))
  writeFileSync(join(own, "package-lock.json"), JSON.stringify({ packages: { "": { dependencies } } }))
  const env = {
    PATH: process.env["PATH"],
    PWD: project,
    HOME: home,
    XDG_CONFIG_HOME: join(home, "config"),
    XDG_DATA_HOME: join(home, "data"),
    XDG_STATE_HOME: join(home, "state"),
    XDG_CACHE_HOME: join(home, "cache"),
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
  }
  const start = async (binary: string): Promise<Started> => {
    let pid = 0
    let early = 0
    let seen: Started | undefined
    let began = 0
    const model = createServer((incoming, response) => {
      const at = performance.now()
      void bodyOf(incoming).then((body) => {
        const { tools = [] }: { readonly tools?: ReadonlyArray<{ readonly function: { readonly name: string } }> } =
          JSON.parse(body)
        const offered = tools.filter((tool) => tool.function.name.startsWith("s") && /^s\d+_/.test(tool.function.name))
        if (seen !== undefined || offered.length < options.tools) {
          if (seen === undefined) early += 1
          return speak(response, seen === undefined && early < 50)
        }
        seen = { wall: at - began, cpu: treeCpu(pid), early }
        return speak(response, false)
      })
    })
    model.listen(0, "127.0.0.1")
    await once(model, "listening")
    const address = model.address()
    const port = typeof address === "object" ? address?.port : 0
    const config = {
      permission: "allow",
      share: "disabled",
      model: "scripted/tiny",
      provider: {
        scripted: {
          npm: "@ai-sdk/openai-compatible",
          options: { baseURL: `http://127.0.0.1:${port}/v1`, apiKey: "none" },
          models: { tiny: { limit: { context: 200_000, output: 8_192 } } },
        },
      },
      plugin: options.plugins,
      mcp: options.servers,
    }
    writeFileSync(join(own, "opencode.json"), JSON.stringify(config))
    began = performance.now()
    const child = spawn(binary, ["run", "--title", "bench", "Go on."], { cwd: project, env, stdio: "ignore" })
    pid = child.pid ?? 0
    try {
      const patience = setTimeout(() => child.kill("SIGKILL"), 120_000)
      await once(child, "exit")
      clearTimeout(patience)
    } finally {
      model.close()
      model.closeAllConnections()
    }
    if (seen === undefined)
      throw new Error(`no request to the model had all ${options.tools} tools; ${early} had fewer`)
    return seen
  }
  return {
    start,
    forget: () => rmSync(join(home, "cache", "opencode", "mcp-catalog"), { recursive: true, force: true }),
  }
}
