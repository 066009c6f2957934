/** What a person pastes where no browser reaches the callback server. */
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { pasted, readCallback } from "../../src/auth/callback.ts"

const read = (text: string) => {
  const callback = pasted(text)
  return callback && Object.fromEntries(Object.entries(callback).filter(([, value]) => value !== undefined))
}

const url = "http://127.0.0.1:19876/mcp/oauth/callback"

describe("a paste is read", () => {
  const cases: ReadonlyArray<readonly [string, string, Record<string, string>]> = [
    ["the URL", `${url}?code=c&state=s&iss=https%3A%2F%2Fas.test`, { code: "c", state: "s", iss: "https://as.test" }],
    ["the URL of another redirect URI", "https://example.com/done?code=c&state=s", { code: "c", state: "s" }],
    ["the URL with a fragment", `${url}?code=c&state=s#_=_`, { code: "c", state: "s" }],
    ["the URL without its scheme", "127.0.0.1:19876/mcp/oauth/callback?code=c&state=s", { code: "c", state: "s" }],
    ["the URL in quotes", `  "${url}?code=c&state=s"\r\n`, { code: "c", state: "s" }],
    ["the URL in angle brackets", `<${url}?code=c&state=s>`, { code: "c", state: "s" }],
    ["the query", "?state=s&code=c", { code: "c", state: "s" }],
    ["the query without its mark", "code=c&state=s", { code: "c", state: "s" }],
    ["a code that ends with =", "code=Zg==&state=s", { code: "Zg==", state: "s" }],
    ["what is percent-encoded", `${url}?code=4%2F0A%2Bb&state=a+b`, { code: "4/0A+b", state: "a b" }],
    ["a refusal", "?error=access_denied&error_description=no%21", { error: "access_denied", errorDescription: "no!" }],
    ["the code alone", "SplxlOBeZQQYbYS6WxSbIA", { code: "SplxlOBeZQQYbYS6WxSbIA" }],
    ["the code alone, with every sign", "4/0A+b=&~.-_c==", { code: "4/0A+b=&~.-_c==" }],
    ["the code alone, as it stands in the URL", "'4%2F0A%2Bb'", { code: "4/0A+b" }],
    ["the code alone, with a percent sign", "50%c", { code: "50%c" }],
    ["one of a code that comes twice: none", "error=a&code=1&code=2", { error: "a" }],
  ]
  for (const [name, text, expected] of cases) {
    test(name, () => expect(read(text)).toEqual(expected))
  }
})

describe("a paste that holds no answer is none", () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ["nothing", ""],
    ["space", " \t\n"],
    ["quotes", `""`],
    ["words", "I signed in"],
    ["an address without a code", url],
    ["an address with a state alone", `${url}?state=s`],
    ["a state alone", "state=s"],
    ["a code without a value", `${url}?code=&state=s`],
    ["two codes", "code=1&code=2"],
    ["characters that no code has", "c\u202eode\u0007"],
    ["a megabyte", "a".repeat(1024 * 1024)],
    ["a megabyte of members", `code=c${"&a=b".repeat(256 * 1024)}`],
  ]
  for (const [name, text] of cases) test(name, () => expect(read(text)).toBeUndefined())
})

test("a callback's members that come twice, or without a value, count as absent", () => {
  const callback = readCallback(new URLSearchParams("code=1&code=1&state=s&iss=&error=e&error_description=d&extra=x"))
  expect(callback).toEqual({ code: undefined, state: "s", iss: undefined, error: "e", errorDescription: "d" })
})
