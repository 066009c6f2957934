/** Servers that nobody signs in to, as a configuration file names them. */
import { it } from "@opencode-ai/testing/effect"
import { grantTypes } from "@opencode-ai/testing/peers/authorization/assertions"
import { protectedMcp } from "@opencode-ai/testing/peers/authorization/protected"
import { authorizationServer } from "@opencode-ai/testing/peers/authorization/server"
import { describe, expect } from "@opencode-ai/testing/runner"
import * as Effect from "effect/Effect"
import { generateKeyPairSync } from "node:crypto"
import { json, world } from "./program.ts"

const machine = (client_id: string, grant = "client_credentials") => ({
  client_id,
  redirect_uris: [],
  response_types: [],
  grant_types: [grant],
})

const key = generateKeyPairSync("ec", { namedCurve: "P-256" })
const pem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString()
const jwk = { kty: "EC", ...key.publicKey.export({ format: "jwk" }), kid: "the-key" }

const secrets = { robot: "s3cr3t-of-the-robot", provider: "s3cr3t-of-the-provider", desk: "s3cr3t-of-the-desk" }

const peers = Effect.gen(function* () {
  const provider = yield* authorizationServer({
    exchange: true,
    clients: [
      {
        ...machine("desk", grantTypes.exchange),
        client_secret: secrets.provider,
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
  })
  const authorization = yield* authorizationServer({
    trusts: [provider],
    clients: [
      { ...machine("robot"), client_secret: secrets.robot },
      { ...machine("signer"), token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwk] } },
      { ...machine("job", grantTypes.bearer), token_endpoint_auth_method: "none" },
      { ...machine("desk", grantTypes.bearer), client_secret: secrets.desk },
    ],
  })
  const server = yield* protectedMcp(authorization)
  const bound = yield* protectedMcp(authorization, { dpop: "nonce" })
  return { provider, authorization, server, bound }
})

describe("a server with a grant that needs no person", () => {
  it.live("is connected by list, whichever grant it is, and a call says as whom", () =>
    Effect.gen(function* () {
      const { authorization, bound, provider, server } = yield* peers
      const here = yield* world
      const idToken = yield* provider.sign({ sub: "dora", aud: "desk" })
      const token = here.write("token", "")
      const robot = { grant: "client_credentials", clientId: "robot", clientSecret: "{env:ROBOT_SECRET}" }
      const servers = {
        credentials: { type: "remote", url: server.url, oauth: robot },
        bound: { type: "remote", url: bound.url, oauth: robot },
        signed: {
          type: "remote",
          url: server.url,
          oauth: {
            grant: "private_key_jwt",
            clientId: "signer",
            privateKey: here.write("key.pem", pem),
            keyId: "the-key",
          },
        },
        // As OpenCode 2 spells it.
        workload: {
          type: "remote",
          url: server.url,
          oauth: { grant: "workload_identity", client_id: "job", token_file: token },
        },
        enterprise: {
          type: "remote",
          url: server.url,
          oauth: {
            grant: "enterprise",
            clientId: "desk",
            clientSecret: secrets.desk,
            idpIssuer: provider.issuer,
            idpClientId: "desk",
            idpClientSecret: secrets.provider,
            idToken: "{env:ID_TOKEN}",
          },
        },
      }
      const env = { ROBOT_SECRET: secrets.robot, ID_TOKEN: idToken }
      here.write("token", yield* provider.sign({ sub: "the-job", aud: authorization.issuer }))
      const listed = yield* here.mcp(servers, ["list", "--json"], { env })
      expect(
        json(listed).map(({ error, name, status }: Readonly<Record<string, unknown>>) => ({ name, status, error })),
      ).toEqual(Object.keys(servers).map((name) => ({ name, status: "connected", error: undefined })))
      const asked = authorization.of("token").length
      // Another run uses what was kept: the workload's token is good for one exchange alone.
      const whoami = (name: string) =>
        Effect.map(here.mcp(servers, ["call", name, "whoami", "--json"], { env }), (result) => {
          expect(result.stderr).not.toContain("error:")
          return json(result).structuredContent
        })
      expect(yield* whoami("credentials")).toMatchObject({ clientId: "robot" })
      expect(yield* whoami("bound")).toMatchObject({ clientId: "robot" })
      expect(yield* whoami("signed")).toMatchObject({ clientId: "signer" })
      expect(yield* whoami("workload")).toMatchObject({ clientId: "job", subject: "the-job" })
      expect(yield* whoami("enterprise")).toMatchObject({ clientId: "desk", subject: "dora" })
      expect(authorization.of("token").length).toBe(asked)
    }),
  )

  it.live("that is refused says which field to correct, and no secret", () =>
    Effect.gen(function* () {
      const { server } = yield* peers
      const here = yield* world
      const oauth = { grant: "client_credentials", clientId: "robot", clientSecret: "wr0ng-s3cr3t" }
      const wrong = yield* here.mcp({ docs: { type: "remote", url: server.url, oauth } }, ["tools", "docs"])
      expect(wrong.code).toBe(3)
      expect(wrong.stderr).toContain(`Correct "clientId" and "clientSecret" under "oauth" in the server's entry.`)
      expect(`${wrong.stdout}${wrong.stderr}`).not.toContain("wr0ng")
      const missing = { grant: "private_key_jwt", clientId: "signer" }
      const entry = yield* here.mcp({ docs: { type: "remote", url: server.url, oauth: missing } }, ["list"])
      expect(`${entry.stdout}${entry.stderr}`).toContain("privateKey")
    }),
  )
})
