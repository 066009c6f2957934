/** Prompts, and completion of their arguments and of those of resource templates. */
import { type Handlers, type MakeError, members } from "./feature.ts"
import { icons } from "./media.ts"

const prompts = [
  {
    name: "greet",
    title: "Greeting",
    description: "Greets somebody",
    arguments: [{ name: "name", description: "Who", required: true }, { name: "language" }],
  },
  { name: "plain" },
  {
    name: "trip",
    title: "Trip",
    description: "Plans a trip; the cities depend on the country",
    icons,
    arguments: [
      { name: "country", title: "Country", required: true },
      { name: "city", title: "City", required: true },
    ],
  },
]

const cities = ["Berlin", "Bern", "Bogotá", "Paris"]

const countries: { readonly [country: string]: ReadonlyArray<string> } = {
  France: ["Lille", "Lyon", "Paris"],
  Germany: ["Berlin", "Bonn"],
}

/** What may stand for an argument, given those that are already known. */
const candidates = (name: unknown, known: { readonly [name: string]: unknown }): ReadonlyArray<string> => {
  if (name === "country") return Object.keys(countries)
  return countries[String(known.country)] ?? cities
}

const said = (text: string) => [{ role: "user", content: { type: "text", text } }]

export const promptHandlers = (error: MakeError): Handlers => ({
  "prompts/list": () => ({ prompts }),
  "prompts/get": ({ params }) => {
    const args = Object(params.arguments)
    const prompt = prompts.find(({ name }) => name === params.name)
    if (prompt === undefined) throw error(-32602, `Prompt ${String(params.name)} not found`)
    const missing = prompt.arguments?.find((one) => "required" in one && args[one.name] === undefined)
    if (missing !== undefined) throw error(-32602, `Missing required argument: ${missing.name}`)
    if (prompt.name === "plain") return { messages: said("plain") }
    if (prompt.name === "trip") return { messages: said(`To ${args.city}, ${args.country}`) }
    const greeting = args.language === "de" ? `Hallo ${args.name}` : `Hello ${args.name}`
    return { description: "A greeting", messages: said(greeting) }
  },
  "completion/complete": ({ params }) => {
    const { name, value } = members(params.argument)
    const all = candidates(name, members(members(params.context).arguments))
    const values = all.filter((one) => one.startsWith(String(value)))
    return { completion: { values, total: values.length, hasMore: false } }
  },
})
