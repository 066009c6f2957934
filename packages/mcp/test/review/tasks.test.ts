import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import type { ElicitationRequest } from "../../src/capability/elicitation.ts"
import { CapabilityLayer } from "../../src/index.ts"
import { failure, scripted, start } from "../support/scripted.ts"
import { begin, done, state } from "../tasks/one-task.ts"

describe("a task", () => {
  it.effect("of the next session is another one where it was made at another time, though it has the same id", () =>
    Effect.gen(function* () {
      let sessions = 0
      const { call, client } = yield* begin({
        initialize: () => {
          sessions += 1
          return undefined
        },
        "tasks/get": () =>
          sessions === 1
            ? "silence"
            : {
                result: state("completed", {
                  createdAt: "2026-01-01T00:05:00Z",
                  lastUpdatedAt: "2026-01-01T00:05:00Z",
                }),
              },
        "tasks/result": () => ({ result: done }),
      })
      const fiber = yield* start(failure(call()))
      yield* TestClock.adjust(1_000)
      client("a").end("gone")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TaskError", reason: { _tag: "Lost" } })
    }),
  )
})

describe("a question for the sake of a task", () => {
  it.effect("belongs to the call that the task is of, whoever else asks for its result meanwhile", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const elicit = ({ request }: ElicitationRequest) =>
        Effect.sync(() => {
          asked.push(request)
          return { action: "decline" as const }
        })
      const client = CapabilityLayer.make({ elicitation: { modes: ["form"], elicit } })
      const peer = yield* scripted({ client })
      const ask = (id: string) => {
        const _meta = { "io.modelcontextprotocol/related-task": { taskId: "t1" } }
        const params = { message: "?", requestedSchema: { type: "object", properties: {} }, _meta }
        peer.send({ jsonrpc: "2.0", id, method: "elicitation/create", params })
        return peer.wire.first("sent", (message) => message.id === id)
      }
      const end = peer.session.trackTask("t1", "the call")
      const endOther = peer.session.trackTask("t1", undefined)
      yield* ask("both")
      endOther()
      yield* ask("one")
      end()
      yield* ask("none")
      expect(asked).toEqual(["the call", "the call", undefined])
    }),
  )
})
