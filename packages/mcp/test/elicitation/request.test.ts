import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { CapabilityLayer, Method } from "../../src/index.ts"
import { scripted } from "../support/scripted.ts"
import { accept, asker, form, visit } from "./asker.ts"

const field = (schema: unknown) => form({ it: schema })
const at = "requestedSchema.properties.it"

const malformed: ReadonlyArray<{ readonly name: string; readonly params: unknown; readonly says: string }> = [
  { name: "no parameters", params: undefined, says: "message must be a string" },
  {
    name: "no message",
    params: { ...field({ type: "string" }), message: undefined },
    says: "message must be a string",
  },
  {
    name: "a message of a book",
    params: { ...form({}), message: "a".repeat(70_000) },
    says: "at most 65536 are taken",
  },
  { name: "a mode that there is not", params: { ...form({}), mode: "voice" }, says: 'mode must be "form" or "url"' },
  { name: "a mode of null", params: { ...form({}), mode: null }, says: 'mode must be "form" or "url"' },
  { name: "no schema", params: { message: "x" }, says: "requestedSchema must be an object" },
  {
    name: "a schema that is none",
    params: { message: "x", requestedSchema: true },
    says: "requestedSchema must be an",
  },
  {
    name: "a schema of a list",
    params: { message: "x", requestedSchema: { type: "array", properties: {} } },
    says: 'requestedSchema.type must be "object"',
  },
  {
    name: "no properties",
    params: { message: "x", requestedSchema: { type: "object" } },
    says: "requestedSchema.properties must be an object",
  },
  {
    name: "a required field that there is not",
    params: form({ it: { type: "string" } }, ["other"]),
    says: 'requestedSchema.required has "other"',
  },
  {
    name: "required that is no list",
    params: { message: "x", requestedSchema: { type: "object", properties: {}, required: "it" } },
    says: "requestedSchema.required must be an array",
  },
  {
    name: "more fields than anybody fills in",
    params: form(Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`field${at}`, { type: "string" }]))),
    says: "has 201 fields, and at most 200 are taken",
  },
  {
    name: "a name of a page",
    params: form({ ["a".repeat(300)]: { type: "string" } }),
    says: "more than 200 characters",
  },
  { name: "a field that is no schema", params: field("string"), says: `${at} must be the schema of a field` },
  { name: "a field without a type", params: field({}), says: `${at}.type must be one of "string"` },
  {
    name: "an object within the form",
    params: field({ type: "object", properties: {} }),
    says: "the fields of a form are not nested",
  },
  { name: "several types", params: field({ type: ["string", "null"] }), says: `${at}.type must be one of` },
  { name: "a reference", params: field({ $ref: "#/$defs/it" }), says: `${at}.type must be one of` },
  {
    name: "a reference beside a type",
    params: field({ type: "string", $ref: "https://example.com/schema" }),
    says: "nothing is fetched",
  },
  {
    name: "a list of objects",
    params: field({ type: "array", items: { type: "object" } }),
    says: `${at}.items.type must be "string"`,
  },
  {
    name: "a list of anything",
    params: field({ type: "array", items: { type: "string" } }),
    says: `${at}.items must have an enum of strings`,
  },
  { name: "a list without items", params: field({ type: "array" }), says: `${at}.items must be an object` },
  { name: "a title that is none", params: field({ type: "string", title: 1 }), says: `${at}.title must be a string` },
  {
    name: "a format that is not known",
    params: field({ type: "string", format: "hostname" }),
    says: `${at}.format must be "email" or "uri" or "date" or "date-time"`,
  },
  {
    name: "a length below nothing",
    params: field({ type: "string", minLength: -1 }),
    says: `${at}.minLength must be a whole number from 0 on`,
  },
  {
    name: "lengths that no text has",
    params: field({ type: "string", minLength: 3, maxLength: 2 }),
    says: `${at}.minLength must not be greater than`,
  },
  {
    name: "bounds that no number has",
    params: field({ type: "integer", minimum: 3, maximum: 2 }),
    says: `${at}.minimum must not be greater than`,
  },
  {
    name: "a bound that is none",
    params: field({ type: "number", minimum: "3" }),
    says: `${at}.minimum must be a number`,
  },
  {
    name: "a pattern that has no linear time",
    params: field({ type: "string", pattern: "^(a+)\\1$" }),
    says: "cannot be matched in linear time",
  },
  { name: "a pattern that is none", params: field({ type: "string", pattern: "(" }), says: "pattern" },
  { name: "no choice", params: field({ type: "string", enum: [] }), says: `${at}.enum must have at least one choice` },
  { name: "a choice twice", params: field({ type: "string", enum: ["a", "a"] }), says: "must not have a choice twice" },
  { name: "a choice of numbers", params: field({ type: "string", enum: [1] }), says: `${at}.enum[0] must be a string` },
  {
    name: "too few names of choices",
    params: field({ type: "string", enum: ["a", "b"], enumNames: ["A"] }),
    says: `${at}.enumNames must have one name for each value`,
  },
  {
    name: "a choice without a title",
    params: field({ type: "string", oneOf: [{ const: "a" }] }),
    says: `${at}.oneOf[0].title must be a string`,
  },
  {
    name: "a choice without a value",
    params: field({ type: "array", items: { anyOf: [{ title: "A" }] } }),
    says: `${at}.items.anyOf[0].const must be a string`,
  },
  {
    name: "a default of another type",
    params: field({ type: "boolean", default: "yes" }),
    says: `${at}.default must be a boolean`,
  },
  {
    name: "a default that is no list",
    params: field({ type: "array", items: { enum: ["a"] }, default: "a" }),
    says: `${at}.default must be an array`,
  },
]

describe("a malformed question is refused before anybody is asked:", () => {
  it.effect.each(malformed)("%s", ({ params, says }) =>
    Effect.gen(function* () {
      const peer = yield* asker()
      const { error } = yield* peer.ask(params)
      expect(error?.code).toBe(-32602)
      expect(error?.message).toContain(says)
      expect(peer.asked).toEqual([])
    }),
  )
})

const secrets = [
  ...["password", "Password", "user_password", "APIKey", "api_key", "apikey", "accessToken", "token", "privateKey"],
  ...["cardNumber", "cvv2", "PIN", "pin", "clientSecret", "2FA code", "dbpassword", "secretAccessKey", "OAuth2 token"],
  ...["Your GitHub password (8+ characters)", "personal access token", "API keys", "contraseña", "密码"],
  ...[
    "Ｐａｓｓｗｏｒｄ",
    "pass\u200bword",
    "pass word",
    "Enter your PIN",
    "seed phrase",
    "Card number",
    "one-time code",
  ],
]
const harmless = [
  ...["maxTokens", "tokens", "tokenLimit", "token_count", "keyboard", "monkey", "secretary", "Keyword", "primary key"],
  ...["nextPageToken", "password policy", "passwordLength", "name", "email", "username", "pinned", "Pin color", "code"],
  ...[
    "cardinality",
    "Card title",
    "postal code",
    "country code",
    "compass",
    "passenger",
    "passport number",
    "secretName",
  ],
  ...["public key", "author", "authority", "Token limits"],
]

describe("a form does not ask for a secret", () => {
  it.effect.each(secrets)("%s", (name) =>
    Effect.gen(function* () {
      const peer = yield* asker()
      for (const properties of [{ [name]: { type: "string" } }, { value: { type: "string", title: name } }]) {
        const { error } = yield* peer.ask(form(properties))
        expect(error?.code).toBe(-32602)
        expect(error?.message).toContain(`requestedSchema.properties.${Object.keys(properties)[0]}`)
        expect(error?.message).toContain('use an elicitation of mode "url"')
      }
      expect(peer.asked).toEqual([])
    }),
  )
  it.effect("by its format either", () =>
    Effect.gen(function* () {
      const { error } = yield* (yield* asker()).ask(field({ type: "string", format: "password" }))
      expect(error?.message).toContain(`${at} asks for a secret`)
    }),
  )
  it.effect("but for what only sounds like one, and for what cannot hold one", () =>
    Effect.gen(function* () {
      const peer = yield* asker()
      const texts = Object.fromEntries(harmless.map((name) => [name, { type: "string", title: name }]))
      const choices = { token: { type: "string", enum: ["short", "long"] }, rememberPassword: { type: "boolean" } }
      const { result } = yield* peer.ask(form({ ...texts, ...choices }))
      expect(result).toEqual({ action: "decline" })
    }),
  )
})

describe("a mode", () => {
  it.effect("is form where none is named", () =>
    Effect.gen(function* () {
      const peer = yield* asker()
      yield* peer.ask(form({}))
      yield* peer.ask({ ...form({}), mode: "form" })
      expect(peer.asked.map(({ mode }) => mode)).toEqual(["form", "form"])
    }),
  )
  it.effect("that was not declared is -32602", () =>
    Effect.gen(function* () {
      const forms = yield* asker({ modes: ["form"] })
      expect((yield* forms.ask(visit("1"))).error).toMatchObject({
        code: -32602,
        message: expect.stringContaining("url"),
      })
      const visits = yield* asker({ modes: ["url"] })
      expect((yield* visits.ask(form({}))).error).toMatchObject({ code: -32602 })
      expect((yield* visits.ask({ ...form({}), mode: "form" })).error).toMatchObject({ code: -32602 })
      expect([...forms.asked, ...visits.asked]).toEqual([])
    }),
  )
  it.effect("is form alone before 2025-11-25, and nothing before 2025-06-18", () =>
    Effect.gen(function* () {
      const script = { protocolVersion: "2025-06-18" }
      const before = yield* asker({ script })
      const [{ params } = {}] = before.wire.messages("sent", "initialize")
      expect(params?.capabilities).toEqual({ elicitation: { form: {}, url: {} } })
      expect((yield* before.ask(visit("1"))).error?.code).toBe(-32602)
      expect((yield* before.ask(form({}))).result).toEqual({ action: "decline" })
      const older = yield* asker({ script: { protocolVersion: "2025-03-26" } })
      expect((yield* older.ask(form({}))).error?.code).toBe(-32601)
    }),
  )
  it.effect("is none where nobody can answer: nothing is declared, and the method is not known", () =>
    Effect.gen(function* () {
      for (const client of [
        CapabilityLayer.none,
        CapabilityLayer.make({ elicitation: { modes: [], elicit: () => Effect.succeed(accept()) } }),
      ]) {
        const peer = yield* scripted({ client })
        expect(peer.wire.messages("sent", "initialize")[0]?.params?.capabilities).toEqual({})
        peer.send({ jsonrpc: "2.0", id: "e", method: "elicitation/create", params: form({}) })
        expect((yield* peer.wire.first("sent", ({ id }) => id === "e")).error?.code).toBe(-32601)
        yield* peer.session.request(Method.ping, {})
      }
    }),
  )
  it.effect("that older revisions have not is not declared to them", () =>
    Effect.gen(function* () {
      const peer = yield* asker({ modes: ["url"], script: { session: { revision: "2025-06-18" } } })
      expect(peer.wire.messages("sent", "initialize")[0]?.params?.capabilities).toEqual({})
      expect((yield* peer.ask(form({}))).error?.code).toBe(-32601)
    }),
  )
})

describe("a form", () => {
  it.effect("reaches the person as it was sent, with the server and the call that it belongs to", () =>
    Effect.gen(function* () {
      const sent = {
        ...form({ name: { type: "string", description: "Your name", "x-order": 1 } }, ["name"]),
        _meta: { "example.com/a": 1 },
      }
      const asking = yield* asker({
        elicit: () => Effect.succeed(accept({ name: "Ada" })),
        script: {
          on: {
            "tools/call": ({ id }, client) => {
              client.send({ jsonrpc: "2.0", id: "e", method: "elicitation/create", params: sent })
              client.send({ jsonrpc: "2.0", id, result: { content: [] } })
              return "silence"
            },
          },
        },
      })
      yield* asking.session.request(Method.callTool, { name: "echo" }, { request: 7 })
      yield* asking.answerTo("e")
      expect(asking.asked).toHaveLength(1)
      expect(asking.asked[0]).toMatchObject({ server: "peer", request: 7, mode: "form", ...sent })
    }),
  )
})
