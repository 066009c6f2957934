import { expect, test } from "@opencode-ai/testing/runner"
import * as Callers from "../src/callers.ts"

const announce = ({ hooks }: Callers.Callers, sessionID: string, callID: string, args: object, tool = "near_read") =>
  hooks["tool.execute.before"]?.({ tool, sessionID, callID }, { args })

test("a call is of the session that announced it, by its tool and arguments, once", async () => {
  const callers = Callers.make()
  await announce(callers, "one", "call_1", { path: "a" })
  await announce(callers, "two", "call_1", { path: "b" })
  expect(callers.of("near_write", { path: "b" })).toBeUndefined()
  expect(callers.of("near_read", { path: "b" })).toEqual({ sessionID: "two", callID: "call_1" })
  // Another plugin changed the arguments, and one session alone waits for this tool.
  expect(callers.of("near_read", { path: "c" })).toEqual({ sessionID: "one", callID: "call_1" })
  expect(callers.of("near_read", { path: "a" })).toBeUndefined()
})

test("a call that two sessions may have made is of neither", async () => {
  const callers = Callers.make()
  await announce(callers, "one", "call_1", {})
  await announce(callers, "two", "call_2", {})
  expect(callers.of("near_read", {})).toBeUndefined()
  // It was not allowed, and its session is idle.
  await callers.hooks.event?.({ event: { type: "session.idle", properties: { sessionID: "one" } } })
  expect(callers.of("near_read", {})).toEqual({ sessionID: "two", callID: "call_2" })
})

test("what was announced and never came is forgotten after 256 more", async () => {
  const callers = Callers.make()
  for (let call = 0; call <= 256; call++) await announce(callers, `of ${call}`, `call_${call}`, {}, `near_${call}`)
  expect(callers.of("near_0", {})).toBeUndefined()
  expect(callers.of("near_1", {})).toEqual({ sessionID: "of 1", callID: "call_1" })
})
