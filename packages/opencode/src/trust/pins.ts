/**
 * The pins of tools, kept for the user: one file a server, below `mcp-pins` in the user's state, mode 0600.
 *
 * A server is told from another by its name and by what is run or reached; under the same name with another command it is
 * another server, and was never seen. Where pins cannot be kept they hold for as long as the program runs.
 */
import { Pins, type Form, type FormChanges, type Forms } from "@opencode-ai/mcp/catalog/pins"
import type { ServerConfig } from "@opencode-ai/mcp/config"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import * as State from "./state.ts"

const what = (server: ServerConfig): ReadonlyArray<unknown> =>
  server.type === "local" ? [...server.command, server.cwd ?? null] : [`${server.url.origin}${server.url.pathname}`]

/** The name of a server's file. It tells nothing: an argument may be a secret. */
const fileName = (server: ServerConfig): string => {
  const text = JSON.stringify([1, server.name, server.type, what(server)])
  return `${createHash("sha256").update(text).digest("hex").slice(0, 32)}.json`
}

const parse = (text: string): Forms | undefined => {
  const parsed = Result.getOrUndefined(Result.try((): unknown => JSON.parse(text)))
  const tools = isObject(parsed) ? parsed["tools"] : undefined
  if (!isObject(tools)) return undefined
  return new Map(Object.entries(tools).filter((each): each is [string, Form] => isObject(each[1])))
}

/** Pins in the user's state. */
export const layer: Layer.Layer<never, never, FileSystem.FileSystem | Path.Path> = Layer.effect(
  Pins,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const directory = paths.join(yield* State.directory, "mcp-pins")
    const one = yield* Semaphore.make(1)
    const fileOf = (server: ServerConfig) => paths.join(directory, fileName(server))

    const apply = (file: string, server: ServerConfig, changes: FormChanges) =>
      Effect.gen(function* () {
        // As it is now: another process may have approved something meanwhile.
        const forms = new Map(parse(yield* Effect.orElseSucceed(fs.readFileString(file), () => "")))
        for (const [tool, form] of changes) {
          if (form === undefined) forms.delete(tool)
          else forms.set(tool, form)
        }
        const text = JSON.stringify({ version: 1, server: server.name, tools: Object.fromEntries(forms) })
        yield* State.write(fs, paths, file, `${text}\n`)
      })

    return {
      // Read at once: nothing of a server is offered before.
      load: (server) =>
        Result.getOrUndefined(
          Result.map(
            Result.try(() => readFileSync(fileOf(server), "utf8")),
            parse,
          ),
        ),
      save: (server, changes) =>
        one.withPermits(1)(
          Effect.suspend(() => {
            const file = fileOf(server)
            return Effect.ignore(State.alone(fs, paths, file)(apply(file, server, changes)))
          }),
        ),
    }
  }),
)
