/**
 * Who answers what servers ask while a command runs: the person at the terminal, one question after another; nobody where
 * there is none.
 *
 * Each question is also one of `Questions`: it is an event, and its time ends there.
 */
import { Approval, given, type Verdict } from "@opencode-ai/mcp/capability/approval"
import { Elicitation, type ElicitationAnswer } from "@opencode-ai/mcp/capability/elicitation"
import { Questions } from "@opencode-ai/mcp/capability/questions"
import { RequestRefused } from "@opencode-ai/mcp/capability/refused"
import { Sampling } from "@opencode-ai/mcp/capability/sampling"
import { StepUp } from "@opencode-ai/mcp/connection/authorize"
import { userRejected } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Output, type Writer } from "../output.ts"

// Loaded once each: those who wait for several imports of one module go on in no order, and questions come in theirs.
let elicitModule: Promise<typeof import("./elicit.ts")> | undefined
let sampleModule: Promise<typeof import("./sample.ts")> | undefined
let consentModule: Promise<typeof import("./consent.ts")> | undefined
let stepUpModule: Promise<typeof import("../step-up.ts")> | undefined

const nobody: ElicitationAnswer = { action: "cancel" }

const unapproved = new RequestRefused({
  code: userRejected,
  message: "nobody is there to approve it: this client was started without a terminal",
})

/** Whether somebody else may answer the questions that are open: a page is served. */
export type Elsewhere = () => boolean

const nowhere: Elsewhere = () => false

/** What a server asks of the person, who is at this terminal or is not. */
const asked = (output: Writer, timeout: number, elsewhere: Elsewhere): Layer.Layer<Elicitation, never, Questions> => {
  const elicitation = Layer.effect(Elicitation)(
    Effect.map(Questions, (questions) => ({
      modes: ["form", "url"] as const,
      elicit: (request) =>
        Effect.suspend(() => {
          if (!output.interactive()) {
            const open = questions.elicit(request)
            return elsewhere() ? open : Effect.raceFirst(open, Effect.succeed(nobody))
          }
          return Effect.flatMap(
            Effect.promise(() => (elicitModule ??= import("./elicit.ts"))),
            ({ elicit, follow }) =>
              Effect.flatMap(Effect.raceFirst(questions.elicit(request), elicit(request)), (answer) =>
                follow(request, answer, timeout),
              ),
          )
        }).pipe(Effect.provideService(Output, output)),
    })),
  )
  const stepUp = Layer.succeed(StepUp)((request) =>
    output.interactive()
      ? Effect.flatMap(
          Effect.promise(() => (stepUpModule ??= import("../step-up.ts"))),
          (module) => module.stepUp(request, timeout),
        ).pipe(Effect.provideService(Output, output))
      : Effect.succeed(false),
  )
  return Layer.merge(elicitation, stepUp)
}

/**
 * The answers of whoever is at this terminal, or of whoever answers `elsewhere` first. `timeout` is how long the end of a
 * visit is waited for, in milliseconds.
 */
export const answers = (
  output: Writer,
  timeout: number,
  elsewhere: Elsewhere = nowhere,
): Layer.Layer<Elicitation | Sampling, never, Questions> => {
  const sampling = Layer.effect(Sampling)(
    Effect.map(Questions, ({ createMessage }) => ({
      tools: true,
      context: false,
      createMessage: (request) =>
        Effect.raceFirst(
          createMessage(request),
          Effect.suspend(() =>
            output.interactive()
              ? Effect.flatMap(
                  Effect.promise(() => (sampleModule ??= import("./sample.ts"))),
                  (module) => module.sample(request),
                )
              : elsewhere()
                ? Effect.never
                : Effect.fail(unapproved),
          ).pipe(Effect.provideService(Output, output)),
        ),
    })),
  )
  return Layer.mergeAll(asked(output, timeout, elsewhere), sampling, Layer.succeed(Approval)(given))
}

/** As `answers`, where a model answers samplings: the person is asked whether it may, and whether the server gets it. */
export const consenting = (
  output: Writer,
  timeout: number,
  elsewhere: Elsewhere = nowhere,
): Layer.Layer<Elicitation, never, Questions> => {
  const refused = { approved: false, reason: "nobody is there to approve it" } as const
  const by = <A>(
    ask: (module: typeof import("./consent.ts")) => Effect.Effect<Verdict<A>, never, Output>,
    there: Effect.Effect<Verdict<A>>,
  ) =>
    Effect.suspend(() => {
      if (!output.interactive()) return elsewhere() ? there : Effect.succeed(refused)
      const here = Effect.flatMap(
        Effect.promise(() => (consentModule ??= import("./consent.ts"))),
        ask,
      ).pipe(Effect.provideService(Output, output))
      return elsewhere() ? Effect.raceFirst(there, here) : here
    })
  const approval = Layer.effect(Approval)(
    Effect.map(Questions, (questions) => ({
      sampling: (request) => by((module) => module.sampling(request), questions.approval.sampling(request)),
      sampled: (request, result) =>
        by((module) => module.sampled(request, result), questions.approval.sampled(request, result)),
    })),
  )
  return Layer.merge(asked(output, timeout, elsewhere), approval)
}
