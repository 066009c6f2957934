/**
 * The raw Streamable HTTP server, on a bare TCP socket: `/json` answers in JSON, `/sse` as one event of a chunked
 * stream, `/counts` says what was asked. A GET has no stream (405). Prints its port as its only line.
 */
import { createServer } from "node:net"
import { makeAnswers, sizesFrom } from "./answers.ts"

const { answer, counts } = makeAnswers(sizesFrom(process.argv))

const json = (body: string) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

const sse = (body: string) => {
  const event = `event: message\ndata: ${body}\n\n`
  return (
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n" +
    `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n0\r\n\r\n`
  )
}

const accepted = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
const refused = "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n"

const respond = (head: string, body: string): string => {
  if (head.startsWith("GET /counts")) return json(JSON.stringify(counts))
  if (!head.startsWith("POST ")) return refused
  const text = answer(body)
  if (text === undefined) return accepted
  return head.startsWith("POST /sse") ? sse(text) : json(text)
}

const server = createServer({ noDelay: true }, (socket) => {
  // Requests are ASCII here: a byte is a character, so content-length counts characters.
  let rest = ""
  socket.setEncoding("latin1")
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk: string) => {
    rest += chunk
    for (;;) {
      const end = rest.indexOf("\r\n\r\n")
      if (end < 0) return
      const head = rest.slice(0, end)
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      if (rest.length < end + 4 + length) return
      const body = rest.slice(end + 4, end + 4 + length)
      rest = rest.slice(end + 4 + length)
      socket.write(respond(head, body))
    }
  })
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (typeof address === "object" && address !== null) process.stdout.write(`${address.port}\n`)
})
process.stdin.on("end", () => process.exit(0))
process.stdin.resume()
