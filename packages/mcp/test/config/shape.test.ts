import { describe, expect, test } from "@opencode-ai/testing/runner"
import { nearest } from "../../src/config/nearest.ts"
import { pathText, section, writtenPath } from "../../src/config/shape.ts"

const paths = (mcp: unknown) => section(mcp).servers.map((server) => pathText(server.path))
const server = { type: "local", command: ["a"] }

describe("the mcp section", () => {
  test("is flat in OpenCode 1's shape", () => {
    expect(paths({ b: server, a: { enabled: false } })).toEqual(["mcp.b", "mcp.a"])
  })
  test("has servers and timeout in OpenCode 2's", () => {
    const { servers, timeout } = section({ timeout: { startup: 1 }, servers: { b: server, a: server } })
    expect(servers.map((each) => [each.name, pathText(each.path)])).toEqual([
      ["b", "mcp.servers.b"],
      ["a", "mcp.servers.a"],
    ])
    expect(timeout).toEqual({ startup: 1 })
  })
  test("may mix them", () => expect(paths({ a: server, servers: { b: server } })).toEqual(["mcp.a", "mcp.servers.b"]))
  test("may have a server that is called servers, or timeout", () => {
    expect(paths({ servers: server, timeout: { enabled: false } })).toEqual(["mcp.servers", "mcp.timeout"])
  })
  test("takes a server called __proto__ for a server", () => {
    expect(paths(JSON.parse(`{"__proto__":{"type":"local"},"constructor":{}}`))).toEqual([
      "mcp.__proto__",
      "mcp.constructor",
    ])
  })
  test("that is no object has no servers", () => {
    expect(section([]).servers).toEqual([])
    expect(section([]).stray).toHaveLength(1)
    expect(section({ servers: "x" }).stray.map((each) => pathText(each.path))).toEqual(["mcp.servers"])
  })
})

test("a problem's path is spelled as the entry is", () => {
  const entry = { disabled: "no", oauth: { client_id: 1 } }
  expect(writtenPath(entry, ["enabled"])).toEqual(["disabled"])
  expect(writtenPath(entry, ["oauth", "clientId"])).toEqual(["oauth", "client_id"])
  expect(writtenPath({ oauth: { clientId: 1 } }, ["oauth", "clientId"])).toEqual(["oauth", "clientId"])
})

test("a path is quoted where it must be", () => {
  expect(pathText(["mcp", "a b", "command", "0", "x-y"])).toBe(`mcp["a b"].command[0].x-y`)
})

test("the nearest names are offered", () => {
  const names = ["list", "tools", "call", "resources", "templates", "trust", "untrust"]
  expect(nearest("tolls", names)).toEqual(["tools"])
  expect(nearest("lsit", names)).toEqual(["list"])
  expect(nearest("res", names)).toEqual(["resources"])
  expect(nearest("zzz", names)).toEqual([])
  expect(nearest("a".repeat(1_000_000), names)).toEqual([])
})
