/** The commands of authorization: their arguments and help. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Option from "effect/Option"
import { type Outcome, running as runningInto, server } from "./running.ts"

/** `auth`, `logout`, `debug` and `doctor`; how one ended is written into `outcome`. */
export const authorizing = (outcome: Outcome) => {
  const running = runningInto(outcome)
  const named = Argument.optional(server.pipe(Argument.withDescription("The server; without it, a choice")))

  const authList = Command.make(
    "list",
    {},
    running(
      () => import("../command/auth-list.ts"),
      (module, _, all) => module.list(all),
    ),
  ).pipe(
    Command.withAlias("ls"),
    Command.withDescription("Show who is signed in to what; nothing is asked of a server"),
    Command.withExamples([{ command: "mcp auth list" }, { command: "mcp auth list --json" }]),
  )

  const auth = Command.make(
    "auth",
    { server: named },
    running(
      () => import("../command/auth.ts"),
      (module, input: { readonly server: Option.Option<string> }, all) =>
        module.auth({ ...all, server: Option.getOrUndefined(input.server) }),
    ),
  ).pipe(
    Command.withDescription(
      "Sign in to a server: prints the URL, opens a browser, and waits for it, or for what you paste",
    ),
    Command.withExamples([
      { command: "mcp auth" },
      { command: "mcp auth docs" },
      { command: "mcp auth docs --interaction-timeout 60 --json" },
      { command: "mcp auth list" },
    ]),
    Command.withSubcommands([authList]),
  )

  const logout = Command.make(
    "logout",
    { server: named },
    running(
      () => import("../command/logout.ts"),
      (module, input: { readonly server: Option.Option<string> }, all) =>
        module.logout({ ...all, server: Option.getOrUndefined(input.server) }),
    ),
  ).pipe(
    Command.withDescription("Forget a sign-in: its tokens, and the client that was registered for it"),
    Command.withExamples([{ command: "mcp logout docs" }]),
  )

  const debug = Command.make(
    "debug",
    { server },
    running(
      () => import("../command/debug.ts"),
      (module, input: { readonly server: string }, all) => module.debug({ ...all, ...input }),
    ),
  ).pipe(
    Command.withDescription("Show step by step how connecting to a server goes, and what to do where it fails"),
    Command.withExamples([{ command: "mcp debug docs" }, { command: "mcp debug docs --json" }]),
  )

  const doctor = Command.make(
    "doctor",
    { server: Argument.optional(server.pipe(Argument.withDescription("One server; without it, all"))) },
    running(
      () => import("../command/doctor.ts"),
      (module, input: { readonly server: Option.Option<string> }, all) =>
        module.doctor({ ...all, server: Option.getOrUndefined(input.server) }),
    ),
  ).pipe(
    Command.withDescription("Explain why a server does not work, and what to change; without one, look at all of them"),
    Command.withExamples([{ command: "mcp doctor" }, { command: "mcp doctor docs --json" }]),
  )

  return [auth, logout, debug, doctor] as const
}
