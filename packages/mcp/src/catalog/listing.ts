/**
 * Reads one list of a server to its end (2025-11-25, Utilities, Pagination).
 *
 * Bounded in pages and items, and in what each item says (`protocol/said.ts`: a description 16,384 characters, a title
 * 1,024); a cursor that repeats ends the listing. An item that makes no sense is left out, a page that fails
 * keeps what was read before it, and all of that is said. A listing fails with the end of the connection, whose cursor is
 * worth nothing in the next session, and where the first page met a server that was down, busy or silent.
 */
import * as Effect from "effect/Effect"
import { brief, isNested } from "../protocol/json.ts"
import { isObject, type JsonObject } from "../protocol/jsonrpc.ts"
import type { Page, RequestMethod } from "../protocol/method.ts"
import { bounded } from "../protocol/said.ts"
import type { Session } from "../session/session.ts"
import { isPassing, type SessionError } from "../session/error.ts"

/** The most pages of one list. */
const pageLimit = 1_000
/** The most items of one list. */
const itemLimit = 100_000
/** How deep an item may be nested: whoever compares, keeps and shows it does so by calls within calls. */
const depthLimit = 500
/** How many items that are not kept, or not whole, are told one by one. */
const toldLimit = 5

/** One kind of list. */
export interface Kind<Item> {
  readonly method: RequestMethod<Page, object>
  /** The member of the result that holds the items. */
  readonly member: string
  /** What identifies an item: two with the same are one too many. `undefined` where the item makes no sense. */
  readonly identify: (item: JsonObject) => string | undefined
  readonly is: (item: JsonObject) => item is JsonObject & Item
}

/** What a server lists. */
export interface Listing<Item> {
  readonly items: ReadonlyArray<Item>
  /** Why more may be listed a moment later: the server was down, busy or silent when a page was asked for. */
  readonly broken: string | undefined
}

/** Whether a page that failed is the end of the list, and not of the listing. */
const mayEnd = (reason: SessionError["reason"], page: number, needsFirst: boolean): boolean => {
  if (reason._tag === "Transport" && !reason.isOneAnswer) return false
  return page > 0 || !(needsFirst || isPassing(reason))
}

/** Lists to the end. Empty, with nothing sent, where the server does not declare the capability. */
export const list = <Item>(
  session: Session["Service"],
  kind: Kind<Item>,
  options: {
    readonly timeout: number
    readonly warn: (message: string) => void
    /** Where the first page fails so does the listing. Default: it is empty. */
    readonly needsFirst?: boolean
  },
): Effect.Effect<Listing<Item>, SessionError> =>
  Effect.gen(function* () {
    const items: Array<Item> = []
    let broken: string | undefined
    if (!session.declares(kind.method)) return { items, broken }
    const seen = new Set<string>()
    const cursors = new Set<string>()
    let told = 0
    const tell = (message: () => string) => {
      told += 1
      if (told <= toldLimit) options.warn(`${kind.method.method}: ${message()}`)
    }
    const keep = (item: unknown) => {
      const id = isObject(item) ? kind.identify(item) : undefined
      if (!isObject(item) || id === undefined || !kind.is(item)) {
        return tell(() => `left out ${brief(item)}: it lacks what the protocol asks for`)
      }
      if (isNested(item, depthLimit)) {
        return tell(() => `left out ${brief(id)}: it is nested more than ${depthLimit} levels deep`)
      }
      if (seen.has(id)) return tell(() => `left out ${brief(item)}: it is listed twice`)
      seen.add(id)
      const { item: kept, lost } = bounded(item)
      items.push(kept)
      if (lost.length > 0) tell(() => `of ${brief(id)} not all is kept: ${lost.join("; ")}`)
    }
    let cursor: string | undefined
    for (let page = 0; page < pageLimit; page++) {
      const params: Page = cursor === undefined ? {} : { cursor }
      const result = yield* session.request(kind.method, params, { timeout: options.timeout }).pipe(
        Effect.catchIf(
          ({ reason }) => mayEnd(reason, page, options.needsFirst === true),
          ({ reason }) =>
            Effect.sync(() => {
              const why = `${kind.method.method}: ${reason.message}; ${items.length} kept`
              if (isPassing(reason)) broken = why
              else options.warn(why)
            }),
        ),
      )
      if (!isObject(result)) return { items, broken }
      const batch = result[kind.member]
      if (Array.isArray(batch)) for (const item of batch) keep(item)
      const next = result.nextCursor
      if (typeof next !== "string" || next === "") return { items, broken }
      if (cursors.has(next)) {
        options.warn(
          `${kind.method.method}: the cursor ${JSON.stringify(next.slice(0, 100))} came twice; the list ends there`,
        )
        return { items, broken }
      }
      if (items.length >= itemLimit) break
      cursors.add(next)
      cursor = next
    }
    options.warn(`${kind.method.method}: more than ${pageLimit} pages or ${itemLimit} items; the list ends there`)
    return { items, broken }
  })
