/** Whether what a project's files say of models and permissions counts: the person at this terminal is asked once. */
import * as Effect from "effect/Effect"
import type { Snapshot } from "../config/config.ts"
import * as Settings from "../trust/settings.ts"
import { Output } from "./output.ts"

const confirm = (question: string) =>
  Effect.gen(function* () {
    const output = yield* Output
    yield* output.say(`\n${question}\n`)
    const { confirm } = yield* Effect.promise(() => import("./ask.ts"))
    return yield* confirm("Use these settings?")
  })

/** Without a terminal they do not count, unless they were approved. */
export const trusted = (snapshot: Snapshot) =>
  Effect.flatMap(Output, (output) =>
    Settings.trusted(snapshot, output.interactive() ? confirm : () => Effect.succeed(false)),
  )
