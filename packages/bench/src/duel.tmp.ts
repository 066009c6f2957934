// bare vs ours, alternating, in-process workers
import { startWorker, startHttpServer } from "/work/main/packages/bench/src/process.ts"
const path = process.argv[2] as "json" | "sse"
const server = await startHttpServer()
const ws = await Promise.all((["bare", "ours"] as const).map(async s => ({ s, w: await startWorker(s), v: [] as number[] })))
for (const { w } of ws) await w.order({ op: "http", url: server.url(path) })
for (let r = 0; r < 9; r++) for (const x of ws) { const { cpu } = await x.w.order({ op: "load", calls: 8000, inflight: 64, way: "fibres" }); if (r > 0) x.v.push(cpu * 1000 / 8000) }
const med = (a: number[]) => a.toSorted((p, q) => p - q)[Math.floor(a.length / 2)]!
const [b, o] = ws.map(x => med(x.v))
console.log(path, "bare", b!.toFixed(1), "ours", o!.toFixed(1), "ratio", (o! / b!).toFixed(3))
for (const { w } of ws) await w.close()
await server.close()
