/** A call lacks scopes, and a person is there: they are asked, and sign in again while the call waits. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import type { AuthError } from "@opencode-ai/mcp/auth/error"
import * as Scopes from "@opencode-ai/mcp/auth/scopes"
import type { StepUpRequest } from "@opencode-ai/mcp/connection/authorize"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { interject } from "./ask.ts"
import * as Said from "./interview/said.ts"
import { remedy } from "./failure.ts"
import { Output } from "./output.ts"
import { signIn } from "./sign-in.ts"
import * as Text from "./text.ts"

/** Whether what is needed was granted since. */
const isGranted = ({ oauth, scopes }: StepUpRequest) =>
  Effect.map(oauth.store.read(oauth.place), (stored) => {
    const granted = stored?.tokens?.scope
    return granted !== undefined && Scopes.missing(scopes.join(" "), granted).length === 0
  })

/** `timeout` is how long the person is waited for, in milliseconds; the call may end before. */
export const stepUp = (request: StepUpRequest, timeout: number): Effect.Effect<boolean, AuthError, Output> =>
  Effect.gen(function* () {
    const output = yield* Output
    const question = Effect.gen(function* () {
      // Of several calls that wait, the first is the one that asks.
      if (yield* isGranted(request)) return true
      const { oauth, scopes, server } = request
      const had = (yield* oauth.store.read(oauth.place))?.tokens?.scope
      const missing = Scopes.missing(scopes.join(" "), had)
      yield* output.say(Said.heading(server, "wants more than was granted for this call:", output))
      yield* output.say(Said.lines(missing.join("\n"), output).join("\n"))
      yield* output.say("")
      if (!(yield* interject(Prompt.Confirm({ message: "Sign in again to grant it?", initial: true })))) return false
      const module = yield* Effect.promise(() => import("@opencode-ai/mcp/auth/sign-in"))
      yield* signIn({ server, timeout, hasFloor: true, scopes, run: (how) => module.signIn(oauth, how) })
      yield* output.say(`${output.err.paint("green", "✓")} granted; the call to ${Text.oneLine(server)} goes on`)
      return true
    })
    return yield* output.floor.take(
      question.pipe(
        Effect.catchTag("CliFailure", () => Effect.succeed(false)),
        Effect.onInterrupt(() =>
          output.heard()
            ? Effect.void
            : output.say(`\nThe call has ended. For the next one: ${remedy(request.server)}`),
        ),
      ),
    )
  }).pipe(Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer)))
