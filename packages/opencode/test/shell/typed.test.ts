/** The operations of the shell as a person types them, on a real server, and what is told of them above the line. */
import { it } from "@opencode-ai/testing/effect"
import { sdkV1Tasks } from "@opencode-ai/testing/peers/served"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { world } from "../cli/program.ts"

const tab = "\t"

it.live(
  "subscriptions, levels, completion, templates and tasks",
  () =>
    Effect.gen(function* () {
      const { processes, terminal, write } = yield* world
      const config = write("servers.json", { mcp: { s: sdkV1Tasks({ pollInterval: 20 }) } })
      const { code, text } = yield* terminal(["shell", "--config", config], {
        keys: [
          ["s connected", "subscribe s test://text\r"],
          [/done[^]*mcp> /, "call s touch uri=test://text\r"],
          [/updated s test:\/\/text/, "unsubscribe s test://text\r"],
          [/done[^]*mcp> /, "setLevel s error\r"],
          [/done[^]*mcp> /, "call s chatter level=every logger=db\r"],
          [/emergency s [^]*mcp> /, "complete s greet name Pa\r"],
          [/\nParis[^]*mcp> /, "templates s\r"],
          [/test:\/\/item\/\{id\}[^]*mcp> /, `read s test://item/{id} i${tab}`],
          ["id=", "7\r"],
          [/test:\/\/item\/7[^]*mcp> /, "call s either text=now --task\r"],
          [/task s \S+ completed[^]*mcp> /, "tasks s\r"],
          [/"status": "completed"[^]*mcp> /, "ping s\r"],
          [/"ms"[^]*mcp> /, `roots [{"uri": "file:///srv"}]\r`],
          [/done[^]*mcp> /, `call s ask method=roots/list\r`],
          [/file:\/\/\/srv[^]*mcp> /, "task.get s nobody\r"],
          [/error: [^]*not found[^]*mcp> /, "exit\r"],
        ],
      })
      expect(text).not.toMatch(/\n(debug|info|warning) s /)
      expect(code).toBe(0)
      expect(processes()).toEqual([])
    }),
  60_000,
)
