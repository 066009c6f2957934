/** Small calls over stdio and Streamable HTTP: what one call costs, 64 of them in flight. */
import { rawServer, withHttpServer } from "../process.ts"
import type { Row, Scenario } from "../row.ts"
import type { Way } from "../subject.ts"
import { inRounds } from "./compete.ts"

const ways: ReadonlyArray<{ readonly way: Way; readonly title: string; readonly cpu: number; readonly rate: number }> =
  [
    { way: "fibres", title: "callers as fibres", cpu: 1.8, rate: 0.55 },
    { way: "promise", title: "through runPromise", cpu: 1.8, rate: 0.55 },
    { way: "signal", title: "through runPromise with an AbortSignal each", cpu: 2.4, rate: 0.4 },
  ]

const stdioRows = ways.flatMap(({ way, title, cpu, rate }): ReadonlyArray<Row> => [
  {
    id: `stdio.${way}.cpu`,
    work: `stdio, ${title}: CPU per call`,
    sampled: "microseconds of CPU per call",
    unit: "ratio",
    better: "lower",
    goal: cpu,
  },
  {
    id: `stdio.${way}.rate`,
    work: "– calls per second",
    sampled: "calls per second",
    unit: "ratio",
    better: "higher",
    goal: rate,
  },
])

export const stdio: Scenario = {
  rows: stdioRows,
  run: (measurement, wanted) => {
    const { inflight, stdioCalls: calls } = measurement.settings
    const asked = ways.filter(({ way }) => wanted.has(`stdio.${way}.cpu`) || wanted.has(`stdio.${way}.rate`))
    return inRounds({
      measurement,
      name: "stdio",
      rows: stdioRows.map((row) => row.id).filter((id) => wanted.has(id)),
      prepare: (worker) => worker.order({ op: "stdio", servers: [rawServer()] }),
      round: async (worker, subject, keep) => {
        for (const { way } of asked) {
          const { cpu, wall } = await worker.order({ op: "load", calls, inflight, way })
          if (!keep) continue
          measurement.sample(`stdio.${way}.cpu`, subject, (cpu * 1000) / calls)
          measurement.sample(`stdio.${way}.rate`, subject, (calls * 1000) / wall)
        }
      },
    })
  },
}

const http = (path: "json" | "sse", work: string, goal: number): Scenario => {
  const row: Row = {
    id: `http.${path}`,
    work,
    sampled: "microseconds of CPU per call",
    unit: "ratio",
    better: "lower",
    goal,
  }
  return {
    rows: [row],
    run: (measurement) => {
      const { httpCalls: calls, inflight } = measurement.settings
      return withHttpServer({}, (server) =>
        inRounds({
          measurement,
          name: `HTTP, ${path}`,
          rows: [row.id],
          prepare: (worker) => worker.order({ op: "http", url: server.url(path) }),
          round: async (worker, subject, keep) => {
            const { cpu } = await worker.order({ op: "load", calls, inflight, way: "fibres" })
            if (keep) measurement.sample(row.id, subject, (cpu * 1000) / calls)
          },
        }),
      )
    },
  }
}

export const httpJson = http("json", "Streamable HTTP, JSON answer: CPU per call", 1.5)
export const httpSse = http("sse", "Streamable HTTP, SSE answer: CPU per call", 1.7)
