/** A server behind a door that opens to one token alone. */
import * as Effect from "effect/Effect"
import { createServer, type IncomingMessage, request, type RequestListener, type ServerResponse } from "node:http"

/** A listener on loopback, as long as the Scope; gives its address. */
const listen = (answer: RequestListener) =>
  Effect.gen(function* () {
    const server = createServer(answer)
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(() => (server.closeAllConnections(), server.close())),
    )
    const address = server.address()
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/mcp`
  })

const forward = (url: string, asked: IncomingMessage, answer: ServerResponse) => {
  const { host: _, authorization: __, ...headers } = asked.headers
  const onward = request(url, { method: asked.method, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 500, response.headers)
    response.pipe(answer)
  })
  onward.on("error", () => answer.destroy())
  answer.on("close", () => onward.destroy())
  asked.pipe(onward)
}

/** The address of the door to the server at `url`, and what was sent by those who were not let in. */
export const front = (url: string, token: string) =>
  Effect.gen(function* () {
    const refused: Array<string> = []
    const address = yield* listen((request, response) => {
      const { authorization = "" } = request.headers
      if (authorization === `Bearer ${token}`) return forward(url, request, response)
      refused.push(authorization)
      return response.writeHead(401).end()
    })
    return { url: address, refused }
  })
