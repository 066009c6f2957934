/** What serves MCP over HTTP on the SDKs: web-standard handlers on loopback, events that can be resumed, streams to wait for. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Readable } from "node:stream"

type Handle = (request: Request) => Promise<Response>

/** Has a web-standard handler answer a request of `node:http` whose body was read. */
export const answer = async (handle: Handle, incoming: IncomingMessage, body: Buffer, response: ServerResponse) => {
  const gone = new AbortController()
  response.on("close", () => gone.abort())
  const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)])
  const method = incoming.method ?? "GET"
  const request = new Request(`http://${incoming.headers.host}${incoming.url}`, {
    method,
    headers,
    signal: gone.signal,
    ...(method === "POST" ? { body: new Uint8Array(body) } : {}),
  })
  const given = await handle(request)
  response.writeHead(given.status, Object.fromEntries(given.headers))
  response.flushHeaders()
  if (given.body === null) return void response.end()
  const stream = Readable.fromWeb(given.body)
  response.on("close", () => stream.destroy())
  stream.on("error", () => response.destroy())
  stream.pipe(response)
}

export const bodyOf = async (incoming: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Prints `listening <url>`, which `serve` in `launch.ts` waits for. Ends with stdin. */
export const listen = (handle: Handle): void => {
  const server = createServer((incoming, response) => {
    bodyOf(incoming)
      .then((body) => answer(handle, incoming, body, response))
      .catch(() => response.destroy())
  })
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    process.stdout.write(`listening http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/mcp\n`)
  })
  process.stdin.on("end", () => process.exit(0))
  process.stdin.resume()
}

/** Events of a session's streams, so that a client can resume them. */
export class Events<Message> {
  private readonly events: Array<{ readonly stream: string; readonly message: Message }> = []

  async storeEvent(stream: string, message: Message): Promise<string> {
    return String(this.events.push({ stream, message }))
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.events[Number(id) - 1]?.stream
  }

  async replayEventsAfter(
    last: string,
    { send }: { readonly send: (id: string, message: Message) => Promise<void> },
  ): Promise<string> {
    const from = Number(last)
    const stream = this.events[from - 1]?.stream ?? ""
    for (const [at, event] of this.events.entries()) {
      if (at >= from && event.stream === stream) await send(String(at + 1), event.message)
    }
    return stream
  }
}

/** The streams on which clients hear what belongs to no request. */
export class Listeners {
  private readonly open = new Set<string>()
  private readonly waiting = new Set<() => void>()

  opened(session: string) {
    this.open.add(session)
    for (const go of this.waiting) go()
  }

  /** Waits until the session has one, so that nothing is said into the void; two seconds for a client that opens none. */
  async of(session: string | undefined) {
    if (session === undefined || this.open.has(session)) return
    await new Promise<void>((done) => {
      const go = () => {
        if (this.open.has(session)) done()
      }
      this.waiting.add(go)
      setTimeout(done, 2000)
    })
  }
}
