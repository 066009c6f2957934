/** The settings of a project's files that need the person's trust: providers, and what is allowed beforehand. */
import { at } from "@opencode-ai/mcp/config/shape"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Server, Snapshot } from "../config/config.ts"
import { untrusted } from "../config/sections.ts"
import { Trust, type TrustError } from "./trust.ts"
import { visible } from "@opencode-ai/mcp/protocol/visible"

/** They are approved as a server of this name would be: in this form, in this directory. */
const name = "opencode.json"

const entryOf = (snapshot: Snapshot): Server | undefined => {
  const documents = untrusted(snapshot)
  if (documents.length === 0) return undefined
  const written = documents.map(({ value }) => ({
    provider: at(value, ["provider"]),
    permission: at(value, ["permission"]),
  }))
  return {
    name,
    origins: documents.map(({ file }) => ({ file, path: [], project: true })),
    project: true,
    written: { written },
    // The tokens in what is written name them.
    variables: [],
    fingerprint: Redacted.make(JSON.stringify(written)),
  }
}

const question = ({ origins, written }: Server): string =>
  [
    "The project has settings for sessions:",
    ...origins.map(({ file }) => `  in ${visible(file)}`),
    ...JSON.stringify(at(written, ["written"]), null, 2)
      .split("\n")
      .map((line) => `  ${visible(line)}`),
    "Approved, prompts and what tools answer are sent to these providers, with the keys and variables that they name;",
    "packages that they name run on this machine with your rights; and what is allowed here is done without asking.",
  ].join("\n")

/** Whether the project's settings count; `confirm` asks the person where that is not known, and what it says is kept. */
export const trusted = <E, R>(
  snapshot: Snapshot,
  confirm: (question: string) => Effect.Effect<boolean, E, R>,
): Effect.Effect<boolean, E | TrustError, R | Trust> =>
  Effect.gen(function* () {
    const entry = entryOf(snapshot)
    if (entry === undefined) return true
    const trust = yield* Trust
    if (yield* trust.isApproved(entry, snapshot.directory)) return true
    if (!(yield* confirm(question(entry)))) return false
    yield* trust.approve(entry, snapshot.directory)
    return true
  })
