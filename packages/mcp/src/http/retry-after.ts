/** `Retry-After` (RFC 9110, 10.2.3): a number of seconds, or a date. */

/** How long from `now`, in milliseconds since 1970, it asks to wait, in seconds; `undefined` where it says nothing of use. */
export const secondsOf = (header: string | null | undefined, now: number): number | undefined => {
  const text = header?.trim() ?? ""
  if (/^\d{1,9}$/.test(text)) return Number(text)
  // All forms of a date begin with the name of a day, and one of them leaves out that it is of Greenwich.
  const at = /^[A-Za-z]{3}/.test(text) ? Date.parse(/GMT$/i.test(text) ? text : `${text} GMT`) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000))
}
