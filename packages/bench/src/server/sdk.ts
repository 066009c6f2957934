/** A local server as most are: on the official SDK, with five tools. */
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js"

const properties = { path: { type: "string", description: "Where it is" }, depth: { type: "number" } }
const tools = ["read", "write", "list", "search", "move"].map((name) => ({
  name,
  description: `Can ${name} what is there.`,
  inputSchema: { type: "object" as const, properties, required: ["path"] },
}))
const server = new Server({ name: "sdk", version: "1" }, { capabilities: { tools: {} } })
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }))
server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({ content: [{ type: "text", text: params.name }] }))
await server.connect(new StdioServerTransport())
