/** The SDK's second client, `@modelcontextprotocol/client`, as its documentation uses it. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { type Connection, loadPromises, type Subject } from "../subject.ts"

const messageLimit = 64 * 1024 * 1024

const connect = async (transport: Parameters<Client["connect"]>[0]): Promise<Connection> => {
  const client = new Client({ name: "bench", version: "1" })
  await client.connect(transport)
  // It follows the pages by itself, and would answer the second time from its cache.
  const listTools = async () => (await client.listTools(undefined, { cacheMode: "refresh" })).tools
  await listTools()
  return {
    load: loadPromises((value, signal) =>
      client.callTool({ name: "echo", arguments: { value } }, signal === undefined ? {} : { signal }),
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
