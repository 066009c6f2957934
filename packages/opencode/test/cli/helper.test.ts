/** A headers helper from a configuration, through the program: who may start one, and what is told of it. */
import { it } from "@opencode-ai/testing/effect"
import { rawHttp } from "@opencode-ai/testing/peers/raw-http"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { json, world } from "./program.ts"

/** Prints a header with what it finds in its environment, and leaves a trace. It runs in the project's directory. */
const script = `echo run >> "$0.trace"\nprintf '{"authorization":"Bearer %s"}' "\${GITHUB_TOKEN:-none}"\n`

describe("a headers helper", () => {
  it.live(
    "of a project is not run before it is approved, and inherits no credentials then",
    () =>
      Effect.gen(function* () {
        const here = yield* world
        const server = yield* rawHttp()
        const path = join(here.directory, "helper.sh")
        writeFileSync(path, script)
        const entry = { type: "remote", url: server.url, headersHelper: ["sh", "helper.sh"] }
        here.write("opencode.json", { mcp: { blue: entry } })
        const env = { GITHUB_TOKEN: "inherited" }
        const held = json(yield* here.run(["list", "--json"], { env }))
        expect(held).toMatchObject([{ name: "blue", status: "failed" }])
        expect(held[0].error).toContain("mcp trust blue")
        expect(existsSync(`${path}.trace`)).toBe(false)
        expect(server.requests).toHaveLength(0)
        const trusted = json(yield* here.run(["list", "--json", "--trust"], { env }))
        expect(trusted).toMatchObject([{ name: "blue", status: "connected" }])
        expect(existsSync(`${path}.trace`)).toBe(true)
        for (const { headers } of server.requests) expect(headers.authorization).toBe("Bearer none")
      }),
    60_000,
  )
})
