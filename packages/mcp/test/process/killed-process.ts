/** A process of its own with one local server, whose entry is its argument: it says when it is connected, and waits. */
import * as Effect from "effect/Effect"
import { Config, Mcp } from "../../src/index.ts"

const program = Effect.gen(function* () {
  const mcp = yield* Mcp
  const decoded = Config.decode("work", JSON.parse(process.argv[2] ?? "{}"))
  if (!("config" in decoded)) return yield* Effect.die("no configuration")
  const { status } = yield* mcp.add(decoded.config)
  yield* Effect.sync(() => process.stdout.write(`${status}\n`))
  return yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(Mcp.layer({ directory: process.cwd() })))

void Effect.runPromise(program)
