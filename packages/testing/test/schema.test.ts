import { describe, expect, test } from "../src/runner.ts"
import { type Revision, revisions, validateReceived, validateSent } from "../src/schema.ts"

const stateful = revisions.filter((revision) => revision !== "2026-07-28")

const request = (method: string, params?: object, id: unknown = 1) => ({
  jsonrpc: "2.0",
  id,
  method,
  ...(params === undefined ? {} : { params }),
})
const notification = (method: string, params?: object) => ({
  jsonrpc: "2.0",
  method,
  ...(params === undefined ? {} : { params }),
})
const answer = (result: unknown, id: unknown = 1) => ({ jsonrpc: "2.0", id, result })

const initialize = (revision: string) =>
  request("initialize", {
    protocolVersion: revision,
    capabilities: { roots: { listChanged: true } },
    clientInfo: { name: "opencode", version: "1.0.0" },
  })

const stateless = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "opencode", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
}

describe.each(stateful)("a client of %s", (revision) => {
  const good = [
    initialize(revision),
    notification("notifications/initialized"),
    request("ping"),
    request("tools/list", { cursor: "2" }),
    request("tools/call", { name: "echo", arguments: { message: "hi" }, _meta: { progressToken: 7 } }, "a"),
    request("resources/read", { uri: "file:///a%20b" }),
    request("prompts/get", { name: "p", arguments: { city: "Bern" } }),
    request("logging/setLevel", { level: "info" }),
    request("completion/complete", { ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: "" } }),
    notification("notifications/cancelled", { requestId: 1, reason: "interrupted" }),
    notification("notifications/roots/list_changed"),
    { jsonrpc: "2.0", id: 3, error: { code: -32601, message: "Method not found" } },
  ]
  test.each(good)("may send %j", (message) => {
    expect(validateSent(revision, message)).toEqual([])
  })

  const initializeWithout = (key: string) => {
    const { params, ...rest } = initialize(revision)
    return { ...rest, params: Object.fromEntries(Object.entries(params ?? {}).filter(([name]) => name !== key)) }
  }
  const bad: ReadonlyArray<readonly [string, unknown, string]> = [
    ["initialize without a version", initializeWithout("protocolVersion"), "protocolVersion"],
    ["initialize without a client", initializeWithout("clientInfo"), "clientInfo"],
    ["a call whose name is a number", request("tools/call", { name: 1 }), "must be string"],
    ["a call without parameters", request("tools/call"), "params"],
    ["a call with array arguments", request("tools/call", { name: "a", arguments: [] }), "must be object"],
    [
      "a parameter nobody knows",
      request("tools/call", { name: "a", timeout: 1 }),
      'unknown member "timeout" of params',
    ],
    ["a URI that is none", request("resources/read", { uri: "not a uri" }), "format"],
    ["a notification with an id", request("notifications/initialized"), "a notification with an id"],
    ["a request without an id", notification("tools/list"), "a request without an id"],
    ["a request with a null id", request("ping", undefined, null), "id"],
    ["a request of the server", request("roots/list"), "not a request of the client"],
    ["an unknown method", request("tools/run"), "not a request of the client"],
    ["a wrong version of JSON-RPC", { ...request("ping"), jsonrpc: "1.0" }, '"2.0"'],
    ["a member beside the envelope", { ...request("ping"), traceparent: "x" }, "unknown member"],
    ["an error without a message", { jsonrpc: "2.0", id: 1, error: { code: 1 } }, "message"],
    ["an unknown log level", request("logging/setLevel", { level: "loud" }), "level"],
    ["a message that is none", { jsonrpc: "2.0" }, "neither"],
    ["text", "hello", "not a JSON object"],
  ]
  test.each(bad)("may not send %s", (_, message, problem) => {
    const found = validateSent(revision, message)
    expect(found.length).toBeGreaterThan(0)
    expect(found.join("\n")).toContain(problem)
  })

  test("answers what it was asked, in the form of that request's result", () => {
    const methodOf = (id: unknown) => (id === 1 ? "roots/list" : id === 2 ? "ping" : undefined)
    const roots = { roots: [{ uri: "file:///project", name: "project" }] }
    expect(validateSent(revision, answer(roots), methodOf)).toEqual([])
    expect(validateSent(revision, answer({}, 2), methodOf)).toEqual([])
    expect(validateSent(revision, answer({ roots: [{ name: "project" }] }), methodOf)).not.toEqual([])
    expect(validateSent(revision, answer({ roots: [] }, 2), methodOf)).not.toEqual([])
    expect(validateSent(revision, answer(roots, 9), methodOf)).toEqual(["the id 9 answers no request"])
  })

  test("knows what a server may send it", () => {
    const methodOf = () => "tools/list"
    const tool = { name: "a", inputSchema: { type: "object" } }
    expect(validateReceived(revision, answer({ tools: [tool] }), methodOf)).toEqual([])
    expect(validateReceived(revision, answer({ tools: [{ name: "a" }] }), methodOf)).not.toEqual([])
    expect(validateReceived(revision, request("roots/list"))).toEqual([])
    expect(validateReceived(revision, request("tools/list"))).not.toEqual([])
    expect(validateReceived(revision, notification("notifications/message", { level: "info", data: 1 }))).toEqual([])
  })
})

describe("what differs by revision", () => {
  const accepted = (message: unknown) =>
    revisions.filter((revision: Revision) => validateSent(revision, message).length === 0)

  test("batches belong to 2025-03-26 alone, and never hold initialize", () => {
    expect(accepted([request("ping"), notification("notifications/initialized")])).toEqual(["2025-03-26"])
    expect(validateSent("2025-03-26", [initialize("2025-03-26")])).toEqual(["initialize inside a batch"])
    expect(validateSent("2025-03-26", [])).toEqual(["an empty batch"])
  })

  test("a handshake names nothing that its revision does not know", () => {
    const handshake = (clientInfo: object, capabilities: object) =>
      stateful.filter((protocolVersion) => {
        const params = { protocolVersion, capabilities, clientInfo: { name: "a", version: "1", ...clientInfo } }
        return validateSent(protocolVersion, request("initialize", params)).length === 0
      })
    expect(handshake({ title: "A" }, {})).toEqual(["2025-06-18", "2025-11-25"])
    expect(handshake({}, { elicitation: {} })).toEqual(["2025-06-18", "2025-11-25"])
    expect(handshake({}, { tasks: { list: {} } })).toEqual(["2025-11-25"])
    expect(handshake({}, { sampling: {}, experimental: { x: { y: 1 } } })).toEqual(stateful)
  })

  test("tasks belong to 2025-11-25", () => {
    expect(accepted(request("tasks/get", { taskId: "1" }))).toEqual(["2025-11-25"])
    expect(accepted(request("tools/call", { name: "a", task: { ttl: 1 } }))).toEqual(["2025-11-25"])
  })

  test("completion context came with 2025-06-18", () => {
    const params = { ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: "" }, context: {} }
    expect(accepted(request("completion/complete", params))).toEqual(["2025-06-18", "2025-11-25"])
  })

  test("elicitation answers are judged where elicitation exists", () => {
    const methodOf = () => "elicitation/create"
    for (const revision of ["2025-06-18", "2025-11-25"] as const) {
      expect(validateSent(revision, answer({ action: "accept", content: { a: 1 } }), methodOf)).toEqual([])
      expect(validateSent(revision, answer({ action: "maybe" }), methodOf)).not.toEqual([])
    }
  })

  test("2026-07-28 has no handshake, and every request says who asks", () => {
    expect(accepted(initialize("2026-07-28"))).toEqual(stateful)
    expect(accepted(request("tools/list", { _meta: stateless }))).toContain("2026-07-28")
    expect(accepted(request("server/discover", { _meta: stateless }))).toEqual(["2026-07-28"])
    expect(validateSent("2026-07-28", request("tools/list"))).not.toEqual([])
    expect(validateSent("2026-07-28", request("ping"))).not.toEqual([])
    expect(validateSent("2026-07-28", notification("notifications/initialized"))).not.toEqual([])
    expect(validateSent("2026-07-28", notification("notifications/cancelled", { requestId: 1 }))).toEqual([])
  })
})
