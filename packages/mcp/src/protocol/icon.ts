/**
 * Which icons may be drawn (2025-11-25, Icons, Security Considerations): `https:` URLs, and images of a bounded size that are
 * there already, without a script. Nothing is fetched here, and what an `https:` icon leads to is not known: whoever draws
 * one asks without credentials, follows no redirect to another origin, and draws it as an image, in which no script runs.
 */
import { isObject } from "./jsonrpc.ts"

/** The longest `https:` URL of an icon, and the longest `data:` URL, in characters; the most icons of one thing. */
const urlLimit = 8_192
const dataLimit = 65_536
export const iconLimit = 8

const isUrl = (src: string): boolean =>
  src.length <= urlLimit && /^https:\/\/[^\s\p{Cc}\\]+$/iu.test(src) && URL.canParse(src)

/** The parts of a `data:` URL of an image that everybody can draw. */
const image =
  /^data:image\/(png|jpe?g|gif|webp|avif|x-icon|vnd\.microsoft\.icon|svg\+xml)((?:;charset=(?:utf-?8|us-ascii))?)((?:;base64)?),/i

// Elements that run, embed or move something; handlers; other documents; what hides any of it from this look.
const active =
  /<(?:[\w.-]+:)?(?:script|foreignobject|iframe|embed|object|handler|listener|set|animate\w*|style)\b|[ "'/]on[a-z]+ ?=|javascript:|<!(?:doctype|entity)|<\?xml-stylesheet|(?:href|src) ?= ?["']? ?(?!["'# ])|url\( ?["']? ?(?!["'# ])|@import|&#|[\0\u001f\ufffd]/i

const isStill = (svg: string): boolean => !active.test(svg.replace(/\s+/g, " ").replaceAll("< ", "<"))

const isImage = (src: string): boolean => {
  if (src.length > dataLimit) return false
  const [start, kind, , base64] = image.exec(src) ?? []
  if (start === undefined || kind === undefined) return false
  if (kind.toLowerCase() !== "svg+xml") return true
  const body = src.slice(start.length)
  if (base64 !== "") return isStill(Buffer.from(body, "base64").toString("utf8"))
  return isStill(body.replace(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16))))
}

/** Whether an icon, as a server sent it, may be drawn. */
export const isDrawable = (icon: unknown): boolean =>
  isObject(icon) && typeof icon.src === "string" && (isUrl(icon.src) || isImage(icon.src))
