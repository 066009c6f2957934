/** Certificates are about the name in the URL, wherever its address came from; and who we are is told to few. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Guard from "../../src/http/guard.ts"
import * as Outbound from "../../src/http/outbound.ts"
import type { TlsSettings } from "../../src/http/tls.ts"
import { authority, clientCertificate, clientKey, serverCertificate, serverKey } from "./certificates.ts"
import { resolving, servingTls } from "./serving.ts"

const own = { key: serverKey, cert: serverCertificate }

/** A server that answers with what it knows of who asked, and counts its answers. */
const telling = (options: Parameters<typeof servingTls>[0]) => {
  let answers = 0
  const serving = servingTls({ ...own, ...options }, (socket, head) => {
    answers += 1
    // There is no subject where no certificate was shown, whatever the types say.
    const subject: { readonly CN?: unknown } | undefined = socket.getPeerCertificate()?.subject
    const host = /^host: (.*)\r$/im.exec(head)?.[1]
    return JSON.stringify({ host, sni: Reflect.get(socket, "servername"), client: subject?.CN ?? null })
  })
  return Effect.map(serving, ({ port }) => ({ port, answers: () => answers }))
}

const { layer } = resolving(["127.0.0.1"])

const ask = (url: string, tls: TlsSettings | undefined, guard: Guard.Guard = Guard.make(url)) =>
  Effect.provide(Outbound.request({ method: "GET", url, guard, networking: { tls } }), layer)

const failure = (...of: Parameters<typeof ask>) => Effect.map(Effect.flip(ask(...of)), ({ message }) => message)

describe("over TLS", () => {
  it.effect("the name in the URL is in SNI, in Host and on the certificate", () =>
    Effect.gen(function* () {
      const server = yield* telling({})
      const answer = yield* ask(`https://auth.test:${server.port}/`, { ca: authority })
      expect(yield* answer.json).toEqual({ host: `auth.test:${server.port}`, sni: "auth.test", client: null })
    }),
  )

  it.effect("a certificate for another name is refused, though the address is right", () =>
    Effect.gen(function* () {
      const server = yield* telling({})
      for (const host of ["other.test", "a.auth.test", "127.0.0.1"]) {
        const message = yield* failure(`https://${host}:${server.port}/`, { ca: authority })
        expect(message).toContain("its certificate is for another host")
      }
      expect(server.answers()).toBe(0)
    }),
  )

  it.effect("an authority that nobody named is not trusted", () =>
    Effect.gen(function* () {
      const server = yield* telling({})
      expect(yield* failure(`https://auth.test:${server.port}/`, undefined)).toContain(
        "an authority that is not trusted",
      )
      expect(server.answers()).toBe(0)
    }),
  )

  it.effect("a client certificate is shown to a host that the person configured, and to no other", () =>
    Effect.gen(function* () {
      const server = yield* telling({ requestCert: true, rejectUnauthorized: false, ca: authority })
      const tls = { ca: authority, cert: clientCertificate, key: Redacted.make(clientKey) }
      const url = `https://auth.test:${server.port}/`
      expect(yield* (yield* ask(url, tls)).json).toMatchObject({ client: "someone" })
      const elsewhere = yield* ask(url, tls, Guard.make("https://127.0.0.1/mcp"))
      expect(yield* elsewhere.json).toMatchObject({ client: null })
    }),
  )

  it.effect("a certificate that is none is told so, before anything is sent", () =>
    Effect.gen(function* () {
      const server = yield* telling({})
      const tls = { ca: authority, cert: "no certificate", key: Redacted.make(clientKey) }
      expect(yield* failure(`https://auth.test:${server.port}/`, tls)).toMatch(
        /"tls.cert" names the file ".*", which is not there/,
      )
      expect(server.answers()).toBe(0)
    }),
  )
})
