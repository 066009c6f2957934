/**
 * The peer of the chaos runs, on the official SDK (v2): `chaos/peer-main.ts stdio|http|sse <log>`. It writes each execution of a
 * tool into the log before it answers, with its own process id at its start. Over stdio it harms its own pipe, and
 * over HTTP+SSE its own stream, as tags ask.
 */
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio"
import { appendFileSync } from "node:fs"
import { Writable } from "node:stream"
import { type Features, number, schema, string, text } from "../peers/features/feature.ts"
import { sdkV2Host } from "../peers/sdk-v2-host.ts"
import { listen } from "../peers/web-http.ts"
import { nobody, tagIn } from "./faults.ts"
import { sseHost } from "./peer-sse.ts"

const [mode, log = "/dev/null"] = process.argv.slice(2)

// Synchronous: what was executed is known although the process is killed.
const note = (line: string) => appendFileSync(log, `${line}\n`)

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

const tools: Features = {
  count: [
    { description: "Executes", inputSchema: schema({ tag: string, payload: string }) },
    ({ payload, tag }) => {
      note(String(tag))
      return text(`${String(tag)} ${String(payload)}`)
    },
  ],
  steps: [
    { description: "Executes, and says how far it is", inputSchema: schema({ tag: string, steps: number }) },
    async ({ steps, tag }, { notify, progressToken }) => {
      note(String(tag))
      for (let progress = 1; progress <= Number(steps); progress++) {
        if (progressToken !== undefined) {
          await notify("notifications/progress", { progressToken, progress, message: String(tag) })
        }
        await pause(2)
      }
      return text(`${String(tag)} ${String(steps)}`)
    },
  ],
  linger: [
    { description: "Executes until it is cancelled, or two seconds", inputSchema: schema({ tag: string }) },
    async ({ tag }, { signal }) => {
      note(String(tag))
      await new Promise<void>((done) => {
        const timer = setTimeout(done, 2_000)
        signal.addEventListener("abort", () => {
          clearTimeout(timer)
          done()
        })
      })
      return text(`${String(tag)} lingered`)
    },
  ],
}

/** The faults of the requests that are under way, by their ids. */
const harmed = new Map<unknown, string>()
const seen = new Set<string>()

const learn = () => {
  let rest = ""
  process.stdin.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("latin1")).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      const found = tagIn(line)
      if (found === undefined || found.fault === "none" || seen.has(found.tag)) continue
      seen.add(found.tag)
      const { id } = JSON.parse(line)
      if (id !== undefined) harmed.set(id, found.fault)
    }
  })
}

const put = (line: string) => void process.stdout.write(line)

const harm = async (fault: string, line: string) => {
  const half = Math.floor(line.length / 2)
  switch (fault) {
    case "delay":
      await pause(40)
      return put(line)
    case "duplicate":
      return put(line + line)
    case "junk":
      return put(`Listening …\n{"jsonrpc":"2.0","id":${nobody},"result":{}}\n\n[]\n${line}`)
    case "pieces": {
      // Nothing else may come in between: a line is written whole, but for the reader.
      put(line.slice(0, half))
      return put(line.slice(half))
    }
    case "truncate":
      return put(`${line.slice(0, half)}\n`)
    case "corrupt":
      return put(`${line.slice(0, -2)}]\n`)
    case "foreign":
      return put(`${JSON.stringify({ ...JSON.parse(line), id: nobody })}\n`)
    default:
      return undefined
  }
}

const harmful = new Writable({
  decodeStrings: false,
  write(chunk: string | Buffer, _, done) {
    const line = chunk.toString()
    const { id, method } = JSON.parse(line)
    const fault = method === undefined ? harmed.get(id) : undefined
    harmed.delete(id)
    if (fault === undefined) put(line)
    else void harm(fault, line)
    done()
  },
})

note(`process ${process.pid}`)
const host = sdkV2Host({ tools })

if (mode === "http") listen((request) => host.http(request))
else if (mode === "sse") listen(sseHost(host.connect))
else {
  process.stdin.on("end", () => process.exit(0))
  learn()
  await host.connect(new StdioServerTransport(process.stdin, harmful))
  // In the middle of a line: what a crash leaves in a pipe.
  process.on("SIGUSR2", () => {
    process.stdout.write(`{"jsonrpc":"2.0","id":1,"res`, () => process.exit(7))
  })
}
