/** A correct server behind TLS of a test's own authority, and what becomes of connecting to it. */
import type { TlsOptions } from "node:tls"
import * as Effect from "effect/Effect"
import { connect } from "@opencode-ai/testing/client"
import { authority } from "@opencode-ai/testing/peers/certificates"
import { rawHttp, type RawHttpScript } from "@opencode-ai/testing/peers/raw-http"
import { secured } from "@opencode-ai/testing/peers/relay"

/** The authority. */
export const ours = authority()
export const home = ours.issue(["127.0.0.1", "localhost"])
export const client = ours.issue(["someone"])
/** It wants to know who asks. */
export const asks = { requestCert: true, rejectUnauthorized: true, ca: ours.cert }

/** A correct server behind TLS. */
export const server = (options: TlsOptions = {}, script: RawHttpScript = {}) =>
  Effect.gen(function* () {
    const plain = yield* rawHttp(script)
    const front = yield* secured(plain.url, { key: home.key, cert: home.cert, ...options })
    return { ...front, requests: plain.requests }
  })

/** A server's entry. */
export const entry = (url: string, tls: object = {}) => ({ type: "remote", url, tls, oauth: false })

/** Why it could not be connected to. */
export const failure = (url: string, tls?: object) =>
  Effect.map(Effect.scoped(Effect.flip(connect(entry(url, tls)))), ({ message }) => message)
