/** Elicitation of a plugin's own: who the person is, git knows; everything else is declined, and nobody is disturbed. */
import { execFile } from "node:child_process"
import { Elicitation } from "@opencode-ai/mcp"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** What `git config user.<field>` says in a directory. */
const git = (field: string, cwd: string) =>
  Effect.callback<string | undefined>((resume) => {
    const child = execFile("git", ["config", `user.${field}`], { cwd }, (error, stdout) =>
      resume(Effect.succeed(error === null ? stdout.trim() : undefined)),
    )
    return Effect.sync(() => child.kill())
  })

const known = new Set(["name", "email"])

export const identity = (directory: string) =>
  Layer.succeed(Elicitation)({
    modes: ["form"],
    elicit: (question) =>
      Effect.gen(function* () {
        if (question.mode === "url") return { action: "decline" }
        const { properties, required = [] } = question.requestedSchema
        const asked = Object.keys(properties)
        if (asked.length === 0 || asked.some((field) => !known.has(field))) return { action: "decline" }
        const found = yield* Effect.forEach(asked, (field) => git(field, directory))
        const content = Object.fromEntries(
          asked.flatMap((field, index) => (found[index] === undefined ? [] : [[field, found[index]]])),
        )
        return required.every((field) => field in content) ? { action: "accept", content } : { action: "decline" }
      }),
  })
