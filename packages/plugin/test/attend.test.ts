import * as Bus from "@opencode-ai/opencode/bus/index"
import * as McpEvent from "@opencode-ai/opencode/mcp/event"
import { testEffect } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { attend } from "../src/instance.ts"

testEffect(Bus.layer).live("OpenCode is told as well what happened while it was shaking hands", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Service
    const [asked, answer, last] = [
      Deferred.makeUnsafe<void>(),
      Deferred.makeUnsafe<void>(),
      Deferred.makeUnsafe<void>(),
    ]
    const calls: Array<string> = []
    const gateway = {
      changed: () => undefined,
      due: () => Effect.sync(() => (calls.length < 2 ? ("connect" as const) : undefined)),
      renewing: new Set<string>(),
      isBusy: () => false,
    }
    const connect = ({ path: { name } }: { readonly path: { readonly name: string } }) => {
      calls.push(name)
      Deferred.doneUnsafe(calls.length === 1 ? asked : last, Effect.void)
      return Effect.runPromise(Deferred.await(answer))
    }
    const told = { log: () => undefined, toast: () => undefined }
    yield* attend(gateway, told, { mcp: { connect, disconnect: async () => undefined } })
    yield* bus.publish(McpEvent.StatusChanged, { server: "near", status: "connected" })
    yield* Deferred.await(asked)
    yield* bus.publish(McpEvent.StatusChanged, { server: "near", status: "failed", error: "it has ended" })
    Deferred.doneUnsafe(answer, Effect.void)
    yield* Deferred.await(last)
    expect(calls).toEqual(["near", "near"])
  }),
)
