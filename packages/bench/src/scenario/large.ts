/** Large things: a result of 1 MB in an event stream, one message of 32 MB, a catalogue of 5,000 tools. */
import { rawServer, withHttpServer } from "../process.ts"
import { median } from "../statistics.ts"
import type { Row, Scenario } from "../row.ts"
import { inFreshProcesses } from "./compete.ts"

const resultRow: Row = {
  id: "http.large.rss",
  work: "1 MB result, SSE: peak RSS",
  sampled: "bytes of peak resident memory",
  unit: "ratio",
  better: "lower",
  goal: 1.9,
}

export const largeResult: Scenario = {
  rows: [resultRow],
  run: (measurement) => {
    const { largeCalls, largeResult, runs } = measurement.settings
    return withHttpServer({ result: largeResult }, (server) =>
      inFreshProcesses({
        measurement,
        name: "1 MB result",
        rows: [resultRow.id],
        runs,
        run: async (worker, subject) => {
          await worker.order({ op: "http", url: server.url("sse") })
          const { peak } = await worker.order({ op: "load", calls: largeCalls, inflight: 1, way: "fibres" })
          measurement.sample(resultRow.id, subject, peak)
        },
      }),
    )
  },
}

const messageRow: Row = {
  id: "stdio.message",
  work: "one 32 MB stdio message: time",
  sampled: "milliseconds",
  unit: "ratio",
  better: "lower",
  goal: 1.0,
}

export const largeMessage: Scenario = {
  rows: [messageRow],
  run: (measurement) => {
    const { message, runs } = measurement.settings
    return inFreshProcesses({
      measurement,
      name: "32 MB message",
      rows: [messageRow.id],
      runs: measurement.settings.quick ? 1 : 3 * runs,
      run: async (worker, subject) => {
        await worker.order({ op: "stdio", servers: [rawServer({ result: message })] })
        const { wall } = await worker.order({ op: "load", calls: 1, inflight: 1, way: "fibres" })
        measurement.sample(messageRow.id, subject, wall)
      },
    })
  },
}

const listRows: ReadonlyArray<Row> = [
  {
    id: "list.time",
    work: "list 5,000 tools of 20 properties, pages of 100, warm: time",
    sampled: "milliseconds",
    unit: "ratio",
    better: "lower",
    goal: 1.2,
  },
  {
    id: "list.rss",
    work: "– peak RSS",
    sampled: "bytes of peak resident memory",
    unit: "ratio",
    better: "lower",
    goal: 1.15,
  },
]

export const list: Scenario = {
  rows: listRows,
  run: (measurement, wanted) => {
    const { lists, runs, tools } = measurement.settings
    return inFreshProcesses({
      measurement,
      name: "list",
      rows: listRows.map((row) => row.id).filter((id) => wanted.has(id)),
      runs,
      run: async (worker, subject) => {
        await worker.order({ op: "stdio", servers: [rawServer({ tools, properties: 20, page: 100 })] })
        const times: Array<number> = []
        let peak = 0
        for (let count = 0; count < lists; count++) {
          const report = await worker.order({ op: "list" })
          if (report.items !== tools) throw new Error(`${report.items} of ${tools} tools`)
          times.push(report.wall)
          peak = report.peak
        }
        // The first half warms the process up.
        measurement.sample("list.time", subject, median(times.slice(Math.floor(lists / 2))))
        measurement.sample("list.rss", subject, peak)
      },
    })
  },
}
