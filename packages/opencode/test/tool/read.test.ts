import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { it } from "@opencode-ai/testing/effect"
import { png } from "@opencode-ai/testing/peers/features/media"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { AskInput } from "../../src/permission/index.ts"
import * as ToolRegistry from "../../src/tool/registry.ts"
import * as Truncate from "../../src/tool/truncate.ts"

/** A worktree with a directory beside it that is none of the model's business. */
const worktree = Effect.gen(function* () {
  const root = yield* temporaryDirectory
  const tree = join(root, "tree")
  mkdirSync(join(tree, "src"), { recursive: true })
  mkdirSync(join(root, "tree-beside"))
  writeFileSync(join(root, "tree-beside", "secret"), "secret")
  writeFileSync(join(tree, "src", "a.txt"), "one\ntwo\nthree\n")
  writeFileSync(join(tree, "pixel.png"), Buffer.from(png, "base64"))
  writeFileSync(join(tree, "program"), Buffer.from([1, 0, 2]))
  writeFileSync(join(tree, ".env"), "KEY=1")
  symlinkSync(join(root, "tree-beside", "secret"), join(tree, "link"))
  symlinkSync(join(tree, ".env"), join(tree, "harmless"))
  const asked: Array<Pick<AskInput, "permission" | "patterns">> = []
  const layer = ToolRegistry.layer({ directory: tree }).pipe(
    Layer.provideMerge(Truncate.layer),
    Layer.provide([NodeFileSystem.layer, NodePath.layer]),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { XDG_DATA_HOME: join(root, "data") } }))),
  )
  const context = yield* Layer.build(layer)
  const read = (args: unknown) =>
    Effect.gen(function* () {
      const [tool] = yield* (yield* ToolRegistry.Service).all()
      if (tool === undefined) return yield* Effect.die("there is no tool")
      return yield* tool.execute(args, {
        sessionID: "ses_1",
        messageID: "msg_1",
        callID: "call_1",
        metadata: () => Effect.void,
        ask: ({ patterns, permission }) => Effect.sync(() => void asked.push({ permission, patterns })),
      })
    }).pipe(Effect.provide(context))
  return {
    root,
    tree,
    asked,
    read,
    why: (args: unknown) => Effect.map(Effect.flip(read(args)), ({ message }) => message),
  }
})

describe("read", () => {
  it.live("gives the lines of a file with their numbers, as far as it is asked", () =>
    Effect.gen(function* () {
      const { asked, read, tree } = yield* worktree
      expect((yield* read({ filePath: "src/a.txt" })).output).toBe("1: one\n2: two\n3: three")
      expect((yield* read({ filePath: join(tree, "src/a.txt"), offset: 2, limit: 1 })).output).toBe(
        "2: two\n\n[It has 3 lines: go on with offset 3.]",
      )
      expect((yield* read({ filePath: "src/a.txt", offset: 9 })).output).toBe("(it has 3 lines)")
      expect(asked[0]).toEqual({ permission: "read", patterns: [join("src", "a.txt")] })
    }),
  )

  it.live("attaches a picture", () =>
    Effect.gen(function* () {
      const { read } = yield* worktree
      expect((yield* read({ filePath: "pixel.png" })).attachments).toEqual([
        { type: "file", mime: "image/png", filename: "pixel.png", url: `data:image/png;base64,${png}` },
      ])
    }),
  )

  it.live("leaves the worktree on no path, and asks for what a link leads to", () =>
    Effect.gen(function* () {
      const { asked, read, root, why } = yield* worktree
      for (const filePath of ["../tree-beside/secret", "link", join(root, "tree-beside", "secret"), "/etc/passwd"]) {
        expect(yield* why({ filePath })).toContain("it is outside of the worktree")
      }
      expect(asked).toEqual([])
      yield* read({ filePath: "harmless" })
      expect(asked).toEqual([{ permission: "read", patterns: [".env"] }])
    }),
  )

  it.live("says why there is nothing to read", () =>
    Effect.gen(function* () {
      const { why } = yield* worktree
      expect(yield* why({ filePath: "src" })).toContain("it is no file")
      expect(yield* why({ filePath: "program" })).toContain("it is a binary file")
      expect(yield* why({ filePath: "nothing" })).toContain("nothing was not read")
      expect(yield* why({ filePath: "a\0b" })).toContain("expected its path as filePath")
      expect(yield* why("x")).toContain("expected its path as filePath")
    }),
  )

  it.live("reads on in an output that was cut", () =>
    Effect.gen(function* () {
      const { read, root } = yield* worktree
      const directory = join(root, "data", "opencode", "tool-output")
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, "tool_1.txt"), "whole")
      expect((yield* read({ filePath: join(directory, "tool_1.txt") })).output).toBe("1: whole")
    }),
  )
})
