// Which way imports may point, between the packages and between the rooms of packages/mcp/src. This table is the
// whole rule: `house.ts` only looks it up. A package or room that is not listed may import nothing of ours.

/** What the sources of a package may import; its tests may import every package. */
export const packages: Record<string, ReadonlyArray<string>> = {
  mcp: [],
  opencode: ["mcp", "inbox"],
  plugin: ["mcp", "opencode", "inbox"],
  inbox: ["mcp"],
  testing: ["mcp", "opencode", "plugin", "inbox", "bench"],
  bench: ["mcp", "opencode", "plugin", "inbox", "testing"],
}

const folders = [
  "protocol",
  "process",
  "http",
  "auth",
  "transport",
  "notification",
  "capability",
  "session",
  "tasks",
  "catalog",
  "schema",
  "sharing",
]

/** What each room of packages/mcp/src may import: a room is a folder, a file, or a file with the folder of its name. */
export const rooms: Record<string, ReadonlyArray<string>> = {
  protocol: [],
  http: [],
  process: [],
  auth: ["http", "process", "protocol", "config"],
  transport: ["auth", "http", "process", "protocol"],
  sharing: ["transport", "process", "notification", "protocol"],
  notification: ["protocol"],
  capability: ["schema", "protocol"],
  session: ["transport", "notification", "capability", "protocol"],
  tasks: ["session", "protocol"],
  catalog: ["session", "notification", "config", "protocol"],
  schema: ["protocol"],
  config: ["protocol"],
  events: ["protocol"],
  error: ["events", "protocol"],
  connection: [...folders, "config", "events"],
  mcp: [...folders, "config", "events", "error", "connection"],
  index: [...folders, "config", "events", "error", "connection", "mcp"],
}
