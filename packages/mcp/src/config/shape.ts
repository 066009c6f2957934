/**
 * The two shapes of the `mcp` section, brought to one.
 *
 * OpenCode 1 is flat, a server by each name; OpenCode 2 has `servers` and `timeout` in it, `disabled` for `enabled` and
 * snake_case inside `oauth`. A file may mix them. Nothing is judged here but where a server's entry begins, and no schema
 * is loaded for it.
 */

import { isObject } from "../protocol/jsonrpc.ts"

/** What lies at a path, looking at own properties alone. */
export const at = (value: unknown, path: ReadonlyArray<string>): unknown => {
  let current = value
  for (const key of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined
    current = Object.getOwnPropertyDescriptor(current, key)?.value
  }
  return current
}

/** `mcp.files.headers["X-Key"]`. */
export const pathText = (path: ReadonlyArray<string>): string =>
  path.reduce((text, key) => {
    if (/^\d+$/.test(key)) return `${text}[${key}]`
    if (/^[\w$-]+$/.test(key)) return text === "" ? key : `${text}.${key}`
    return `${text}[${JSON.stringify(key)}]`
  }, "")

/** A server as one file has it. */
export interface SectionEntry {
  readonly name: string
  /** As written. `canonical` brings it to OpenCode 1's spelling. */
  readonly entry: unknown
  /** Where it stands, from the root of the file: `["mcp", "servers", name]`. */
  readonly path: ReadonlyArray<string>
}

/** The section, split. */
export interface Section {
  /** In the order of the file. */
  readonly servers: ReadonlyArray<SectionEntry>
  /** The section's own `timeout`, as written; `undefined` where there is none. */
  readonly timeout: unknown
  /** What is neither a server nor a timeout. */
  readonly stray: ReadonlyArray<SectionEntry>
}

const isServer = (value: unknown) => isObject(value) && typeof value["type"] === "string"
const isSwitch = (value: unknown) => isObject(value) && typeof value["enabled"] === "boolean"

/** Splits the value of `mcp`. A server called `servers` or `timeout`, in OpenCode 1's shape, is seen as one. */
export const section = (mcp: unknown): Section => {
  const servers: Array<SectionEntry> = []
  const stray: Array<SectionEntry> = []
  let timeout: unknown
  if (!isObject(mcp)) return { servers, timeout, stray: [{ name: "mcp", entry: mcp, path: ["mcp"] }] }
  for (const [name, value] of Object.entries(mcp)) {
    const path = ["mcp", name]
    if (name === "servers" && !isServer(value) && !isSwitch(value)) {
      if (!isObject(value)) stray.push({ name, entry: value, path })
      else for (const [key, entry] of Object.entries(value)) servers.push({ name: key, entry, path: [...path, key] })
    } else if (name === "timeout" && !isServer(value) && !isSwitch(value)) timeout = value
    else servers.push({ name, entry: value, path })
  }
  return { servers, timeout, stray }
}

const oauthNames = new Map([
  ["client_id", "clientId"],
  ["client_secret", "clientSecret"],
  ["callback_port", "callbackPort"],
  ["redirect_uri", "redirectUri"],
  ["private_key", "privateKey"],
  ["key_id", "keyId"],
  ["token_file", "tokenFile"],
  ["idp_issuer", "idpIssuer"],
  ["idp_client_id", "idpClientId"],
  ["idp_client_secret", "idpClientSecret"],
  ["id_token", "idToken"],
])

/** An entry in OpenCode 1's spelling. What is no object is returned as it is. */
export const canonical = (entry: unknown): unknown => {
  if (!isObject(entry)) return entry
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => {
      if (key === "disabled" && !Object.hasOwn(entry, "enabled")) {
        return ["enabled", typeof value === "boolean" ? !value : value]
      }
      if (key !== "oauth" || !isObject(value)) return [key, value]
      const renamed = Object.entries(value).map(([name, field]) => [oauthNames.get(name) ?? name, field])
      return [key, Object.fromEntries(renamed)]
    }),
  )
}

/** A path in a canonical entry, spelled as the entry was. */
export const writtenPath = (entry: unknown, path: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [key, name, ...rest] = path
  if (!isObject(entry) || key === undefined) return path
  if (key === "enabled" && !Object.hasOwn(entry, "enabled") && Object.hasOwn(entry, "disabled")) {
    return name === undefined ? ["disabled"] : ["disabled", name, ...rest]
  }
  const oauth = entry["oauth"]
  if (key !== "oauth" || name === undefined || !isObject(oauth) || Object.hasOwn(oauth, name)) return path
  const snake = [...oauthNames].find((pair) => pair[1] === name && Object.hasOwn(oauth, pair[0]))?.[0]
  return snake === undefined ? path : [key, snake, ...rest]
}
