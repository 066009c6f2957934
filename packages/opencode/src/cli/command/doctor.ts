/** `doctor`: why a server does not work, and what to change; without a server, all of them and this machine. */
import * as Effect from "effect/Effect"
import { find, type Options } from "../configuration.ts"
import { type Check, hasFailed } from "../doctor/check.ts"
import { type Diagnosis, diagnose } from "../doctor/diagnose.ts"
import * as Machine from "../doctor/machine.ts"
import * as Show from "../doctor/show.ts"
import { type ExitCode, Exit } from "../failure.ts"
import { spinner } from "../live.ts"
import { Output, type Writer } from "../output.ts"
import { withServers } from "../session.ts"
import * as Text from "../text.ts"
import { nothing } from "./nothing.ts"

export interface DoctorOptions extends Options {
  readonly server?: string | undefined
}

const nobody = () => false

/** The worst first. */
const gravest: ReadonlyArray<ExitCode> = [Exit.unreachable, Exit.unauthorized, Exit.answered]

const worst = (all: ReadonlyArray<Diagnosis>): ExitCode =>
  gravest.find((code) => all.some((each) => each.code === code)) ?? Exit.done

/** As `--json` has it. */
const json = ({ code: _code, ...rest }: Diagnosis) => rest

const overall = (
  all: ReadonlyArray<Diagnosis>,
  machine: ReadonlyArray<Check>,
  output: Writer,
): ReadonlyArray<string> => {
  const bad = all.filter(
    ({ checks, status }) =>
      status !== "disabled" && checks.some(({ result }) => result === "failed" || result === "warning"),
  )
  return [
    ...(all.length === 0 ? [nothing(output)] : Show.overview(all, output)),
    ...bad.flatMap((each) => Show.problem(each, output)),
    "",
    output.out.paint("bold", "This machine"),
    ...Show.checkLines(machine, output),
  ]
}

/** Explains, and never asks: what nobody has approved is not run. */
export const doctor = (options: DoctorOptions) =>
  Effect.gen(function* () {
    const output = yield* Output
    const warnings = new Map<string, Array<string>>()
    const work = withServers(
      options,
      nobody,
      (snapshot) =>
        Effect.gen(function* () {
          const named = options.server === undefined ? undefined : yield* find(snapshot, options.server)
          const servers = named === undefined ? snapshot.servers : [named]
          const waiting = new Set(servers.map(({ name }) => name))
          const one = (server: (typeof servers)[number]) =>
            Effect.tap(
              diagnose({
                server,
                snapshot,
                named: named !== undefined,
                warnings: () => warnings.get(server.name) ?? [],
              }),
              () => Effect.sync(() => waiting.delete(server.name)),
            )
          // Several at once: only one line of the terminal moves.
          const still: Writer = { ...output, animate: false, bar: false }
          const all = yield* spinner(
            output,
            Effect.sync(() => `Looking at ${[...waiting].map(Text.oneLine).join(", ")}`),
            Effect.provideService(Effect.forEach(servers, one, { concurrency: 16 }), Output, still),
          )
          if (named !== undefined) {
            const [only] = all
            if (only === undefined) return Exit.done
            yield* output.json() ? output.printJson(json(only)) : output.print(Show.whole(only, output).join("\n"))
            return worst(all)
          }
          const machine = yield* Machine.checks(snapshot)
          const { directory, files, worktree } = snapshot
          yield* output.json()
            ? output.printJson({ directory, worktree, files, machine, servers: all.map(json) })
            : output.print(overall(all, machine, output).join("\n"))
          const code = worst(all)
          return code === Exit.done && hasFailed(machine) ? Exit.answered : code
        }),
      ({ data, type }) => {
        if (type !== "mcp.warning" || !("message" in data)) return
        const { message, server } = data
        warnings.set(server, [...(warnings.get(server) ?? []), message])
      },
    )
    // What is warned of is part of what was found.
    return yield* Effect.provideService(work, Output, { ...output, warn: () => Effect.void })
  })
