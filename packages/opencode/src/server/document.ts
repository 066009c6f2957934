/** The OpenAPI document of the routes and of the bus's events, made of the schemas that they are served by. */
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as OpenApi from "effect/http-api/OpenApi"
import { Api } from "./routes/mcp.ts"

/**
 * An identifier that is no name of a component is a sentence for a person: such a schema stands where it is used. The
 * encoded side of an error is the only one that is on the wire.
 */
const options: OpenApi.FromApiOptions = {
  referencePolicy: ({ identifier }) =>
    identifier !== undefined && /^[\w.-]+$/.test(identifier) ? identifier.replace(/Encoded$/, "") : undefined,
}

/** What a number that JSON has no spelling for is encoded as. None of ours is one. */
const noNumber = JSON.stringify({ type: "string", enum: ["Infinity", "-Infinity", "NaN"] })

/** Without what says nothing here: members that are not known are let through, and numbers are finite. */
const simplified = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(simplified)
  if (!isObject(value)) return value
  const { additionalProperties, anyOf, ...rest } = value
  const members = Array.isArray(anyOf) ? anyOf.filter((each) => JSON.stringify(each) !== noNumber) : undefined
  const [only, ...more] = members ?? []
  const others = Object.fromEntries(Object.entries(rest).map(([name, member]) => [name, simplified(member)]))
  return {
    ...others,
    ...(additionalProperties === undefined || additionalProperties === false
      ? {}
      : { additionalProperties: simplified(additionalProperties) }),
    ...(members === undefined ? {} : more.length === 0 ? Object(simplified(only)) : { anyOf: simplified(members) }),
  }
}

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` })

/** The document of `docs/openapi.json` (OpenAPI 3.1). */
export const document = () => {
  const { components, ...spec } = OpenApi.fromApi(Api, options)
  const schemas = {
    ...components.schemas,
    McpConfig: { anyOf: [reference("McpLocalConfig"), reference("McpRemoteConfig")] },
  }
  return {
    ...spec,
    paths: Object(simplified(spec.paths)),
    components: { ...components, schemas: Object(simplified(schemas)) },
  }
}
