/** A process of its own with one server: `07-process.ts <credentials> <url>` calls as often as each line of its input says. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createInterface } from "node:readline"
import { CredentialStore } from "../../src/auth/store.ts"
import { Config, Mcp } from "../../src/index.ts"

const [path = "", url = ""] = process.argv.slice(2)

const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

const program = Effect.gen(function* () {
  const mcp = yield* Mcp
  const decoded = Config.decode("work", { type: "remote", url })
  if (!("config" in decoded)) return yield* Effect.die("no configuration")
  const { status } = yield* mcp.add(decoded.config)
  yield* say(status)
  const turn = (line: string) =>
    Effect.gen(function* () {
      const calls = Array.from({ length: Number(line) }, (_, index) =>
        mcp.callTool("work", "echo", { message: String(index) }),
      )
      const results = yield* Effect.exit(Effect.all(calls, { concurrency: "unbounded" }))
      yield* say(results._tag === "Success" ? `answered ${results.value.length}` : `failed ${String(results.cause)}`)
    })
  yield* Effect.callback<void>((resume) => {
    const input = createInterface({ input: process.stdin })
    input.on("line", (line) => void Effect.runPromise(turn(line)))
    input.on("close", () => resume(Effect.void))
  })
}).pipe(
  Effect.scoped,
  Effect.provide(Mcp.layer({ directory: process.cwd() }).pipe(Layer.provide(CredentialStore.file({ path })))),
)

Effect.runPromise(program).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(String(error))
    process.exit(1)
  },
)
