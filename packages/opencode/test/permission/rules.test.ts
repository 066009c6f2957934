import { describe, expect, test } from "@opencode-ai/testing/runner"
import { homedir } from "node:os"
import { decisive, fromConfig, matches, ofReading, ofResource } from "../../src/permission/rules.ts"

describe("a pattern", () => {
  test.each([
    ["files_read", "files_*", true],
    ["files_read", "*", true],
    ["", "*", true],
    ["files_read", "files", false],
    ["files_read", "?iles_rea?", true],
    ["mcp:files:file:///a/b.txt", "mcp:files:*", true],
    ["mcp:files:file:///a/b.txt", "mcp:files:*.md", false],
    ["ls", "ls *", true],
    ["lsof", "ls *", false],
    ["a.b", "a?b", true],
    ["axb", "a.b", false],
    ["line\nline", "line*line", true],
  ])("%j fits %j: %j", (text, pattern, expected) => {
    expect(matches(text, pattern)).toBe(expected)
  })

  test("of many stars is decided in time, whatever a server's URI is", () => {
    expect(matches("a".repeat(20_000), `${"*a".repeat(20)}b`)).toBe(false)
  })
})

describe("the section of the configuration", () => {
  test("is one action, or actions by permission and pattern, in the order in which they stand", () => {
    expect(fromConfig("ask", "opencode.json").rules).toEqual([{ permission: "*", pattern: "*", action: "ask" }])
    const { problems, rules } = fromConfig(
      { "*": "ask", "files_*": "allow", read: { "~/notes/*": "allow", "mcp:files:*": "deny" } },
      "opencode.json",
    )
    expect(problems).toEqual([])
    expect(rules).toEqual([
      { permission: "*", pattern: "*", action: "ask" },
      { permission: "files_*", pattern: "*", action: "allow" },
      { permission: "read", pattern: `${homedir()}/notes/*`, action: "allow" },
      { permission: "read", pattern: "mcp:files:*", action: "deny" },
    ])
    expect(fromConfig(undefined, "opencode.json")).toEqual({ rules: [], problems: [] })
  })

  test("names what is wrong in it, and lets no typing error allow anything", () => {
    const { problems, rules } = fromConfig({ files_write: "dney", read: { "*.env": true } }, "opencode.json")
    expect(rules.map(({ action }) => action)).toEqual(["ask", "ask"])
    expect(problems).toEqual([
      'opencode.json: permission.files_write: expected "allow", "ask" or "deny", or an object of these by pattern, not "dney"; "ask" is used instead',
      'opencode.json: permission.read["*.env"]: expected "allow", "ask" or "deny", not true; "ask" is used instead',
    ])
    expect(fromConfig(7, "opencode.json").rules).toEqual([{ permission: "*", pattern: "*", action: "ask" }])
  })

  test("decides by its last rule that matches a name of the permission", () => {
    const { rules } = fromConfig({ "*": "ask", "server_*": "allow", server_a_very_long_name: "deny" }, "")
    expect(decisive(rules, ["server_a_12345678", "server_a_very_long_name"], "*")?.action).toBe("deny")
    expect(decisive(rules, ["server_b"], "*")?.action).toBe("allow")
    expect(decisive(rules, ["other"], "*")?.action).toBe("ask")
  })
})

test("the name of a server is no pattern, and ends where it ends", () => {
  expect(ofResource("files", "file:///a")).toBe("mcp:files:file:///a")
  expect(ofResource("*", "x:y")).toBe("mcp:%2A:x:y")
  expect(matches(ofResource("a:b", "c"), "mcp:a:*")).toBe(false)
})

test.each([
  ["file:///secret/a", ["file:///secret/a"]],
  ["https://host", ["https://host"]],
  ["test://item/7", ["test://item/7"]],
  ["FILE:///x/../secret/a", ["FILE:///x/../secret/a", "file:///secret/a"]],
  ["file:///%73ecret/%2e%2E/secret/a", ["file:///%73ecret/%2e%2E/secret/a", "file:///secret/a"]],
  ["file:///a%2Fb%20c", ["file:///a%2Fb%20c"]],
  ["vault://./secret", ["vault://./secret"]],
  ["no uri", ["no uri"]],
])("reading %j is reading it by whatever name", (uri, expected) => {
  expect(ofReading("files", uri)).toEqual(expected.map((each) => `mcp:files:${each}`))
})
