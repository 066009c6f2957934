/**
 * An Effect as this process: signals interrupt it, so that everything is closed before the process ends; a reader that went
 * away ends it quietly; and nothing that goes wrong goes unsaid.
 */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit_ from "effect/Exit"
import * as Runtime from "effect/Runtime"
import { type ExitCode, Exit, fromCause } from "./failure.ts"
import { make, type Writer } from "./output.ts"
import * as Text from "./text.ts"

const signals = { SIGINT: Exit.interrupted, SIGTERM: Exit.terminated, SIGHUP: 129 } as const

/** Runs the program and ends the process with its exit code. */
export const main = (program: (output: Writer) => Effect.Effect<ExitCode>): void => {
  /** Why the program is interrupted, as an exit code: the first reason holds. */
  let ending: number | undefined
  let stop = () => {}
  const interrupt = (code: number) => {
    ending ??= code
    stop()
  }
  const output = make(() => interrupt(Exit.done))

  for (const [signal, code] of Object.entries(signals)) {
    process.on(signal, () => {
      output.hear()
      interrupt(code)
    })
  }
  const broken = (error: unknown) => {
    const { message } = fromCause(Cause.die(error))
    output.draw(`error: ${Text.harmless(message)}\n`)
    if (output.says("debug") && error instanceof Error) output.draw(`${Text.harmless(error.stack ?? "")}\n`)
    interrupt(Exit.answered)
  }
  process.on("uncaughtException", broken)
  process.on("unhandledRejection", broken)

  const run = Runtime.makeRunMain(({ fiber }) => {
    stop = () => fiber.interruptUnsafe()
    fiber.addObserver((exit) => {
      process.exit(ending ?? (isNumber(exit) ? exit.value : Exit.answered))
    })
  })
  run(program(output), { disableErrorReporting: true })
}

const isNumber = (exit: Exit_.Exit<unknown, unknown>): exit is Exit_.Success<number> =>
  Exit_.isSuccess(exit) && typeof exit.value === "number"
