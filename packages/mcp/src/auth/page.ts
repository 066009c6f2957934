/**
 * The page that a person's browser ends on. It runs nothing and loads nothing; what a server said stands in it as text,
 * shortened, with characters that reorder or hide text replaced.
 */
import { createHash } from "node:crypto"

export interface Page {
  readonly status: number
  readonly title: string
  /** What happened; may hold a server's words. */
  readonly message: string
  /** What the person does next. */
  readonly next: string
}

export interface Rendered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** More of a message than this helps nobody, in characters. */
const longest = 600

/** What would not stand where it seems to: controls, formats (bidi, zero-width, tags), lone surrogates, private use, blanks. */
const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
/** Marks that are piled upon a letter reach over the lines around it. */
const piled = /(\p{M}{3})\p{M}+/gu

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}

/** Anybody's words as the content of an element. */
export const escape = (text: string): string => {
  const start = text.slice(0, longest * 2).replace(/\s+/g, " ")
  const characters = [...start.replace(unseen, "\ufffd").replace(piled, "$1")]
  const short = characters.length > longest ? `${characters.slice(0, longest).join("")}…` : characters.join("")
  return short.replace(/[&<>"']/g, (character) => entities[character] ?? "")
}

const style = [
  ":root{color-scheme:light dark}",
  "body{margin:0;font:1rem/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}",
  "main{max-width:34rem;margin:18vh auto 0;padding:0 1.5rem;overflow-wrap:anywhere}",
  "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}",
  "p{margin:0 0 .75rem}",
].join("")

export const render = ({ message, next, status, title }: Page): Rendered => ({
  status,
  headers: {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy":
      `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; ` +
      `base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox`,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    connection: "close",
  },
  body:
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width,initial-scale=1"><title>${escape(title)}</title>` +
    `<style>${style}</style></head><body><main><h1>${escape(title)}</h1><p dir="auto">${escape(message)}</p>` +
    `<p>${escape(next)}</p></main></body></html>\n`,
})
