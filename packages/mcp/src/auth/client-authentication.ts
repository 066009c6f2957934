/** How a client says at the token endpoint who it is (RFC 6749, 2.3.1). */
import type { OAuthClientInformationMixed, OAuthClientProvider } from "@modelcontextprotocol/client"
import * as Redacted from "effect/Redacted"
import type { Sdk } from "./sdk.ts"
import type { Client } from "./store.ts"

const informationOf = ({ id, method, secret }: Client): OAuthClientInformationMixed => ({
  client_id: id,
  ...(secret === undefined ? {} : { client_secret: Redacted.value(secret) }),
  ...(method === undefined ? {} : { token_endpoint_auth_method: method }),
})

/** By the method that the client was registered with, else by the first of those that the server takes and it can do. */
export const authentication =
  (sdk: Sdk, client: Client): NonNullable<OAuthClientProvider["addClientAuthentication"]> =>
  (headers, parameters, _url, metadata) => {
    const supported = metadata?.token_endpoint_auth_methods_supported ?? []
    const method = sdk.selectClientAuthMethod(informationOf(client), supported)
    const secret = client.secret === undefined ? undefined : Redacted.value(client.secret)
    if (method === "client_secret_basic" && secret !== undefined) {
      // As in a form: a plus or a percent sign would be another secret to a server that reads it as the RFC says.
      const pair = `${encodeURIComponent(client.id)}:${encodeURIComponent(secret)}`
      headers.set("authorization", `Basic ${Buffer.from(pair).toString("base64")}`)
      return
    }
    parameters.set("client_id", client.id)
    if (method === "client_secret_post" && secret !== undefined) parameters.set("client_secret", secret)
  }
