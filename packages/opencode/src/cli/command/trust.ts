/** `trust` and `untrust`: approves a server that a project's files define, or takes the approval back. */
import * as Effect from "effect/Effect"
import { question } from "../../trust/question.ts"
import { approvalHash, Trust } from "../../trust/trust.ts"
import { CliFailure, Exit } from "../failure.ts"
import { Output } from "../output.ts"
import * as Runtime from "../runtime.ts"
import { configured, find, type Options } from "../configuration.ts"
import * as Text from "../text.ts"

type TrustOptions = Options & { readonly server: string }

/** Typing its name is the approval; what was approved is shown. On a terminal the question is asked once more. */
export const trust = (options: TrustOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const approvals = yield* Trust
    const { directory, ...snapshot } = yield* configured
    const server = yield* find({ directory, ...snapshot }, options.server)
    const name = Text.oneLine(server.name)
    const tell = (text: string, already: boolean) =>
      output.json() ? output.printJson({ server: server.name, trusted: true, already }) : output.print(text)
    if (!server.project) {
      yield* tell(`${name} needs no approval: no project file defines it.`, true)
      return Exit.done
    }
    // Not `isApproved`: what approves everything for one run keeps nothing.
    const hash = approvalHash(server.written, server.variables, directory)
    if ((yield* approvals.approvals).some((each) => each.name === server.name && each.hash === hash)) {
      yield* tell(`${name} is approved already.`, true)
      return Exit.done
    }
    if (output.interactive()) {
      const { confirmTrust } = yield* Effect.promise(() => import("../ask.ts"))
      if (!(yield* confirmTrust(server, directory))) {
        return yield* new CliFailure({ tag: "Denied", text: `${name} was not approved` })
      }
    } else if (!output.json()) yield* output.say(question(server, directory))
    yield* approvals.approve(server, directory)
    yield* tell(`${name} is approved, in this form and in ${directory}.`, false)
    return Exit.done
  }).pipe(Effect.provide(Runtime.configuration(options)))

export const untrust = (options: TrustOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const { directory } = yield* configured
    const revoked = yield* (yield* Trust).revoke(options.server, directory)
    const name = Text.oneLine(options.server)
    if (output.json()) yield* output.printJson({ server: options.server, trusted: false, revoked })
    else yield* output.print(revoked ? `${name} is approved no longer.` : `${name} was not approved here.`)
    return Exit.done
  }).pipe(Effect.provide(Runtime.configuration(options)))
