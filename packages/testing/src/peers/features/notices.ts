/** Tools that make the server say something of itself: that a resource changed, and what it logs. */
import { type Features, levels, members, number, schema, string, structured } from "./feature.ts"

export const noticeFeatures = (received: ReadonlyArray<unknown>, subscribed: ReadonlySet<string>): Features => ({
  touch: [
    {
      description: "Says that a resource was updated, where this session subscribed to it",
      inputSchema: schema({ uri: string }),
    },
    async ({ uri }, call) => {
      const told = subscribed.has(String(uri))
      if (told) await call.sdk.updated(String(uri))
      return structured({ told })
    },
  ],
  subscriptions: [
    { description: "What this session subscribed to", inputSchema: schema() },
    () => structured({ subscriptions: [...subscribed] }),
  ],
  chatter: [
    {
      description: "Logs so many messages (1) of a level (info, or `every`), where the client's level lets them pass",
      inputSchema: schema({ count: number, level: string, logger: string }, []),
    },
    async ({ count = 1, level = "info", logger = "peer" }, call) => {
      const chosen = levels.filter((one) => level === "every" || level === one)
      for (let at = 1; at <= Number(count); at++) {
        for (const one of chosen) await call.sdk.log(one, { message: `message ${at}`, at }, String(logger))
      }
      return structured({ count })
    },
  ],
  level: [
    { description: "The level that a client set last", inputSchema: schema() },
    () => {
      const set = received.map(members).findLast(({ method }) => method === "logging/setLevel")
      return structured({ level: members(set?.params).level ?? null })
    },
  ],
})
