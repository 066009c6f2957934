/** N3: which refusals say that the session is lost, in the words of real servers, and which only sound like it. */
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { HttpStatus } from "../../src/transport/error.ts"
import { isSessionLost } from "../../src/transport/session-lost.ts"

const answered = (status: number, text: string, code?: number, withSession = true) =>
  new HttpStatus({
    status,
    url: "http://127.0.0.1/mcp",
    body: code === undefined ? text : "",
    ...(code === undefined ? {} : { error: { code, message: text } }),
    withSession,
  })

const lost: ReadonlyArray<readonly [who: string, text: string, code?: number]> = [
  ["Atlassian", "No valid session ID provided"],
  ["Atlassian", "Bad Request: Missing session ID", -32600],
  ["the SDK for TypeScript, its examples", "Bad Request: No valid session ID provided", -32000],
  ["the SDK for TypeScript", "Bad Request: Mcp-Session-Id header is required", -32000],
  ["the SDK for TypeScript", "Bad Request: Server not initialized", -32000],
  ["the SDK for TypeScript", "Session not found", -32001],
  ["the SDK for Python", "Bad Request: Missing session ID", -32600],
  ["the SDK for Python", "Bad Request: No valid session ID provided", -32600],
  ["the SDK for Python", "Session not found", -32600],
  ["the SDK for Python", "Not Found: Session has been terminated", -32600],
  ["FastMCP", "Missing session ID"],
  ["FastMCP", "Invalid or expired session ID"],
  ["the SDK for Go", "session not found"],
  ["the SDK for Java", "Session ID missing"],
  ["the SDK for Java", "Session not found: 6f1c0b1e-2d7c-4a51-9d4c-8f7a", -32602 + 1],
  ["the SDK for C#", "Bad Request: Mcp-Session-Id header is required", -32000],
  ["the SDK for Rust", "Unauthorized: Session not found"],
  ["a gateway", "Invalid session"],
  ["a gateway", "Unknown session: 77aa-12"],
  ["a gateway", "The session has expired. Please reconnect."],
  ["a gateway", "Session abc123-def does not exist"],
  ["a gateway", "Could not find session"],
  ["a gateway", "Session ID is invalid or expired", -32600],
  ["a gateway", "Your session is no longer valid"],
  ["the SDK for TypeScript, its examples", "No transport found for sessionId"],
  ["a gateway", "Missing required header: Mcp-Session-Id", -32000],
  ["a gateway", "Valid session ID required"],
  ["a gateway", "Please provide a valid session ID"],
  ["a gateway", "The provided session ID is not valid"],
  ["a gateway", "Session ID must be provided"],
  ["a gateway", "Unable to find session"],
  ["a gateway", "session_not_found"],
  ["a gateway", '{"error":"invalid_session"}'],
]

const kept: ReadonlyArray<readonly [text: string, code?: number]> = [
  ["session_name is required"],
  ["Invalid session type"],
  ["The session limit was reached"],
  ["Session must be a string"],
  ["Session not found", -32602],
  ["Tool create_session failed: title missing"],
  ["Cannot delete session: permission denied"],
  ["Session is busy"],
  ["The training session was not found"],
  ["Too many sessions"],
  ["The game session has expired"],
  ["Invalid request: field session.name is missing"],
  ["Session cookies are not allowed here"],
  ["session token budget exceeded"],
  ["Unsupported protocol version"],
  ["No transport found for flight 77"],
  ["session_not_found_handler is not a function"],
  ['{"tool":"book","error":"session_expired"}'],
  ["Please provide a valid session name"],
  ["Please provide a valid session for the browser"],
  ["Missing required header: X-Session-Kind"],
  ["Bad Request"],
  ["No valid session ID provided. ".repeat(40)],
]

describe("a refusal that says that the session is lost", () => {
  for (const [who, text, code] of lost) {
    test(`is a 400 of ${who}: ${text}${code === undefined ? "" : ` (${code})`}`, () => {
      expect(isSessionLost(answered(400, text, code))).toBe(true)
    })
  }

  test("is any 404 to a request with a session id", () => {
    expect(isSessionLost(answered(404, ""))).toBe(true)
    expect(isSessionLost(answered(404, "Not Found", -32601))).toBe(true)
  })
})

describe("a refusal that does not", () => {
  for (const [text, code] of kept) {
    test(`is a 400 with ${JSON.stringify(text.slice(0, 60))}${code === undefined ? "" : ` (${code})`}`, () => {
      expect(isSessionLost(answered(400, text, code))).toBe(false)
    })
  }

  test("is one to a request without a session id, or with another status", () => {
    expect(isSessionLost(answered(404, "Session not found", undefined, false))).toBe(false)
    expect(isSessionLost(answered(400, "Session not found", undefined, false))).toBe(false)
    for (const status of [401, 403, 409, 410, 429, 500, 503]) {
      expect(isSessionLost(answered(status, "Session not found"))).toBe(false)
    }
  })
})
