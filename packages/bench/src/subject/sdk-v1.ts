/** The SDK's first client, `@modelcontextprotocol/sdk`, as its documentation uses it. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { type Answer, type Connection, loadPromises, type Subject } from "../subject.ts"

const messageLimit = 64 * 1024 * 1024

const connect = async (transport: Parameters<Client["connect"]>[0]): Promise<Connection> => {
  const client = new Client({ name: "bench", version: "1" })
  await client.connect(transport)
  const listTools = async () => {
    const tools: Array<unknown> = []
    let cursor: string | undefined
    do {
      const page = await client.listTools(cursor === undefined ? {} : { cursor })
      for (const tool of page.tools) tools.push(tool)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return tools
  }
  await listTools()
  return {
    // The declared result is a union with the answers of 2024-10-07, which the raw server never gives.
    load: loadPromises(
      (value, signal) =>
        client.callTool(
          { name: "echo", arguments: { value } },
          undefined,
          signal === undefined ? {} : { signal },
        ) as Promise<Answer>,
    ),
    listTools,
    close: () => client.close(),
  }
}

export const subject: Subject = {
  stdio: (servers) =>
    Promise.all(
      servers.map(({ command, args }) =>
        connect(new StdioClientTransport({ command, args: [...args], maxBufferSize: messageLimit })),
      ),
    ),
  http: (url) => connect(new StreamableHTTPClientTransport(new URL(url))),
}
