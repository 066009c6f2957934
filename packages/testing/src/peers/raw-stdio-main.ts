/** The program behind `raw-stdio.ts`: `raw-stdio-main.ts <script as JSON>`. */
import { spawn } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import { type Rpc, standardAnswer } from "./raw-answer.ts"
import type { RawAction, RawScript } from "./raw-stdio.ts"
import { keep } from "./record-file.ts"

/** No peer outlives its test by more. */
const LIFETIME = 120_000

const script: RawScript = JSON.parse(process.argv[2] ?? "{}")
const waiting = new Set<{ readonly fits: (message: Rpc) => boolean; readonly go: () => void }>()
const held: Array<string | number> = []
let writing: Promise<void> = Promise.resolve()

const out = (chunk: Buffer) => new Promise<void>((done) => process.stdout.write(chunk, () => done()))

/** Writes in order; resolves when the pipe has taken everything. */
const write = (data: Buffer): Promise<void> => {
  writing = writing.then(async () => {
    const size = script.split ?? data.length
    for (let at = 0; at < data.length; at += size) {
      await out(data.subarray(at, at + size))
      if (script.split !== undefined) await new Promise<void>((next) => setImmediate(next))
    }
  })
  return writing
}

const send = (message: unknown) => {
  keep({ direction: "received", message })
  return write(Buffer.from(`${JSON.stringify(message)}\n`))
}

const fill = (value: unknown, request: Rpc): unknown => {
  if (value === "$id") return request.id
  if (value === "$params") return request.params
  if (Array.isArray(value)) return value.map((one) => fill(one, request))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, request)]))
}

const arrival = (fits: (message: Rpc) => boolean) =>
  new Promise<void>((go) => {
    const entry = {
      fits,
      go: () => {
        waiting.delete(entry)
        go()
      },
    }
    waiting.add(entry)
  })

const appearance = (file: string) =>
  new Promise<void>((done) => {
    const timer = setInterval(() => {
      if (!existsSync(file)) return
      clearInterval(timer)
      done()
    }, 10)
  })

const text = (length: number) => ({ content: [{ type: "text", text: "x".repeat(length) }] })

const grandchild = (action: Extract<RawAction, { do: "spawn" }>) => {
  const deaf = action.ignoreSigterm === true ? `process.on("SIGTERM", () => {});` : ""
  const code = `${deaf} setTimeout(() => {}, ${LIFETIME})`
  const child = spawn(process.execPath, ["-e", code], { detached: action.setsid === true, stdio: "ignore" })
  child.unref()
  writeFileSync(action.pidFile, String(child.pid))
}

const endless = async (request: Rpc, answer: boolean) => {
  const head = answer ? `{"jsonrpc":"2.0","id":${JSON.stringify(request.id)},"result":{"content":[{"text":"` : ""
  await write(Buffer.from(head))
  const block = Buffer.alloc(65_536, "y")
  while (true) await write(block)
}

const act = async (action: RawAction, request: Rpc): Promise<unknown> => {
  const answer = (result: unknown) => send({ jsonrpc: "2.0", id: request.id, result: fill(result, request) })
  switch (action.do) {
    case "result":
      return answer(action.result)
    case "error": {
      const { do: _, ...error } = action
      return send({ jsonrpc: "2.0", id: request.id, error: fill(error, request) })
    }
    case "send":
      return send(fill(action.message, request))
    case "ask": {
      const { do: _, ...ask } = action
      const answered = arrival((message) => message.method === undefined && message.id === action.id)
      await send({ jsonrpc: "2.0", ...ask })
      return answered
    }
    case "batch": {
      if (request.id !== undefined) held.unshift(request.id)
      if (held.length < action.size) return
      return send(held.splice(0).map((id) => ({ jsonrpc: "2.0", id, result: fill(action.result, { ...request, id }) })))
    }
    case "write": {
      const part = (one: string | ReadonlyArray<number>) =>
        typeof one === "string"
          ? Buffer.from(one.replaceAll("$id", JSON.stringify(request.id) ?? ""))
          : Buffer.from(one)
      return write(Buffer.concat(action.parts.map(part)))
    }
    case "huge":
      return write(Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", id: request.id, result: text(action.bytes) })}\n`))
    case "nest": {
      const nested = "[".repeat(action.depth) + "]".repeat(action.depth)
      const head = `{"jsonrpc":"2.0","id":${JSON.stringify(request.id)},"result":{"content":[],"structuredContent":{"a":`
      return write(Buffer.from(`${head}${nested}}}}\n`))
    }
    case "endless":
      return endless(request, action.answer === true)
    case "stderr":
      return new Promise<void>((done) => process.stderr.write(action.text, () => done()))
    case "await":
      return arrival((message) => message.method === action.method)
    case "until":
      return appearance(action.file)
    case "wait":
      return new Promise<void>((done) => setTimeout(done, action.ms))
    case "spawn":
      return grandchild(action)
    case "exit":
      await writing
      return process.exit(action.code)
    case "signal":
      await writing
      process.kill(process.pid, action.signal)
      return new Promise<void>(() => undefined)
  }
}

const run = async (actions: ReadonlyArray<RawAction>, request: Rpc) => {
  for (const action of actions) await act(action, request)
}

const receive = (message: Rpc) => {
  for (const entry of [...waiting]) if (entry.fits(message)) entry.go()
  if (message.method === undefined) return
  const actions = script.on?.[message.method]
  if (actions !== undefined) void run(actions, message)
  else if (message.id !== undefined) void send(standardAnswer(script, message))
}

const listen = () => {
  let rest = ""
  process.stdin.setEncoding("utf8")
  process.stdin.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      const message: unknown = JSON.parse(line)
      keep({ direction: "sent", message })
      for (const one of Array.isArray(message) ? message : [message]) receive(one)
    }
  })
  process.stdin.on("end", () => {
    keep({ event: "eof" })
    if (script.ignoreEnd !== true) void writing.then(() => process.exit(0))
  })
}

const terminated = () => {
  keep({ event: "SIGTERM" })
  if (script.ignoreSigterm === true) return
  process.off("SIGTERM", terminated)
  process.kill(process.pid, "SIGTERM")
}
process.on("SIGTERM", terminated)
process.stdout.on("error", () => process.exit(1))
setTimeout(() => process.exit(99), LIFETIME)
await run(script.start ?? [], {})
if (script.read !== false) listen()
