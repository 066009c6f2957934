/**
 * The input schema of a tool as a provider takes it. What is added for a provider never reaches a server.
 *
 * A provider refuses a whole request for one schema that it does not take, so what cannot be expressed is dropped, and
 * the tool stays. The root is an object always. Every dialect becomes 2020-12 (`schema/kept.ts`), or what is left of it
 * for providers that take little (`schema/flat.ts`); `restore` undoes in the arguments what was changed for the model.
 */
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import * as Document from "@opencode-ai/mcp/schema/document"
import type { Model } from "./provider.ts"
import { type Dialect, dialectOf } from "./schema/dialect.ts"
import { restore } from "./schema/restore.ts"
import { Rewrite } from "./schema/rewrite.ts"
import { root } from "./schema/root.ts"

/** A schema that a provider takes. */
export interface Normalised {
  readonly schema: JsonObject
  /** JSON pointers to what of the server's could not be expressed: for a warning. At most 100; "/" is all of it. */
  readonly dropped: ReadonlyArray<string>
  /** Arguments of a model for this schema as the server's schema has them; the same value where there is nothing to do. */
  readonly restore: (args: unknown) => unknown
}

/** Normalises a schema for a model's provider. Never fails: what cannot be expressed is dropped. */
export type Normalise = (model: Pick<Model, "npm" | "modelID" | "providerID">, schema: JsonObject) => Normalised

const known = new WeakMap<JsonObject, Map<string, Normalised>>()

/** One result for one schema, by identity, and one kind of provider: a turn in which nothing changed costs nothing. */
export const normalise: Normalise = (model, schema) => {
  const dialect = dialectOf(model)
  const before = known.get(schema) ?? new Map<string, Normalised>()
  known.set(schema, before)
  const found = before.get(dialect.name) ?? make(dialect, schema)
  before.set(dialect.name, found)
  return found
}

/** For what cannot be read at all: any arguments. */
const unread: Normalised = {
  schema: { type: "object", properties: {}, additionalProperties: true },
  dropped: ["/"],
  restore: (args) => args,
}

const draft7 = "http://json-schema.org/draft-07/schema#"

const make = (dialect: Dialect, schema: JsonObject): Normalised => {
  const measured = Document.measure(schema)
  if (!("patterns" in measured)) return unread
  const read = Document.read(schema)
  // A dialect that nobody knows is most likely an old one.
  const document = "homes" in read ? read : Document.read({ ...schema, $schema: draft7 })
  if (!("homes" in document) || !isObject(document.root.schema)) return unread
  const rewrite = new Rewrite(document, dialect)
  const made = root(rewrite, { ...document.root, trail: new Set([""]) })
  const { definitions, dropped, fixes } = rewrite
  return {
    schema: made,
    dropped: [...dropped].sort(),
    restore: (args) => restore({ root: made, definitions, fixes }, args),
  }
}
