import { describe, expect, test } from "@opencode-ai/testing/runner"
import { readUrl } from "../../src/capability/visit.ts"
import type { Event } from "../../src/events.ts"
import { tellQuestion } from "../../src/mcp/forward.ts"

/** The event of a question for a visit to this page. */
const told = (url: string): Event["data"] | undefined => {
  const place = readUrl(url)
  if (typeof place === "string") throw new Error(place)
  const events: Array<Event> = []
  const request = { server: "a", message: "Sign in", mode: "url", elicitationId: "v", ...place } as const
  tellQuestion({ id: "q", kind: "elicitation", request }, (event) => events.push(event))
  return events[0]?.data
}

describe("the event of a visit", () => {
  test("names the host that the URL leads to, for whoever shows it", () => {
    expect(told("https://example.com:8443/x")).toMatchObject({ host: "example.com:8443" })
    expect(told("https://example.com/")).not.toHaveProperty("warning")
  })
  test("warns of a host that may look like another", () => {
    expect(told("https://xn--80ak6aa92e.com/")).toMatchObject({
      host: "xn--80ak6aa92e.com",
      warning: expect.stringContaining("Punycode"),
    })
  })
})
