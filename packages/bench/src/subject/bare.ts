/**
 * The bare client: the same pipe or socket with nothing but `JSON.parse`, `JSON.stringify` and a map of pending ids.
 * It bounds nothing, times nothing out, and trusts every answer. It is written to be fast.
 */
import { spawn } from "node:child_process"
import { type Answer, type Connection, loadPromises, type Subject } from "../subject.ts"

interface Message {
  readonly id: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

type Request = (method: string, params: unknown) => Promise<unknown>

const connect = async (request: Request, notify: (method: string) => unknown, close: () => Promise<void>) => {
  await request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bare", version: "1" },
  })
  await notify("notifications/initialized")
  const listTools = async () => {
    const tools: Array<unknown> = []
    let cursor: string | undefined
    do {
      // The raw server is the only peer, and this is what it answers.
      const page = (await request("tools/list", cursor === undefined ? {} : { cursor })) as {
        readonly tools: ReadonlyArray<unknown>
        readonly nextCursor?: string
      }
      for (const tool of page.tools) tools.push(tool)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return tools
  }
  const call = (value: number) => request("tools/call", { name: "echo", arguments: { value } }) as Promise<Answer>
  const connection: Connection = { load: loadPromises(call), listTools, close }
  await listTools()
  return connection
}

const settle = (message: Message, resolve: (value: unknown) => void, reject: (error: Error) => void) =>
  message.error === undefined ? resolve(message.result) : reject(new Error(message.error.message))

const stdio = async (server: { readonly command: string; readonly args: ReadonlyArray<string> }) => {
  const child = spawn(server.command, server.args, { stdio: ["pipe", "pipe", "inherit"] })
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  const line = (text: string) => {
    const message: Message = JSON.parse(text)
    const waiter = pending.get(message.id)
    if (waiter === undefined) return
    pending.delete(message.id)
    settle(message, waiter.resolve, waiter.reject)
  }
  // The pieces of an unfinished line are joined once, when its end has come.
  let pieces: Array<string> = []
  child.stdout.setEncoding("utf8")
  child.stdout.on("data", (chunk: string) => {
    let end = chunk.indexOf("\n")
    if (end < 0) {
      pieces.push(chunk)
      return
    }
    let start = 0
    if (pieces.length > 0) {
      pieces.push(chunk.slice(0, end))
      line(pieces.join(""))
      pieces = []
      start = end + 1
      end = chunk.indexOf("\n", start)
    }
    for (; end >= 0; end = chunk.indexOf("\n", start)) {
      line(chunk.slice(start, end))
      start = end + 1
    }
    if (start < chunk.length) pieces.push(chunk.slice(start))
  })
  let next = 0
  const request: Request = (method, params) =>
    new Promise((resolve, reject) => {
      const id = next++
      pending.set(id, { resolve, reject })
      child.stdin.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }) + "\n")
    })
  const notify = (method: string) => child.stdin.write(JSON.stringify({ jsonrpc: "2.0", method }) + "\n")
  const close = () =>
    new Promise<void>((resolve) => {
      child.on("exit", () => resolve())
      child.stdin.end()
    })
  return connect(request, notify, close)
}

/** The data of the first event that is the answer; the whole stream is read, as one answer is all it carries. */
const fromEvents = (text: string): Message => {
  const start = text.indexOf("data: ") + 6
  return JSON.parse(text.slice(start, text.indexOf("\n", start)))
}

const http = async (url: string) => {
  const post = (body: unknown) =>
    fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2025-11-25",
      },
      body: JSON.stringify(body),
    })
  let next = 0
  const request: Request = async (method, params) => {
    const response = await post({ jsonrpc: "2.0", id: next++, method, params })
    const message =
      response.headers.get("content-type") === "text/event-stream"
        ? fromEvents(await response.text())
        : ((await response.json()) as Message)
    if (message.error !== undefined) throw new Error(message.error.message)
    return message.result
  }
  const notify = async (method: string) => {
    const response = await post({ jsonrpc: "2.0", method })
    await response.arrayBuffer()
  }
  return connect(request, notify, async () => {})
}

export const subject: Subject = { stdio: (servers) => Promise.all(servers.map(stdio)), http }
