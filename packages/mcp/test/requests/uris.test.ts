/** What a resource is called is the server's affair: no name becomes a path here, and a `file:` is the server's to read (ATTACKS 32). */
import * as Effect from "effect/Effect"
import { config, testMcp } from "@opencode-ai/testing/client"
import { it, testEffect } from "@opencode-ai/testing/effect"
import { sdkV2 } from "@opencode-ai/testing/peers/served"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Mcp, Template } from "../../src/index.ts"
import { failure } from "../support/scripted.ts"
import { answering, unchecked } from "../support/unchecked.ts"

const uris = [
  "file:///etc/passwd",
  "file:///etc/passwd\u0000.txt",
  "file://host/share/secret",
  "FILE:///C:/Windows/win.ini",
  "/etc/passwd",
  "../../../../etc/passwd",
  "..\\..\\windows\\win.ini",
  "\\\\host\\share\\secret",
  "~/.ssh/id_rsa",
  "$(cat /etc/passwd)",
  "http://169.254.169.254/latest/meta-data",
  "javascript:alert(1)",
  "con",
  "",
]

describe("a URI", () => {
  it.live("goes to the server as it is, and what comes back is what the server says, whatever it looks like", () =>
    Effect.gen(function* () {
      const resources = uris.filter((uri) => uri !== "").map((uri) => ({ uri, name: uri, mimeType: "../../x" }))
      const contents = [{ uri: "file:///etc/shadow", text: "the server's own" }]
      const { mcp, peer } = yield* unchecked({
        capabilities: { resources: { subscribe: true } },
        on: {
          "resources/list": answering({ resources }),
          "resources/templates/list": answering({ resourceTemplates: [] }),
          "resources/read": answering({ contents }),
          "resources/subscribe": answering({}),
        },
      })
      expect<unknown>((yield* mcp.resources("__proto__")).map(({ item }) => item)).toEqual(resources)
      for (const uri of uris) {
        expect<unknown>(yield* mcp.readResource("__proto__", uri)).toEqual({ contents })
        yield* mcp.subscribe("__proto__", uri)
      }
      for (const method of ["resources/read", "resources/subscribe"])
        expect(peer.of(method).map(({ rpc }) => Object(rpc.params).uri)).toEqual(uris)
    }),
  )

  testEffect(testMcp()).live("of a file that is here is not read here: the server does not know it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = join(directory, "secret.txt")
      writeFileSync(file, "the secret of this machine")
      const mcp = yield* Mcp
      yield* mcp.add(config("a", sdkV2()))
      const error = yield* failure(mcp.readResource("a", pathToFileURL(file).href))
      expect(error.reason._tag).toBe("Protocol")
      expect(error.message).not.toContain("the secret")
      expect(existsSync(file)).toBe(true)
    }),
  )

  it.effect("of a template takes no value that would leave its place", () =>
    Effect.gen(function* () {
      const template = yield* Effect.fromResult(Template.parse("file:///srv/{name}"))
      for (const [value, expanded] of [
        ["../../etc/passwd", "file:///srv/..%2F..%2Fetc%2Fpasswd"],
        ["a\u0000b", "file:///srv/a%00b"],
        ["..\\..", "file:///srv/..%5C.."],
        ["?x#y", "file:///srv/%3Fx%23y"],
      ] as const)
        expect(yield* Effect.fromResult(template.expand({ name: value }))).toBe(expanded)
    }),
  )
})
