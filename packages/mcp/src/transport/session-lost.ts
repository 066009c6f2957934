/**
 * Whether a refusal means that the server has forgotten the session (Transports, Session Management): a 404 to a request
 * that carried a session id, or a 400 that says so in words. Servers differ in the words, and a 400 may speak of sessions of
 * another kind: a tool's argument, a limit, a training session.
 */
import { invalidParams } from "../protocol/jsonrpc.ts"
import type { HttpStatus, TransportReason } from "./error.ts"

/** What may stand before the word, so that it is this protocol's session: nothing, an article, the protocol's name. */
const before = String.raw`(?:^|[.:;,("'\`\-–—]\s*|\b(?:the|your|this|a|an|its|mcp|or|and)[\s-]+|\b(?:provided|given)\s+(?=(?:mcp[\s-]+)?session[\s_-]*id\b))`
/** The session or its id, by itself: no `session_name`, no `session type`. */
const session = String.raw`(?:mcp[\s-]+)?session(?:[\s_-]*id)?(?:\s+(?:id\s+)?header)?(?![\w-])`
/** An id that is quoted in between. */
const quoted = String.raw`(?:\s+with\s+id\s+\S{1,200}|\s*[:=]?\s*["'\`(]?[\w.:-]{6,200}["'\`)]?)?`
const fault = String.raw`(?:missing|invalid|unknown|expired|unrecognized|unrecognised|stale|bad|inactive)`
/** The sentence ends there, or says no more than where the session should have been. */
const end = String.raw`(?=\s*(?:$|[.:;,!)"'\`]|\b(?:header|provided|found|supplied|given|specified|or|and|please|in|on|for|from)\b))`

const patterns: ReadonlyArray<RegExp> = [
  // No valid session ID provided; Missing session ID; Invalid or expired session; Unknown session: abc
  new RegExp(
    String.raw`(?:^|[.:;,("'\`\-–—]\s*|\b(?:the|your|this|a|an)\s+)(?:no|no\s+valid|no\s+active|no\s+such|${fault}(?:(?:\s+(?:or|and)\s+|,\s*|/)(?:no\s+)?${fault})*)\s+${session}${end}`,
    "i",
  ),
  // Session not found; the session has expired; Mcp-Session-Id header is required; session 123abc does not exist
  new RegExp(
    String.raw`${before}${session}${quoted}\s+(?:(?:is|was|has|has\s+been|does|did|could)\s+)?(?:(?:not\s+(?:be\s+)?(?:found|exist|valid|recognized|recognised|active|initialized|provided|known))|missing|required|must\s+be\s+(?:provided|sent|supplied)|${fault}|terminated|closed|timed\s+out|no\s+longer\s+(?:valid|exists|active)|doesn['’]?t\s+exist)${end}`,
    "i",
  ),
  new RegExp(
    String.raw`(?:(?:could|can)\s*not|unable\s+to|failed\s+to)\s+find\s+(?:(?:a|the|your|any)\s+)?${session}${end}`,
    "i",
  ),
  // Valid session ID required; please provide a valid session ID; missing required header: Mcp-Session-Id
  new RegExp(String.raw`(?:^|[.:]\s*)(?:a\s+)?valid\s+${session}\s+(?:is\s+)?required${end}`, "i"),
  new RegExp(
    String.raw`\bprovide\s+(?:a|the|your)\s+(?:valid\s+)?(?=(?:mcp[\s-]+)?session[\s_-]*id\b)${session}${end}`,
    "i",
  ),
  /\bmissing\s+(?:required\s+)?header\s*:?\s*["'`]?mcp-session-id\b/i,
  // No transport found for sessionId: the words of servers that keep a transport for each session
  new RegExp(
    String.raw`\bno\s+transport\s+(?:found\s+|exists\s+)?for\s+(?:(?:the|this|your)\s+)?${session}${end}`,
    "i",
  ),
  // A code in place of a sentence, alone or as the error of a JSON object
  /^(?:\{\s*"(?:error|code)"\s*:\s*")?(?:session[_-](?:id[_-])?(?:not[_-]found|expired|invalid|missing|unknown|required)|(?:invalid|unknown|expired|missing|no)[_-]session(?:[_-]id)?)(?:"|$)/i,
  // The words of the official SDKs, before a session is begun and after it is forgotten.
  /(?:^|[.:]\s*)server not initialized\b/i,
]

/** In characters: what is longer is a page, or a tool's answer. */
const readable = 500

const speaksOfSession = ({ body, error }: HttpStatus): boolean => {
  // Its parameters were at fault, whatever they are called.
  if (error?.code === invalidParams) return false
  const text = (error?.message ?? body).trim()
  return text.length <= readable && patterns.some((pattern) => pattern.test(text))
}

export const isSessionLost = (reason: TransportReason): boolean =>
  reason._tag === "HttpStatus" &&
  reason.withSession &&
  (reason.status === 404 || (reason.status === 400 && speaksOfSession(reason)))
