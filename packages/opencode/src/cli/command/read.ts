/** `read`: the contents of a resource. */
import { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import * as Content from "../content.ts"
import { Exit } from "../failure.ts"
import { progress } from "../live.ts"
import { Output } from "../output.ts"
import type { Options } from "../configuration.ts"
import { withServers } from "../session.ts"

export const read = (options: Options & { readonly server: string; readonly uri: string }) =>
  withServers(options, options.server, () =>
    Effect.gen(function* () {
      const output = yield* Output
      const mcp = yield* Mcp
      const { server, uri } = options
      const result = yield* progress(output, `Reading ${uri} of ${server}`, (report) =>
        mcp.readResource(server, uri, { onProgress: report }),
      )
      if (output.json()) yield* output.printExactly(result)
      else {
        const texts = yield* Effect.forEach(result.contents, Content.contents)
        for (const text of texts) yield* output.write(text.endsWith("\n") ? text : `${text}\n`)
      }
      return Exit.done
    }),
  )
