/** What a browser is told with the page, and how it comes to the page. */
import { isSame } from "@opencode-ai/mcp/http/loopback"
import { createHash, randomBytes } from "node:crypto"

const hashes = (html: string, element: "script" | "style"): string =>
  Array.from(
    html.matchAll(new RegExp(`<${element}(?:\\s[^>]*)?>([\\s\\S]*?)</${element}>`, "gi")),
    ([, inside = ""]) => ` 'sha256-${createHash("sha256").update(inside).digest("base64")}'`,
  ).join("") || " 'none'"

/** The headers of every answer; those of the page let its own script and style run, and nothing else. */
export const headers = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
}

/** The content security policy (CSP 3) of a document: its own scripts and styles by their hashes, and no request elsewhere. */
export const policy = (html: string): string =>
  [
    "default-src 'none'",
    `script-src${hashes(html, "script")}`,
    `style-src${hashes(html, "style")}`,
    "connect-src 'self'",
    "img-src data:",
    "media-src data:",
    "font-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ")

/** How long a ticket is good, in milliseconds, and how many are kept. */
const lifetime = 60_000
const limit = 16

/** Addresses that are good once: a command line can be read by other users of the machine. */
export const tickets = (now: () => number) => {
  let issued: ReadonlyArray<{ readonly ticket: string; readonly until: number }> = []
  return {
    issue: (): string => {
      const ticket = randomBytes(32).toString("base64url")
      issued = [...issued, { ticket, until: now() + lifetime }].slice(-limit)
      return ticket
    },
    /** Whether it is good; it is not any more. */
    take: (given: string): boolean => {
      const before = issued
      issued = before.filter(({ ticket, until }) => until > now() && !isSame(ticket, given))
      return before.some(({ ticket, until }) => until > now() && isSame(ticket, given))
    },
  }
}
