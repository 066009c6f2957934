import { expect, test } from "@opencode-ai/testing/runner"
import { readFileSync } from "node:fs"
import { document } from "../../src/server/document.ts"

const kept = new URL("../../../../docs/openapi.json", import.meta.url)

test("docs/openapi.json is what the schemas of the routes give; `bun run documents` writes it anew", () => {
  expect(JSON.parse(readFileSync(kept, "utf8"))).toEqual(JSON.parse(JSON.stringify(document())))
})

test("each route and each event is in the document, and every reference leads somewhere", () => {
  const { components, paths } = document()
  expect(Object.keys(paths)).toContain("/mcp/{name}/auth/callback")
  const schemas = Object.keys(components.schemas)
  expect(schemas).toEqual(expect.arrayContaining(["MCPStatus", "McpLocalConfig", "Event.mcp.status.changed"]))
  const references = [...JSON.stringify(document()).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)]
  expect(references.length).toBeGreaterThan(10)
  for (const [, name = ""] of references) expect(schemas).toContain(name.replaceAll("~1", "/"))
  for (const name of schemas) expect(name).toMatch(/^[\w.-]+$/)
})
