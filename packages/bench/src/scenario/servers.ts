/** Many servers at once. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { rawServerOnNode, timeCommand, tinyServer, withHttpServer, withWorker } from "../process.ts"
import type { Measurement, Row, Scenario } from "../row.ts"
import { inFreshProcesses } from "./compete.ts"

export const inTemporaryDirectory = async (use: (directory: string) => Promise<void>) => {
  const directory = await mkdtemp(join(tmpdir(), "mcp-bench-"))
  try {
    await use(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const connectRow: Row = {
  id: "connect",
  work: "20 local servers connected in parallel: time",
  sampled: "milliseconds",
  unit: "ratio",
  better: "lower",
  goal: 1.05,
}

export const connect: Scenario = {
  rows: [connectRow],
  run: (measurement) =>
    inTemporaryDirectory(async (directory) => {
      const server = await rawServerOnNode(directory)
      const servers = Array.from({ length: measurement.settings.servers }, () => server)
      await inFreshProcesses({
        measurement,
        name: "parallel connecting",
        rows: [connectRow.id],
        runs: measurement.settings.quick ? 1 : measurement.settings.runs * 2 + 1,
        run: async (worker, subject) => {
          const { wall } = await worker.order({ op: "stdio", servers })
          measurement.sample(connectRow.id, subject, wall)
        },
      })
    }),
}

/** Rows that only this client has: one run, and whatever goes wrong is its own. */
const alone =
  (rows: ReadonlyArray<Row>, name: string, run: (measurement: Measurement) => Promise<void>): Scenario["run"] =>
  async (measurement) => {
    measurement.at(name)
    try {
      await run(measurement)
    } catch (error) {
      for (const row of rows) measurement.failed(row.id, "ours", error)
    }
  }

const turnRows: ReadonlyArray<Row> = [
  {
    id: "turn.time",
    work: "tools() per model turn, 50 servers × 100 tools, nothing changed",
    sampled: "milliseconds",
    unit: "ms",
    better: "lower",
    goal: 1,
  },
  {
    id: "turn.requests",
    work: "– list requests per turn",
    sampled: "requests",
    unit: "count",
    better: "lower",
    goal: 0,
  },
]

export const turn: Scenario = {
  rows: turnRows,
  run: alone(turnRows, "tools() per turn", async (measurement) => {
    const { offeredServers, offeredTools, rounds } = measurement.settings
    await withHttpServer({ tools: offeredTools, properties: 5 }, (server) =>
      withWorker("ours", async (worker) => {
        const urls = Array.from({ length: offeredServers }, () => server.url("json"))
        const { items } = await worker.order({ op: "offer", urls })
        if (items !== offeredServers * offeredTools) throw new Error(`${items} tools are offered`)
        const turns = 200
        for (let round = 0; round <= rounds; round++) {
          const before = await server.counts()
          const { wall } = await worker.order({ op: "turns", turns })
          const after = await server.counts()
          if (round === 0) continue
          measurement.sample("turn.time", "ours", wall / turns)
          measurement.sample("turn.requests", "ours", (after.lists - before.lists) / turns)
        }
      }),
    )
  }),
}

const readyRow: Row = {
  id: "ready",
  work: "tools offered after start, 20 servers, last catalogue known",
  sampled: "milliseconds",
  unit: "ms",
  better: "lower",
  goal: 50,
}

export const ready: Scenario = {
  rows: [readyRow],
  run: alone([readyRow], "tools offered after start", (measurement) =>
    inTemporaryDirectory(async (directory) => {
      const { offeredTools, quick, runs, servers: count } = measurement.settings
      const cache = join(directory, "cache")
      const server = await rawServerOnNode(directory, { tools: offeredTools, properties: 5 })
      const servers = Array.from({ length: count }, () => server)
      const all = count * offeredTools
      for (let run = 0; run <= (quick ? 1 : runs * 2 + 1); run++) {
        await withWorker("ours", async (worker) => {
          await worker.order({ op: "keeping", cache })
          const { items, wall } = await worker.order({ op: "offered", servers })
          if (items !== (run === 0 ? 0 : all)) throw new Error(`${items} tools are offered`)
          const listed = await worker.order({ op: "settled" })
          if (listed.items !== all) throw new Error(`${listed.items} tools are listed`)
          if (run > 0) measurement.sample(readyRow.id, "ours", wall)
        })
      }
    }),
  ),
}

const startRow: Row = {
  id: "start",
  work: "mcp list with no server configured: wall time over bun -e 0",
  sampled: "milliseconds",
  unit: "ms",
  better: "lower",
  goal: 120,
}

const program = fileURLToPath(new URL("../../../opencode/src/main.ts", import.meta.url))

export const start: Scenario = {
  rows: [startRow],
  run: alone([startRow], "mcp list", (measurement) =>
    inTemporaryDirectory(async (home) => {
      const env = { PATH: process.env["PATH"], HOME: home }
      for (let run = 0; run < (measurement.settings.quick ? 1 : 15); run++) {
        const nothing = await timeCommand(["-e", "0"], { cwd: home, env })
        const list = await timeCommand([program, "list"], { cwd: home, env })
        measurement.sample(startRow.id, "ours", list - nothing)
      }
    }),
  ),
}

const memoryRows: ReadonlyArray<Row> = [
  {
    id: "memory.each",
    work: "200 local servers: our memory per server",
    sampled: "bytes of resident memory",
    unit: "MB",
    better: "lower",
    goal: 0.5,
  },
  {
    id: "memory.growth",
    work: "– the second hundred over the first",
    sampled: "quotient",
    unit: "quotient",
    better: "lower",
    goal: 1.2,
  },
]

export const memory: Scenario = {
  rows: memoryRows,
  run: alone(memoryRows, "memory per server", async (measurement) => {
    const half = measurement.settings.manyServers / 2
    const servers = Array.from({ length: half }, () => tinyServer)
    for (let run = 0; run < (measurement.settings.quick ? 1 : 3); run++) {
      await withWorker("ours", async (worker) => {
        // The first few bring the code in, which is no server's own memory.
        await worker.order({ op: "stdio", servers: servers.slice(0, 10) })
        const none = await worker.order({ op: "memory" })
        await worker.order({ op: "stdio", servers })
        const some = await worker.order({ op: "memory" })
        await worker.order({ op: "stdio", servers })
        const all = await worker.order({ op: "memory" })
        measurement.sample("memory.each", "ours", (all.resident - none.resident) / (half * 2))
        measurement.sample("memory.growth", "ours", (all.resident - some.resident) / (some.resident - none.resident))
      })
    }
  }),
}
