/** The same server, written by hand, over each transport that a hazard is of. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { LocalPeer, RemotePeer } from "@opencode-ai/testing/peers/launch"
import type { Standard } from "@opencode-ai/testing/peers/raw-answer"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"

export interface Over {
  readonly name: string
  /** The entry of a server that answers so. */
  readonly serve: (script?: Standard) => Effect.Effect<LocalPeer | RemotePeer, never, Scope.Scope>
}

const http = (answers: "json" | "sse"): Over => ({
  name: `Streamable HTTP, ${answers}`,
  serve: (script) => Effect.map(rawHttp({ ...script, answers }), ({ url }) => ({ type: "remote", url })),
})

export const both: ReadonlyArray<Over> = [
  { name: "stdio", serve: (script) => Effect.succeed(rawStdio(script)) },
  http("json"),
  http("sse"),
]
