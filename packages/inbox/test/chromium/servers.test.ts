/** Servers, by the keyboard alone: found, connected, approved, signed in to. */
import { chromium, inChromium } from "@opencode-ai/testing/chromium"
import { config } from "@opencode-ai/testing/client"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { rawStdio } from "@opencode-ai/testing/peers/raw-stdio"
import { person } from "@opencode-ai/testing/person"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { html } from "../../src/page.ts"
import { world } from "../world.ts"
import { eventually, personAt } from "./person.ts"

const review = "runs: npx -y helper --all\nrisk: it is run by a shell's -c"

inChromium("servers are found, started, stopped, approved and signed in to", () =>
  Effect.gen(function* () {
    const authorization = yield* authorizationServer()
    const locked = yield* protectedMcp(authorization)
    const trusted = new Set<string>()
    const { inbox, mcp } = yield* world(
      { near: { ...rawStdio({ instructions: "Ask it nicely" }), enabled: false }, locked },
      {
        html: yield* html,
        host: ({ mcp }) => ({
          describe: (server) =>
            Effect.succeed({
              how: `runs ${server}`,
              ...(server === "ours" && !trusted.has(server) ? { review, form: "as it was shown" } : {}),
            }),
          trust: (server, form) =>
            Effect.suspend(() => {
              expect(form).toBe("as it was shown")
              trusted.add(server)
              return Effect.asVoid(Effect.mapError(mcp.connect(server), ({ message }) => ({ tag: "X", message })))
            }),
        }),
      },
    )
    yield* mcp.add(config("ours", { ...rawStdio(), enabled: false }))
    const tab = yield* (yield* chromium).tab()
    const { focus, focused, misses, on, press, reads, sees, textOf } = personAt(tab)
    yield* tab.use((page) => page.goto(inbox.url))

    // The first thing that Tab comes to leads past everything.
    yield* sees("article", "near")
    yield* press("Tab")
    expect(yield* focused).toContain("Skip to what is shown")
    yield* press("Enter", "Tab")
    expect(yield* focused).toBe("button Connect")

    // By a shortcut to the list of servers, and by arrows in it.
    yield* press("g", "s", "Home", "ArrowDown", "Enter")
    yield* misses("article", "locked")
    yield* on("button", "Connect: near")
    yield* reads("Ask it nicely")
    const near = Effect.map(mcp.servers, (all) => all.find(({ name }) => name === "near"))
    const before = (yield* near)?.pid
    yield* on("button", "Restart: near")
    yield* eventually(near, (now) => now?.status.status === "connected" && now.pid !== before)
    yield* on("button", "Disconnect: near")
    yield* sees("button", "Connect: near")
    expect((yield* near)?.status.status).toBe("disabled")

    // What a project brings is read whole before it can be approved.
    yield* press("g", "s", "Home", "Enter")
    expect(yield* textOf("article[aria-label=ours] .notice")).toContain(review)
    yield* on("button", "Approve and connect: ours")
    yield* sees("button", "Restart: ours")
    expect([...trusted]).toEqual(["ours"])
    yield* misses("button", "Approve and connect: ours")

    // A sign-in goes by a link that the person follows.
    yield* on("button", "Details of locked")
    yield* on("button", "Sign in: locked")
    const link = /^Sign in at 127\.0\.0\.1/
    const address = tab.use((page) => page.getByRole("link", { name: link }).getAttribute("href"))
    yield* focus("link", link)
    const url = (yield* address) ?? ""
    expect(url.startsWith(authorization.issuer)).toBe(true)
    yield* press("Enter")
    yield* eventually(
      Effect.sync(() => tab.disturbances.length),
      (count) => count === 1,
    )
    yield* person().visit(url)
    yield* sees("button", "Restart: locked")
    yield* on("button", "Sign out: locked")
    yield* sees("button", "Sign in: locked")

    // One that is refused says why.
    yield* on("button", "Sign in: locked")
    yield* focus("link", link)
    yield* person().visit((yield* address) ?? "", { decision: "deny" })
    yield* reads(/access_denied/)
    expect(tab.pwned).toEqual([])
  }),
)
