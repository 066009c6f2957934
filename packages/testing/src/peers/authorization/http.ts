/** What the peers of the authorization suites share over HTTP: a listener in a Scope, requests as they came, answers. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A request as it arrived. Of a parameter that came several times, the values are joined with blanks. */
export interface Arrived {
  readonly method: string
  /** Path without the query. */
  readonly path: string
  readonly query: { readonly [name: string]: string | undefined }
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string | undefined }
  readonly text: string
  /** The body, where it is a form. */
  readonly form: { readonly [name: string]: string | undefined }
  /** The body, where it is a JSON object; empty where there is none. */
  readonly json: { readonly [name: string]: unknown }
}

interface Head {
  readonly status?: number
  readonly headers?: { readonly [name: string]: string }
}

/** An answer. */
export type Answer =
  | (Head & { readonly json: unknown })
  | (Head & { readonly html: string })
  | (Head & { readonly text: string })
  /** 302, unless a status says otherwise. */
  | (Head & { readonly redirect: string })
  /** The connection is destroyed without an answer. */
  | { readonly drop: true }

export const destroy = (response: ServerResponse) => {
  response.socket?.destroy()
  response.destroy()
}

const contentOf = (answer: Exclude<Answer, { drop: true }>): readonly [type: string, body: string] => {
  if ("json" in answer) return ["application/json", JSON.stringify(answer.json)]
  if ("html" in answer) return ["text/html; charset=utf-8", answer.html]
  return ["text/plain; charset=utf-8", "text" in answer ? answer.text : ""]
}

export const send = (response: ServerResponse, answer: Answer): void => {
  if ("drop" in answer) return destroy(response)
  const [type, body] = contentOf(answer)
  const location = "redirect" in answer ? { location: answer.redirect } : {}
  const status = answer.status ?? ("redirect" in answer ? 302 : 200)
  response.writeHead(status, { "content-type": type, "cache-control": "no-store", ...location, ...answer.headers })
  response.end(body)
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const joined = (params: URLSearchParams) =>
  Object.fromEntries([...new Set(params.keys())].map((name) => [name, params.getAll(name).join(" ")]))

const headersOf = (headers: IncomingHttpHeaders) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  )

export const arrived = (incoming: IncomingMessage, body: Buffer): Arrived => {
  const [path = "/", query = ""] = (incoming.url ?? "/").split("?", 2)
  const text = body.toString("utf8")
  const json = parsed(text)
  const isForm = incoming.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true
  return {
    method: incoming.method ?? "GET",
    path,
    query: joined(new URLSearchParams(query)),
    headers: headersOf(incoming.headers),
    text,
    form: isForm ? joined(new URLSearchParams(text)) : {},
    json: typeof json === "object" && json !== null && !Array.isArray(json) ? { ...json } : {},
  }
}

/** Everything that arrived, oldest first. */
export class Log<Entry> {
  readonly entries: Array<Entry> = []
  private readonly waiting = new Set<() => void>()

  add(entry: Entry) {
    this.entries.push(entry)
    for (const look of [...this.waiting]) look()
  }

  /** The first that fits, past or to come. */
  first(fits: (entry: Entry) => boolean): Effect.Effect<Entry> {
    return Effect.callback((resume) => {
      const look = () => {
        const found = this.entries.find(fits)
        if (found === undefined) return
        this.waiting.delete(look)
        resume(Effect.succeed(found))
      }
      this.waiting.add(look)
      look()
      return Effect.sync(() => this.waiting.delete(look))
    })
  }
}

/** Listens on a free port of 127.0.0.1 as long as the Scope; gives the origin. */
export const listening = (handle: RequestListener): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(handle)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      }),
  ).pipe(
    Effect.map((server) => {
      const address = server.address()
      return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
    }),
  )
