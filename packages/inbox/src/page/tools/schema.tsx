/** A JSON Schema as a person reads it: a tree of names, types and words. */
import { For, Show } from "solid-js"
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import { Json, Line, Text } from "../ui.tsx"

/** So deep the tree goes; what is below stands in the JSON. */
const deepest = 6

const typeOf = (schema: JsonObject): string => {
  const { type } = schema
  const items = schema["items"]
  if (type === "array") return isObject(items) ? `${typeOf(items)}[]` : "array"
  if (typeof type === "string") return type
  if (Array.isArray(type)) return type.join(" | ")
  if (typeof schema["$ref"] === "string") return schema["$ref"]
  const either = schema["anyOf"] ?? schema["oneOf"]
  if (Array.isArray(either)) return either.map((each) => (isObject(each) ? typeOf(each) : "?")).join(" | ")
  return schema["enum"] !== undefined ? "enum" : schema["const"] !== undefined ? "const" : "any"
}

const told = [
  "format",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "multipleOf",
  "const",
  "default",
  "enum",
]

const bounds = (schema: JsonObject): string =>
  told.flatMap((name) => (schema[name] === undefined ? [] : [`${name} ${JSON.stringify(schema[name])}`])).join(" · ")

/** What stands below: the properties of an object, or of the items of a list. */
const below = (schema: JsonObject): JsonObject => {
  const items = schema["items"]
  return isObject(schema["properties"]) ? schema : isObject(items) && isObject(items["properties"]) ? items : {}
}

const Members = (props: { readonly schema: JsonObject; readonly depth: number }) => {
  const properties = () => (isObject(props.schema["properties"]) ? Object.entries(props.schema["properties"]) : [])
  const required = () =>
    Array.isArray(props.schema["required"]) ? (props.schema["required"] as ReadonlyArray<unknown>) : []
  return (
    <ul class="tree">
      <For each={properties()}>
        {([name, value]) => {
          const schema = isObject(value) ? value : {}
          return (
            <li>
              <Line text={name} class="mono name" /> <Line text={typeOf(schema)} class="mono dim" />
              <Show when={required().includes(name)}>
                <span class="required"> required</span>
              </Show>
              <Show when={typeof schema["description"] === "string" && schema["description"]}>
                {(description) => <Text text={description()} lines={4} characters={400} />}
              </Show>
              <Show when={bounds(schema)}>{(said) => <Text mono text={said()} lines={4} characters={300} />}</Show>
              <Show when={props.depth < deepest && Object.keys(below(schema)).length > 0}>
                <Members schema={below(schema)} depth={props.depth + 1} />
              </Show>
            </li>
          )
        }}
      </For>
    </ul>
  )
}

export const Schema = (props: { readonly title: string; readonly schema: unknown }) => {
  const schema = () => (isObject(props.schema) ? props.schema : {})
  return (
    <details>
      <summary>{props.title}</summary>
      <Show when={isObject(schema()["properties"])}>
        <Members schema={schema()} depth={0} />
      </Show>
      <details>
        <summary>JSON of it</summary>
        <Json value={props.schema} lines={60} />
      </details>
    </details>
  )
}
