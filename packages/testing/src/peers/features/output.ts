/** Tools with output schemas, good and bad. Each gives its argument `structured` as it is, and nothing where there is none. */
import { anything, type Answer, type Feature, type Features, number, schema, string, text } from "./feature.ts"

const output = (description: string, outputSchema: object): Feature => [
  { description, inputSchema: schema({ structured: anything }, []), outputSchema },
  ({ structured }): Answer => ({
    ...text(JSON.stringify(structured) ?? "nothing"),
    ...(structured === undefined ? {} : { structuredContent: structured }),
  }),
]

export const outputFeatures: Features = {
  person: output("{ name: string, age: number }", {
    ...schema({ name: string, age: number }),
    additionalProperties: false,
  }),
  refLocal: output("{ name }, by a reference inside of the document", {
    ...schema({ name: { $ref: "#/$defs/name" } }),
    $defs: { name: string },
  }),
  refRemote: output("{ name }, by a reference to another document", {
    ...schema({ name: { $ref: "https://example.com/schemas/name.json" } }),
  }),
  refMissing: output("{ name }, by a reference to nothing", schema({ name: { $ref: "#/$defs/nothing" } })),
  draft7: output("{ pair: [string, number] } as draft 7 says it", {
    $schema: "http://json-schema.org/draft-07/schema#",
    ...schema({ pair: { type: "array", items: [string, number], additionalItems: false } }),
  }),
  dialect: output("{ name } in a dialect that nobody knows", {
    $schema: "https://example.com/dialect",
    ...schema({ name: string }),
  }),
  pattern: output("{ value }, with a pattern that takes a backtracking engine for ever", {
    ...schema({ value: { type: "string", pattern: "^(a+)+$" } }),
  }),
}
