/** `main.ts <entry> <directory> <name>`: an actor in a process of its own, that ends when its input does. */
import * as Effect from "effect/Effect"
import { createInterface } from "node:readline"
import { act } from "./actor.ts"

const [entry = "{}", directory = "", name = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const say = (said: object) => void process.stdout.write(`${JSON.stringify(said)}\n`)
  const take = yield* act({ entry: JSON.parse(entry), directory, name, say })
  yield* Effect.callback<void>((resume) => {
    const input = createInterface({ input: process.stdin })
    input.on("line", (line) => take(JSON.parse(line)))
    input.on("close", () => resume(Effect.void))
  })
})

Effect.runPromise(Effect.scoped(program)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(String(error))
    process.exit(1)
  },
)
