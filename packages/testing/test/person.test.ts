import * as Effect from "effect/Effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { it } from "../src/effect.ts"
import { listening } from "../src/peers/authorization/http.ts"
import { person } from "../src/person.ts"
import { describe, expect } from "../src/runner.ts"

const callback = "http://127.0.0.1:1/done"
const asking = (origin: string) => `${origin}/start?redirect_uri=${encodeURIComponent(callback)}`

describe("person", () => {
  it.live("keeps cookies by their path, follows redirects, and fills in what a form asks for", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const origin = yield* listening((request: IncomingMessage, response: ServerResponse) => {
        const cookies = ["a=1; Path=/", "b=2; Path=/form; HttpOnly", "c=3; Path=/"]
        seen.push(`${request.method} ${request.url} ${request.headers.cookie ?? "-"}`)
        if (request.url?.startsWith("/start") === true)
          return response.writeHead(302, { location: "/form/page", "set-cookie": cookies }).end()
        if (request.method === "GET")
          return response
            .writeHead(200, { "content-type": "text/html", "set-cookie": "c=; Path=/; Max-Age=0" })
            .end(
              `<form method="post" action="/submit?x=1&amp;y=2"><input type="hidden" name="token" value="&quot;t&quot;">` +
                `<input name="login"><input type="checkbox" name="scope" value="a" checked>` +
                `<input type="checkbox" name="scope" value="b"><button name="decision" value="allow">Yes</button></form>`,
            )
        let body = ""
        request.on("data", (chunk: Buffer) => (body += chunk.toString()))
        request.on("end", () => {
          seen.push(body)
          response.writeHead(303, { location: `${callback}?code=1` }).end()
        })
      })
      const someone = person()
      expect(yield* someone.authorize(asking(origin), { login: "eve" })).toBe(`${callback}?code=1`)
      expect(seen).toEqual([
        `GET ${asking(origin).slice(origin.length)} -`,
        "GET /form/page a=1; b=2; c=3",
        "POST /submit?x=1&y=2 a=1",
        "token=%22t%22&login=eve&scope=a&decision=allow",
      ])
    }),
  )

  it.live("opens the callback, and shows what the page says", () =>
    Effect.gen(function* () {
      const origin = yield* listening((request, response) => {
        if (request.url?.startsWith("/done") === true) return response.writeHead(400).end(`no: ${request.url}`)
        response.writeHead(302, { location: "/done?error=access_denied" }).end()
      })
      const someone = person()
      const url = `${origin}/start?redirect_uri=${encodeURIComponent(`${origin}/done`)}`
      expect(yield* someone.visit(url)).toMatchObject({ status: 400, text: "no: /done?error=access_denied" })
      expect(someone.pages).toHaveLength(1)
    }),
  )

  it.live("is stopped by a page without a form, by an error, by a circle, and by nobody there", () =>
    Effect.gen(function* () {
      const origin = yield* listening((request, response) => {
        if (request.url?.startsWith("/start") === true) return response.writeHead(400).end("<p>bad <b>request</b></p>")
        response.writeHead(302, { location: "/again" }).end()
      })
      expect(yield* Effect.flip(person().authorize(asking(origin)))).toMatchObject({ status: 400, text: "bad request" })
      expect((yield* Effect.flip(person().authorize(`${origin}/again`))).text).toContain("no end")
      expect((yield* Effect.flip(person().open("http://127.0.0.1:1/"))).status).toBe(0)
    }),
  )
})
