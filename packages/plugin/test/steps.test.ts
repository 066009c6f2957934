import { chromium, inChromium } from "@opencode-ai/testing/chromium"
import { itOpenCode } from "@opencode-ai/testing/peers/opencode"
import { everything } from "@opencode-ai/testing/peers/published"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { accept } from "./person.ts"
import { bound, browser, built, resultsOf, toolsOf, world } from "./world.ts"

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")

const text = (what: RegExp, path: string) => what.exec(read(path))?.[1] ?? "nothing"

/** The steps of docs/plugin.md, by their numbers: the blocks of code in each, without their indentation. */
const steps = (() => {
  const [, section = ""] = read("docs/plugin.md").split("## From nothing to a first question\n")
  const [own = ""] = section.split("\n## ")
  return own
    .split(/^\d\. /m)
    .slice(1)
    .map((step) => [...step.matchAll(/```\w+\n([\s\S]*?)```/g)].map(([, block = ""]) => block.replace(/^ {3}/gm, "")))
})()

describe("from nothing to a first question", () => {
  test("takes five steps, with the versions that are tested", () => {
    expect(steps.map((blocks) => blocks.length)).toEqual([1, 1, 1, 1, 0])
    const packageManager = text(/"packageManager": "(.*?)"/, "package.json")
    const released = text(/"opencode-linux-x64": "(.*?)"/, "tools/opencode/package.json")
    expect(steps[0]?.[0]).toBe(`npx -y ${packageManager} install\nnpx -y ${packageManager} run build\n`)
    expect(steps[1]?.[0]).toContain(`opencode-ai@${released}\n`)
    const server = text(/"@modelcontextprotocol\/server-everything": "(.*?)"/, "package.json")
    expect(steps[2]?.[0]).toContain(`["npx", "-y", "@modelcontextprotocol/server-everything@${server}"]`)
  })

  itOpenCode(
    "ends with a form on the page, whose answer the model gets",
    () =>
      Effect.gen(function* () {
        const { env, next } = yield* browser
        const { use } = yield* (yield* chromium).tab()
        const [configuration = "", prompt = ""] = [steps[2]?.[0], steps[3]?.[0]?.trim()]
        const tool = /Call the tool (\S+)\.$/.exec(prompt)?.[1] ?? ""
        const { host, model } = yield* world({
          plugin: [],
          servers: {},
          env,
          script: [{ calls: [{ tool }] }, { text: "It asked, and you answered." }],
        })
        const command = /"command": (\[.*\])/.exec(configuration)?.[1] ?? ""
        const own = configuration
          .replace("/path/to/packages/plugin/dist/index.js", built)
          .replace(command, JSON.stringify(everything.command))
        writeFileSync(join(host.home, "config", "opencode", "opencode.jsonc"), own)

        const run = yield* Effect.forkScoped(host.run(prompt))
        const address = yield* next(0)
        yield* use((page) => page.goto(address))
        yield* use((page) => accept(page, "Ada", "String"))
        const { code, stderr, stdout } = yield* Fiber.join(run)
        expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: "It asked, and you answered." })
        // Who runs it without a screen is told there.
        expect(stderr).toMatch(/Server "everything" asks: .*\n {2}Answer at http:\/\/127\.0\.0\.1:\d+\/\?secret=/)
        const [first, second] = model.requests
        expect(first === undefined ? [] : toolsOf(first)).toContain(tool)
        expect(String(second === undefined ? "" : resultsOf(second)[0])).toContain("Name: Ada")
      }),
    bound,
    inChromium,
  )
})
