/** What a response means whose status is none of success: read once, bounded, and told as a typed reason. */
import { readText } from "../http/body.ts"
import { shownUrl } from "../http/error.ts"
import { parse } from "../protocol/json.ts"
import { type ErrorObject, errorObject, isObject } from "../protocol/jsonrpc.ts"
import { HttpStatus, type TransportReason, Unauthorized } from "./error.ts"

/** More of a refusal than this is not read, in bytes. */
const readOfBody = 64 * 1024
const keptOfBody = 2_000

const errorIn = (body: string): ErrorObject | undefined => {
  const value = parse(body)
  return isObject(value) && isObject(value.error) ? errorObject(value.error) : undefined
}

/** The part of a body that a person can read: of a page, its title. */
const readable = (body: string): string => {
  const page = /<title[^>]*>([^<]*)<\/title>/i.exec(body)
  const text = page !== null ? (page[1] ?? "") : /^\s*<(!doctype|html)/i.test(body) ? "" : body
  return text.trim().slice(0, keptOfBody)
}

const reasonOf = (url: string, response: Response, withSession: boolean, text: string): TransportReason => {
  const { headers, status } = response
  const shown = shownUrl(url)
  const challenge = headers.get("www-authenticate") ?? undefined
  const error = errorIn(text)
  const body = readable(text)
  // A 403 that asks for nothing is a refusal: of a firewall, of an Origin, of the server itself.
  if (status === 401 || (status === 403 && challenge !== undefined)) {
    return new Unauthorized({ status, url: shown, challenge, body: error?.message ?? body })
  }
  const retryAfter = headers.get("retry-after") ?? undefined
  return new HttpStatus({ status, url: shown, body, error, withSession, retryAfter })
}

/** Shorter texts are words, and no id that is hard to guess. */
const shortestHidden = 8

/** A server that repeats the session's id must not have it shown: whoever knows it has the session. */
const withoutSession = (text: string, session: string | undefined): string =>
  session === undefined || session.length < shortestHidden ? text : text.replaceAll(session, "***")

/** Reads a response that is no success; `session` is the id that its request carried. */
export const readRefusal = (
  url: string,
  response: Response,
  session: string | undefined,
  done: (reason: TransportReason) => void,
): void => {
  const finish = (text: string) => done(reasonOf(url, response, session !== undefined, withoutSession(text, session)))
  readText(response, readOfBody, { text: finish, tooLarge: () => finish(""), failed: () => finish("") })
}
