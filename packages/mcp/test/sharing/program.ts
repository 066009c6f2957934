/**
 * A program of its own with one server, whose entry is its first argument and whose project the second: it does what the
 * lines of its input say, and writes what comes of each, and every event, as lines of JSON. Asked for a form, it fills in its
 * third argument. It ends when its input does.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { createInterface } from "node:readline"
import { Config, Elicitation, Level, Mcp } from "../../src/index.ts"

const [entry = "{}", directory = "", name = ""] = process.argv.slice(2)

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)

const layer = Mcp.layer({ directory }).pipe(
  Layer.provide(
    Layer.succeed(Elicitation)({
      modes: ["form"],
      elicit: () => Effect.succeed({ action: "accept", content: { name } }),
    }),
  ),
)

const program = Effect.gen(function* () {
  const mcp = yield* Mcp
  mcp.listen((event) => void say({ event: event.type, data: event.data }))
  const decoded = Config.decode("work", JSON.parse(entry))
  if (!("config" in decoded)) return yield* Effect.die("no configuration")
  const status = yield* mcp.add(decoded.config)
  const actions = (argument: unknown, request: number): Record<string, Effect.Effect<unknown, unknown>> => ({
    call: mcp.callTool("work", String(Object(argument).tool), Object(argument).arguments, { request }),
    subscribe: mcp.subscribe("work", String(argument)),
    unsubscribe: mcp.unsubscribe("work", String(argument)),
    setLevel: Level.isLevel(argument) ? mcp.setLevel("work", argument) : Effect.void,
    tools: Effect.map(mcp.tools("work"), (tools) => tools.length),
    read: mcp.readResource("work", String(argument)),
    servers: mcp.servers,
    tasks: mcp.tasks("work"),
    taskResult: mcp.taskResult("work", String(argument)),
    cancelTask: mcp.cancelTask("work", String(argument)),
    disconnect: mcp.disconnect("work"),
    connect: mcp.connect("work"),
  })
  const running = new Map<number, Fiber.Fiber<unknown, unknown>>()
  const turn = (line: string) => {
    const { argument, cancel, does, id } = JSON.parse(line)
    if (cancel !== undefined) return running.get(cancel)?.interruptUnsafe()
    const fiber = Effect.runFork(actions(argument, id)[does] ?? Effect.die(`what is ${does}?`))
    running.set(id, fiber)
    fiber.addObserver((exit) => {
      running.delete(id)
      say(Exit.isSuccess(exit) ? { id, result: exit.value ?? null } : { id, error: String(Cause.squash(exit.cause)) })
    })
  }
  say({ id: 0, result: status })
  yield* Effect.callback<void>((resume) => {
    const input = createInterface({ input: process.stdin })
    input.on("line", turn)
    input.on("close", () => resume(Effect.void))
  })
}).pipe(Effect.scoped, Effect.provide(layer))

Effect.runPromise(program).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(String(error))
    process.exit(1)
  },
)
