/** `auth list`: who is signed in to what, from what is kept. Nobody is asked. */
import type { AuthStatus } from "@opencode-ai/mcp/auth/oauth"
import { shownUrl } from "@opencode-ai/mcp/http/error"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { configured, layer, type Options } from "../configuration.ts"
import * as Credentials from "../credentials.ts"
import { Exit } from "../failure.ts"
import { Output, type Writer } from "../output.ts"
import * as Text from "../text.ts"

const looks: Readonly<Record<AuthStatus, readonly [colour: Text.Colour, words: string]>> = {
  authenticated: ["green", "authenticated"],
  expired: ["yellow", "expired"],
  not_authenticated: ["dim", "not authenticated"],
}

export const list = (options: Options) =>
  Effect.gen(function* () {
    const output = yield* Output
    const all = yield* Credentials.known(yield* configured)
    const now = yield* Clock.currentTimeMillis
    if (output.json()) yield* output.printJson(all.map((each) => Credentials.shown(each, now)))
    else if (all.length === 0) yield* output.print("No server can be signed in to, and nothing is kept.")
    else yield* output.print((output.out.terminal ? asTable : asLines)(all, now, output).join("\n"))
    return Exit.done
  }).pipe(Effect.provide(Layer.merge(layer(options), Credentials.layer)))

/** What a person calls it: a name that the configuration has no more, or has for another URL, is told so. */
const nameOf = ({ configured: isConfigured, place }: Credentials.Known): string =>
  isConfigured ? Text.oneLine(place.server) : `${Text.oneLine(place.server)} (${shownUrl(place.url)}, not configured)`

const words = (each: Credentials.Known, now: number) => {
  const { credentials, place } = each
  const status = Credentials.statusOf(credentials, now)
  const wanted = credentials?.wantedScope
  return {
    name: nameOf(each),
    status,
    issuer: credentials?.issuer ?? "",
    scopes: `${credentials?.tokens?.scope ?? ""}${wanted === undefined ? "" : ` (wanted: ${wanted})`}`.trim(),
    expires: Credentials.expiry(credentials, now),
    store: credentials === undefined ? "" : (place.store ?? "file"),
  }
}

const asLines = (all: ReadonlyArray<Credentials.Known>, now: number): ReadonlyArray<string> =>
  all.map((each) => {
    const { expires, issuer, name, scopes, status, store } = words(each, now)
    return [name, looks[status][1], issuer, scopes, expires, store].map(Text.oneLine).join("\t").trimEnd()
  })

const asTable = (all: ReadonlyArray<Credentials.Known>, now: number, { out }: Writer): ReadonlyArray<string> => {
  const shape: ReadonlyArray<Text.Column> = [
    { title: "SERVER", shrinks: 12 },
    { title: "STATUS" },
    { title: "ISSUER", shrinks: 16, expendable: 2 },
    { title: "SCOPES", shrinks: 10, expendable: 3 },
    { title: "EXPIRES", expendable: 1 },
    { title: "STORE", expendable: 4 },
  ]
  const rows = all.map((each): ReadonlyArray<Text.Cell> => {
    const { expires, issuer, name, scopes, status, store } = words(each, now)
    const [colour, text] = looks[status]
    return [
      { text: name, colour: "bold" },
      { text, colour },
      { text: Text.oneLine(issuer) },
      { text: Text.oneLine(scopes) },
      { text: expires },
      { text: store, colour: "dim" },
    ]
  })
  return Text.table(shape, rows, out.columns(), out.paint)
}
