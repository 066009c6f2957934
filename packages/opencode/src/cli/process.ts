/**
 * An Effect as this process: signals interrupt it, so that everything is closed before the process ends; a reader that went
 * away ends it quietly; and nothing that goes wrong goes unsaid.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit_ from "effect/Exit"
import { type ExitCode, Exit, exitCode, fromCause } from "./failure.ts"
import { make, type Writer } from "./output.ts"
import * as Text from "./text.ts"

const signals = { SIGINT: Exit.interrupted, SIGTERM: Exit.terminated, SIGHUP: 129 } as const

/** Runs the program and ends the process with its exit code. */
export const main = (program: (output: Writer) => Effect.Effect<ExitCode>): void => {
  /** Why the program is interrupted, as an exit code: the first reason holds. */
  let ending: number | undefined
  const interrupt = (code: number) => {
    ending ??= code
    fiber.interruptUnsafe()
  }
  const output = make(() => interrupt(Exit.done))
  const fiber = Effect.runFork(program(output))

  for (const [signal, code] of Object.entries(signals)) process.on(signal, () => interrupt(code))
  const broken = (error: unknown) => {
    const { message } = fromCause(Cause.die(error))
    output.draw(`error: ${Text.harmless(message)}\n`)
    if (output.says("debug") && error instanceof Error) output.draw(`${Text.harmless(error.stack ?? "")}\n`)
    interrupt(Exit.answered)
  }
  process.on("uncaughtException", broken)
  process.on("unhandledRejection", broken)

  // Some waits hold no handle of the runtime's: the process lives until the program has ended.
  const alive = setInterval(() => {}, 2 ** 30)
  fiber.addObserver((exit) => {
    clearInterval(alive)
    process.exit(ending ?? (Exit_.isSuccess(exit) ? exit.value : exitCode(fromCause(exit.cause))))
  })
}
