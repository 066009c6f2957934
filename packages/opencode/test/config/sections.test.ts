import { testEffect } from "@opencode-ai/testing/effect"
import { expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Provider from "../../src/provider/layer.ts"
import { Service as Models } from "../../src/provider/provider.ts"
import { Sections } from "../../src/config/sections.ts"
import { platform, world } from "./world.ts"

const it = testEffect(platform)
type World = Effect.Success<typeof world>

/** The sections as a session has them. */
const sections = ({ provide, read }: World, env: Readonly<Record<string, string>> = {}, trusted = true) =>
  Effect.flatMap(read(env), (snapshot) =>
    Effect.provide(
      Effect.map(Sections, (each) => each),
      Sections.layer(snapshot, { trusted }),
    ),
  ).pipe(provide(env))

/** A model, or why there is none. */
const model = ({ provide, read }: World, id?: string, env: Readonly<Record<string, string>> = {}) =>
  Effect.flatMap(read(env), (snapshot) =>
    Effect.flatMap(Models, (provider) => provider.model(id)).pipe(
      Effect.provide(Layer.provide(Provider.layer, Sections.layer(snapshot, { trusted: true }))),
    ),
  ).pipe(provide(env))

const why = (here: World, id?: string, env: Readonly<Record<string, string>> = {}) =>
  Effect.map(Effect.flip(model(here, id, env)), ({ message }) => message.replaceAll(here.root, "…"))

it.live("sections are merged deeply, the later file over the earlier, and each is substituted where it stands", () =>
  Effect.gen(function* () {
    const here = yield* world
    yield* here.write("home/.config/opencode/key.txt", "sk-from-a-file-123\n")
    yield* here.write(
      "home/.config/opencode/opencode.json",
      JSON.stringify({
        model: "a/one",
        provider: { a: { options: { apiKey: "{file:key.txt}", baseURL: "https://a" }, models: { one: {} } } },
        permission: { "*": "ask", a_b: "allow" },
      }),
    )
    yield* here.write(
      "repo/opencode.jsonc",
      `{ "model": "a/two", // later
         "provider": { "a": { "options": { "baseURL": "https://{env:HOST}" }, "models": { "two": {} } } },
         "permission": { "a_b": "deny" } }`,
    )
    const { get, mask } = yield* sections(here, { HOST: "my-host.example" })
    expect(get("model").value).toBe("a/two")
    expect(get("provider").value).toEqual({
      a: {
        options: { apiKey: "sk-from-a-file-123", baseURL: "https://my-host.example" },
        models: { one: {}, two: {} },
      },
    })
    expect(get("permission").value).toEqual({ "*": "ask", a_b: "allow" })
    expect(get("permission").limits.map(({ value }) => value)).toEqual([{ a_b: "deny" }])
    expect(get("experimental").value).toBeUndefined()
    expect(mask("sk-from-a-file-123 at my-host.example")).toBe("*** at ***")
  }),
)

it.live("what is secret in a provider's options is masked though no token brought it", () =>
  Effect.gen(function* () {
    const here = yield* world
    yield* here.write(
      "home/.opencode/opencode.json",
      JSON.stringify({
        provider: {
          a: {
            options: {
              apiKey: "sk-literal-key",
              headers: { Authorization: "Bearer abc-def-ghi", "X-Team": "secret-team", Accept: "text/plain" },
              baseURL: "https://user:pass%20word@a.example/v1",
            },
          },
        },
      }),
    )
    const { mask } = yield* sections(here)
    expect(mask("sk-literal-key, abc-def-ghi, secret-team, pass%20word, pass word; text/plain at a.example")).toBe(
      "***, ***, ***, ***, ***; text/plain at a.example",
    )
  }),
)

it.live("a project that is not trusted names no provider, and allows nothing; it may forbid", () =>
  Effect.gen(function* () {
    const here = yield* world
    yield* here.write("home/.opencode/opencode.json", JSON.stringify({ provider: { mine: { name: "Mine" } } }))
    const file = yield* here.write(
      "repo/opencode.json",
      JSON.stringify({
        model: "mine/other",
        provider: { mine: { options: { baseURL: "https://evil.example" } }, evil: {} },
        permission: { a: "allow", b: "deny", read: { "*": "allow", "*.key": "deny" } },
      }),
    )
    const untrusted = yield* sections(here, {}, false)
    expect(untrusted.get("provider").value).toEqual({ mine: { name: "Mine" } })
    expect(untrusted.get("permission").value).toBeUndefined()
    expect(untrusted.get("permission").limits).toEqual([{ file, value: { b: "deny", read: { "*.key": "deny" } } }])
    expect(untrusted.get("model").value).toBe("mine/other")
    expect(untrusted.warnings).toEqual([
      `${file}: a project's "provider" and what its "permission" allows count with --trust alone, ignored`,
    ])
    const trusted = yield* sections(here)
    expect(trusted.get("provider").value).toMatchObject({ evil: {} })
    expect(trusted.warnings).toEqual([])
  }),
)

it.live("what a project's permissions say takes the place of none of the person's", () =>
  Effect.gen(function* () {
    const here = yield* world
    yield* here.write("home/.opencode/opencode.json", JSON.stringify({ permission: "ask" }))
    const file = yield* here.write("repo/opencode.json", JSON.stringify({ permission: { "*": "allow" } }))
    expect((yield* sections(here, {}, false)).get("permission").value).toEqual({ "*": "ask" })
    yield* here.write("repo/opencode.json", JSON.stringify({ permission: { read: "ask" } }))
    const harmless = (yield* sections(here)).get("permission")
    expect(harmless.value).toEqual({ "*": "ask" })
    expect(harmless.limits).toEqual([{ file, value: { read: "ask" } }])
    yield* here.write("repo/opencode.json", JSON.stringify({ permission: { read: "allow" } }))
    expect((yield* sections(here)).get("permission").value).toEqual({ "*": "ask", read: "allow" })
  }),
)

it.live("a broken provider is told of with its file and its path, and harms no other", () =>
  Effect.gen(function* () {
    const here = yield* world
    expect(yield* why(here)).toMatch(/^no model is configured\. Put a provider into opencode\.json:\n\{/)
    yield* here.write(
      "home/.opencode/opencode.json",
      JSON.stringify({
        provider: {
          good: { options: { baseURL: "https://good.example" }, models: { m: { limit: { context: 1000 } } } },
          bad: { npm: 5, options: "none", models: { m: {} } },
          file: { options: { apiKey: "{file:none.txt}" }, models: { m: {} } },
          limits: { options: { baseURL: "https://x" }, models: { m: { limit: { context: "big" } } } },
          nowhere: { models: { m: {} } },
          missing: { npm: "@ai-sdk/none-such", models: { m: {} } },
          path: { npm: "../evil.js", models: { m: {} } },
          other: { npm: "effect", models: { m: {} } },
        },
      }),
    )
    const at = "…/home/.opencode/opencode.json: provider"
    expect(yield* why(here)).toMatch(/^no model is chosen: put "model": "good\/m" into opencode\.json, or give --model/)
    expect(yield* why(here, "bad/m")).toBe(
      `${at}.bad.npm: expected string, found 5; ${at}.bad.options: expected object, found a string`,
    )
    expect(yield* why(here, "file/m")).toMatch(/provider\.file: \{file:none\.txt\}: .* does not exist$/)
    expect(yield* why(here, "limits/m")).toBe(`${at}.limits.models.m.limit.context: expected number, found a string`)
    expect(yield* why(here, "nowhere/m")).toMatch(/nowhere\.options\.baseURL: expected the URL of the provider/)
    expect(yield* why(here, "missing/m")).toMatch(
      /missing\.npm: the package @ai-sdk\/none-such is not installed; run: npm/,
    )
    expect(yield* why(here, "path/m")).toBe(`${at}.path.npm: expected the name of a package, found "../evil.js"`)
    expect(yield* why(here, "other/m")).toMatch(/other\.npm: effect is no provider of the AI SDK/)
    const found = yield* model(here, "good/m")
    expect(found).toMatchObject({ providerID: "good", modelID: "m", limit: { context: 1000 }, input: { image: false } })
  }),
)
