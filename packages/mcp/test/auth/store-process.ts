/** What the tests of the store run in processes of their own: `store-process.ts <what> <path> <name> <count>`. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { readFileSync, writeFileSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { make } from "../../src/auth/store/file.ts"

const [what = "", path = "", name = "", times = "1"] = process.argv.slice(2)
const count = Number(times)
const place = { server: "issues", url: "https://example.com/mcp" }
const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))
const store = make({ path })

/** Tokens whose text tells every update that was made. */
const append = (mark: string) =>
  store.update(place, (current) => ({
    ...current,
    issuer: "https://login.example.com",
    tokens: {
      access: Redacted.make(
        `${current?.tokens === undefined ? "" : Redacted.value(current.tokens.access)} ${mark}`.trim(),
      ),
      type: "DPoP",
    },
  }))

const each = (body: (index: number) => Effect.Effect<unknown, unknown>) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => index),
    body,
    { discard: true },
  )

const programs: Record<string, Effect.Effect<unknown, unknown>> = {
  updates: each((index) => append(`${name}-${index}`)),
  /** Is given back when the process ends, and not before. */
  hold: store.exclusively(place, Effect.andThen(say("holding"), Effect.never)),
  /** Adds to a number in a file, with time in between for others to do the same. */
  exclusively: each(() =>
    store.exclusively(
      place,
      Effect.gen(function* () {
        const before = Number(readFileSync(name, "utf8"))
        yield* Effect.sleep(5)
        writeFileSync(name, String(before + 1))
      }),
    ),
  ),
  /** Writes a lot without end. */
  flood: Effect.andThen(
    say("writing"),
    Effect.forever(
      store.update(place, (current) => ({
        tokens: {
          access: Redacted.make(`${Number(current?.tokens?.scope ?? 0) + 1}`.padEnd(200_000, "x")),
          scope: String(Number(current?.tokens?.scope ?? 0) + 1),
          type: "Bearer",
        },
      })),
    ),
  ),
  /**
   * What OpenCode does: reads the file, adds an entry, writes the file in place. It knows no lock, so that what it writes
   * by what it had read before another writer came is lost by its own doing: it leaves time for what went astray.
   */
  opencode: each((index) =>
    Effect.andThen(
      Effect.promise(async () => {
        const file = await readFile(path, "utf8").then(JSON.parse, () => ({}))
        const entry = { tokens: { accessToken: String(index) } }
        await writeFile(path, JSON.stringify({ ...file, [`${name}-${index}`]: entry }, null, 2))
      }),
      Effect.sleep(150),
    ),
  ),
}

Effect.runPromise(programs[what] ?? Effect.die(`unknown: ${what}`)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  },
)
