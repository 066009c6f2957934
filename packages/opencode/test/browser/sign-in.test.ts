/** A person signs in with a real browser: the command line, the authorization server, the page at the end. */
import { chromium, inChromium } from "@opencode-ai/testing/chromium"
import { freePort } from "@opencode-ai/testing/peers/launch"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { json } from "../cli/program.ts"
import { deciding, ending, plain, signingIn } from "./signing.ts"

const gate = Effect.gen(function* () {
  const authorization = yield* authorizationServer()
  return { authorization, server: yield* protectedMcp(authorization) }
})

/** Whether something answers at a URL. */
const isAnswered = (url: string) =>
  Effect.promise(() =>
    fetch(url).then(
      () => true,
      () => false,
    ),
  )

inChromium("who signs in and allows it is told so by the page and the terminal, and can call tools", () =>
  Effect.gen(function* () {
    const { authorization, server } = yield* gate
    // Not the usual one, on which another test may listen by then.
    const callbackPort = yield* freePort
    const { callback, mcp, opened, running, url } = yield* signingIn(
      { docs: { type: server.type, url: server.url, oauth: { callbackPort } } },
      "docs",
    )
    expect(new URL(callback).port).toBe(String(callbackPort))
    expect(opened).toEqual([url])
    expect(running.stdout().split("\n")).toContain(url)
    const tab = yield* (yield* chromium).tab()
    const page = yield* ending(tab, callback, deciding(url, "Allow"))
    expect(page).toMatchObject({ status: 200, heading: "Signed in", elements: plain, overflow: 0 })
    expect(page.paragraphs).toEqual(["You are signed in to docs.", "You can close this page and go back to OpenCode."])
    const result = yield* running.result
    expect(result.stdout).toContain("Signed in to docs, and connected.")
    expect(result.code).toBe(0)
    // The browser went nowhere else, and nothing of ours listens any longer.
    expect(tab.requests.filter((each) => !each.startsWith(authorization.issuer) && !each.startsWith(callback))).toEqual(
      [],
    )
    expect(yield* isAnswered(callback)).toBe(false)
    const who = yield* mcp(["call", "docs", "whoami", "--json"])
    expect(who.code).toBe(0)
    expect(JSON.stringify(json(who))).toContain("alice")
    expect(server.executions("whoami")).toBe(1)
  }),
)

inChromium("who denies it is told what that means and what to do", () =>
  Effect.gen(function* () {
    const { server } = yield* gate
    const { callback, mcp, running, url } = yield* signingIn({ docs: server }, "docs")
    const tab = yield* (yield* chromium).tab()
    const page = yield* ending(tab, callback, deciding(url, "Deny"))
    expect(page).toMatchObject({ status: 400, heading: "Not signed in", elements: plain, overflow: 0 })
    expect(page.paragraphs[0]).toContain("access_denied (The person said no)")
    expect(page.paragraphs[1]).toContain("Go back to OpenCode and begin the sign-in")
    const result = yield* running.result
    expect(result.stderr).toContain("access_denied (The person said no)")
    expect(result.code).toBe(4)
    expect((yield* mcp(["call", "docs", "whoami"])).code).toBe(4)
    expect(server.executions("whoami")).toBe(0)
  }),
)
