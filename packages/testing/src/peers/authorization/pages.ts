/** The two pages that a person meets at the authorization server: who they are, and what they allow. */
import type { IncomingMessage, ServerResponse } from "node:http"
import type Provider from "oidc-provider"
import type { InteractionResults } from "oidc-provider"
import { type Answer, type Arrived, send } from "./http.ts"

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const page = (title: string, body: string): Answer => ({
  html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>`,
})

const login = (action: string) =>
  page(
    "Sign in",
    `<form method="post" action="${action}"><label>Name <input name="login" value=""></label>` +
      `<label>Password <input type="password" name="password" value=""></label>` +
      `<button type="submit" name="decision" value="login">Sign in</button>` +
      `<button type="submit" name="decision" value="deny">Cancel</button></form>`,
  )

const consent = (action: string, client: string, scopes: ReadonlyArray<string>) => {
  const boxes = scopes.map((scope) => {
    const value = escaped(scope)
    return `<label><input type="checkbox" name="scope" value="${value}" checked> ${value}</label>`
  })
  return page(
    "Allow access",
    `<p><strong>${escaped(client)}</strong> asks for:</p><form method="post" action="${action}">${boxes.join("")}` +
      `<button type="submit" name="decision" value="allow">Allow</button>` +
      `<button type="submit" name="decision" value="deny">Deny</button></form>`,
  )
}

/** What a prompt of the consent page is about, as oidc-provider tells it. */
interface Details {
  readonly missingOIDCScope?: ReadonlyArray<string>
  readonly missingOIDCClaims?: ReadonlyArray<string>
  readonly missingResourceScopes?: { readonly [resource: string]: ReadonlyArray<string> }
}

const asked = (details: Details) => [
  ...new Set([...(details.missingOIDCScope ?? []), ...Object.values(details.missingResourceScopes ?? {}).flat()]),
]

type Interaction = Awaited<ReturnType<Provider["interactionDetails"]>>

/** Notes what was allowed, and what was not: a scope that a person refused is not asked for again. */
const grantId = async (provider: Provider, interaction: Interaction, allowed: ReadonlySet<string>) => {
  const details: Details = interaction.prompt.details
  const known = interaction.grantId === undefined ? undefined : await provider.Grant.find(interaction.grantId)
  const grant =
    known ??
    new provider.Grant({
      accountId: interaction.session?.accountId ?? "",
      clientId: String(interaction.params.client_id),
    })
  for (const scope of details.missingOIDCScope ?? []) {
    if (allowed.has(scope)) grant.addOIDCScope(scope)
    else grant.rejectOIDCScope(scope)
  }
  if (details.missingOIDCClaims !== undefined) grant.addOIDCClaims([...details.missingOIDCClaims])
  for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
    for (const scope of scopes) {
      if (allowed.has(scope)) grant.addResourceScope(resource, scope)
      else grant.rejectResourceScope(resource, scope)
    }
  }
  return grant.save()
}

/** Answers a request to an interaction's path. */
export const interact = async (
  provider: Provider,
  request: Arrived,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const interaction = await provider.interactionDetails(incoming, response)
  const { name, details } = interaction.prompt
  if (request.method === "GET") {
    const client = await provider.Client.find(String(interaction.params.client_id))
    const title = client?.clientName ?? String(interaction.params.client_id)
    return send(response, name === "login" ? login(request.path) : consent(request.path, title, asked(details)))
  }
  const finish = (result: InteractionResults, mergeWithLastSubmission: boolean) =>
    provider.interactionFinished(incoming, response, result, { mergeWithLastSubmission })
  if (request.form.decision === "deny")
    return finish({ error: "access_denied", error_description: "The person said no" }, false)
  if (name === "login") return finish({ login: { accountId: request.form.login ?? "" } }, false)
  const allowed = new Set((request.form.scope ?? "").split(" "))
  return finish({ consent: { grantId: await grantId(provider, interaction, allowed) } }, true)
}
