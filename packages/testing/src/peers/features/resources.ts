/** Resources, their templates, and subscriptions to them. */
import type { Handlers, MakeError } from "./feature.ts"
import { icons, png } from "./media.ts"

const resources = [
  { uri: "test://text", name: "text", mimeType: "text/plain", description: "Words" },
  { uri: "test://blob", name: "blob", mimeType: "image/png" },
]

const resourceTemplates = [
  { uriTemplate: "test://item/{id}", name: "item", mimeType: "text/plain" },
  {
    uriTemplate: "test://trip/{country}/{city}{?day,tags*}",
    name: "trip",
    title: "Trip",
    mimeType: "text/plain",
    icons,
  },
]

const known = (uri: string) => uri === "test://text" || uri.startsWith("test://item/") || uri.startsWith("test://trip/")

/** The subscriptions of the session are kept in `subscribed`. */
export const resourceHandlers = (error: MakeError, subscribed: Set<string>): Handlers => ({
  "resources/list": () => ({ resources }),
  "resources/templates/list": () => ({ resourceTemplates }),
  "resources/read": ({ params }) => {
    const uri = String(params.uri)
    if (uri === "test://blob") return { contents: [{ uri, mimeType: "image/png", blob: png }] }
    if (!known(uri)) throw error(-32002, "Resource not found", { uri })
    return { contents: [{ uri, mimeType: "text/plain", text: `the content of ${uri}` }] }
  },
  "resources/subscribe": ({ params }) => {
    subscribed.add(String(params.uri))
    return {}
  },
  "resources/unsubscribe": ({ params }) => {
    subscribed.delete(String(params.uri))
    return {}
  },
})
