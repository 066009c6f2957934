import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import * as Scope from "effect/Scope"
import * as SessionLayer from "../mcp/src/session/session.ts"
import * as CapabilityLayer from "../mcp/src/capability/capabilities.ts"
import * as Stdio from "../mcp/src/transport/stdio.ts"
import { Transport } from "../mcp/src/transport/transport.ts"
import * as Method from "../mcp/src/protocol/method.ts"
import { subject as bare } from "./src/subject/bare.ts"
const server = { command: process.execPath, args: [import.meta.dir + "/src/server/stdio.ts"] }
const N = 40000,
  INFL = 64
const which = process.argv[2]
const measure = async (name: string, run: () => Promise<void>) => {
  for (let i = 0; i < 4; i++) {
    const c = process.cpuUsage()
    const t = performance.now()
    await run()
    const d = process.cpuUsage(c)
    console.log(
      name,
      ((d.user + d.system) / N).toFixed(2),
      "us cpu/call",
      (N / (performance.now() - t)).toFixed(1),
      "calls/ms",
    )
  }
}
if (which === "bare") {
  const [c] = await bare.stdio([server])
  await measure("bare", () => c!.load({ calls: N, inflight: INFL, way: "promise" }))
  await c!.close()
} else {
  const scope = Effect.runSync(Scope.make())
  const layer = SessionLayer.make({ server: "x" }).pipe(
    Layer.provide(
      Layer.succeed(Transport)({
        kind: "stdio",
        open: (r) => Stdio.open({ command: [server.command, ...server.args] as any }, r),
      }),
    ),
    Layer.provide(CapabilityLayer.none),
  )
  const ctx = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const s = Context.get(ctx, SessionLayer.Session)
  const call = (value: number) => s.request(Method.callTool, { name: "echo", arguments: { value } })
  const fibres = () => {
    let left = N
    const one = Effect.gen(function* () {
      while (left > 0) {
        yield* call(left--)
      }
    })
    return Effect.runPromise(
      Effect.forEach(Array.from({ length: INFL }), () => one, { concurrency: "unbounded", discard: true }),
    )
  }
  const prom = async () => {
    let left = N
    await Promise.all(
      Array.from({ length: INFL }, async () => {
        while (left > 0) await Effect.runPromise(call(left--))
      }),
    )
  }
  const sig = async () => {
    let left = N
    await Promise.all(
      Array.from({ length: INFL }, async () => {
        while (left > 0) await Effect.runPromise(call(left--), { signal: new AbortController().signal })
      }),
    )
  }
  await measure("fibres", fibres)
  await measure("promise", prom)
  await measure("signal", sig)
  await Effect.runPromise(Scope.close(scope, (await import("effect/Exit")).void))
}
