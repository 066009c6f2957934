/** `logout`: forgets what is kept of a server's sign-in, here and for every process that shares the store. */
import { CredentialStore, type Credentials as Kept } from "@opencode-ai/mcp/auth/store"
import { nearest } from "@opencode-ai/mcp/config/nearest"
import { McpError, ServerNotFound } from "@opencode-ai/mcp/error"
import { shownUrl } from "@opencode-ai/mcp/http/error"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { configured, layer, type Options } from "../configuration.ts"
import * as Credentials from "../credentials.ts"
import { Exit } from "../failure.ts"
import { Output } from "../output.ts"
import * as Text from "../text.ts"
import { chooseServer } from "./choose-server.ts"

export interface LogoutOptions extends Options {
  readonly server: string | undefined
}

/** What was kept, in words. */
const contents = ({ client, pending, tokens }: Kept): string => {
  const parts = [
    ...(tokens === undefined ? [] : ["the tokens"]),
    ...(client === undefined || client.origin === "configured" ? [] : ["the registered client"]),
    ...(pending === undefined ? [] : ["a sign-in that was begun"]),
  ]
  return parts.length === 0 ? "what was kept" : parts.join(" and ")
}

export const logout = (options: LogoutOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const store = yield* CredentialStore
    const snapshot = yield* configured
    const all = yield* Credentials.known(snapshot)
    const kept = all.filter(({ credentials }) => credentials !== undefined)
    const names = [...new Set(kept.map(({ place }) => place.server))]
    if (options.server === undefined && names.length === 0) {
      yield* output.json() ? output.printJson([]) : output.print("Nobody is signed in to any server.")
      return Exit.done
    }
    const name = options.server ?? (yield* chooseServer("Forget which sign-in?", names, "logout"))
    const isKnown = names.includes(name) || snapshot.servers.some((server) => server.name === name)
    if (!isKnown) {
      const every = [...new Set([...snapshot.servers.map((server) => server.name), ...names])]
      const reason = new ServerNotFound({ server: name, nearest: nearest(name, every), all: every })
      return yield* new McpError({ reason })
    }
    const forgotten: Array<{ readonly url: string; readonly text: string; readonly issuer: string | undefined }> = []
    for (const { credentials, place } of kept) {
      if (place.server !== name || credentials === undefined) continue
      yield* store.update(place, () => undefined)
      forgotten.push({ url: place.url, text: contents(credentials), issuer: credentials.issuer })
    }
    if (output.json()) {
      const removed = forgotten.map(({ issuer, url }) => ({ url, ...(issuer === undefined ? {} : { issuer }) }))
      yield* output.printJson({ server: name, removed })
      return Exit.done
    }
    const server = Text.oneLine(name)
    if (forgotten.length === 0) yield* output.print(`Nobody was signed in to ${server}.`)
    for (const { issuer, text, url } of forgotten) {
      const from = issuer === undefined ? "" : ` of ${Text.oneLine(issuer)}`
      yield* output.print(`${server} (${shownUrl(url)}): forgot ${text}${from}.`)
    }
    return Exit.done
  }).pipe(Effect.provide(Layer.merge(layer(options), Credentials.layer)))
