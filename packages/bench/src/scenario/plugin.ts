/** The released OpenCode with many local servers: its own client against the plugin of this repository. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { buildPlugin, findOpenCode, makeHome } from "../opencode.ts"
import type { Row, Scenario } from "../row.ts"
import { rotated } from "./compete.ts"
import { inTemporaryDirectory } from "./servers.ts"

const ratio = { unit: "ratio", better: "lower", goal: 1 } as const
const time = (id: string, work: string): Row => ({ ...ratio, id, work, sampled: "milliseconds" })
const rows: ReadonlyArray<Row> = [
  time("plugin.cold", "OpenCode with 20 local servers never seen before: until all tools are offered"),
  time("plugin.cold.cpu", "– CPU of all processes until then"),
  time("plugin.warm", "OpenCode with 20 local servers seen before: until all tools are offered"),
  time("plugin.warm.cpu", "– CPU of all processes until then"),
]

/** Tools of one server (`server/sdk.ts`). */
const toolsOfOne = 5

export const plugin: Scenario = {
  rows,
  // Another program, which has to be downloaded.
  apart: true,
  run: (measurement) =>
    inTemporaryDirectory(async (directory) => {
      const fail = (error: unknown) => {
        for (const { id } of rows) measurement.failed(id, "ours", error)
      }
      try {
        const { quick, runs, servers: count } = measurement.settings
        measurement.at("OpenCode with the plugin: making ready")
        const binary = findOpenCode()
        const entry = fileURLToPath(new URL("../server/sdk.ts", import.meta.url))
        const built = await Bun.build({ entrypoints: [entry], target: "node", outdir: directory })
        const [server] = built.outputs
        if (server === undefined) throw new Error("the server could not be built")
        const command = [Bun.which("node") ?? process.execPath, server.path]
        const servers = Object.fromEntries(
          Array.from({ length: count }, (_, index) => [`s${index}`, { type: "local", command }]),
        )
        const home = (name: string, plugins: ReadonlyArray<string>) => {
          mkdirSync(join(directory, name))
          return makeHome(join(directory, name), { servers, plugins, tools: count * toolsOfOne })
        }
        const [without, within] = [home("without", []), home("with", [buildPlugin(directory)])]
        // Each has made its database.
        await without.start(binary)
        await within.start(binary)
        const subjects = ["bare", "cold", "warm"] as const
        for (let run = 0; run < (quick ? 1 : runs); run++) {
          for (const subject of rotated(subjects, run)) {
            measurement.at(`OpenCode with the plugin: ${subject}, run ${run + 1}`)
            if (subject === "cold") within.forget()
            const { cpu, wall } = await (subject === "bare" ? without : within).start(binary)
            for (const row of subject === "bare" ? ["cold", "warm"] : [subject]) {
              measurement.sample(`plugin.${row}`, subject === "bare" ? "bare" : "ours", wall)
              measurement.sample(`plugin.${row}.cpu`, subject === "bare" ? "bare" : "ours", cpu)
            }
          }
        }
      } catch (error) {
        fail(error)
      }
    }),
}
