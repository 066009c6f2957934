/** The four formats that an elicitation may ask for, each in linear time (RFC 5321, RFC 3986, RFC 3339). */

const days = (year: number, month: number): number =>
  month === 2
    ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
      ? 29
      : 28
    : [4, 6, 9, 11].includes(month)
      ? 30
      : 31

const date = (text: string): boolean => {
  const [, year, month, day] = (/^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []).map(Number)
  if (year === undefined || month === undefined || day === undefined) return false
  return month >= 1 && month <= 12 && day >= 1 && day <= days(year, month)
}

const time = (text: string): boolean => {
  const parts = /^(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:z|([+-])(\d\d):(\d\d))$/i.exec(text)
  if (parts === null) return false
  const [hour = 0, minute = 0, second = 0] = parts.slice(1, 4).map(Number)
  const [offsetHour, offsetMinute] = [Number(parts[5] ?? 0), Number(parts[6] ?? 0)]
  if (hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59) return false
  if (second < 60) return true
  // A leap second is the last one of a day in UTC.
  const utc = hour * 60 + minute - (parts[4] === "-" ? -1 : 1) * (offsetHour * 60 + offsetMinute)
  return (utc + 2880) % 1440 === 1439
}

const dateTime = (text: string): boolean => /^.{10}t/i.test(text) && date(text.slice(0, 10)) && time(text.slice(11))

const label = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i
const atom = /^[\w!#$%&'*+/=?^`{|}~-]+$/
const quoted = /^"(?:[ !#-[\]-~]|\\[ -~])*"$/
const octet = /^(?:25[0-5]|2[0-4]\d|1?\d?\d)$/

const domain = (text: string): boolean => {
  if (!text.startsWith("[")) return text.length <= 253 && text.split(".").every((part) => label.test(part))
  const literal = text.slice(1, -1)
  if (!text.endsWith("]")) return false
  if (/^ipv6:/i.test(literal)) return URL.canParse(`http://[${literal.slice(5)}]`)
  const octets = literal.split(".")
  return octets.length === 4 && octets.every((part) => octet.test(part))
}

const email = (text: string): boolean => {
  const at = text.lastIndexOf("@")
  if (at < 1 || text.length > 320 || !domain(text.slice(at + 1))) return false
  const local = text.slice(0, at)
  return quoted.test(local) || local.split(".").every((part) => atom.test(part))
}

const escaped = "%[\\da-f]{2}"
const segment = `(?:[\\w.~!$&'()*+,;=:@/-]|${escaped})*`
const host = `\\[[\\da-f:.v]+\\]|(?:[\\w.~!$&'()*+,;=-]|${escaped})*`
const authority = `//(?:(?:[\\w.~!$&'()*+,;=:-]|${escaped})*@)?(${host})(?::\\d*)?(?=[/?#]|$)`
const after = `(?:[\\w.~!$&'()*+,;=:@/?-]|${escaped})*`
const uriSyntax = new RegExp(`^[a-z][a-z\\d+.-]*:(?:${authority}|(?!//))${segment}(?:\\?${after})?(?:#${after})?$`, "i")

const uri = (text: string): boolean => {
  const [, host] = uriSyntax.exec(text) ?? []
  if (host?.startsWith("[")) return /^\[v[\da-f]+\./i.test(host) || URL.canParse(`http://${host}`)
  return uriSyntax.test(text)
}

/** What a format demands of a string. Formats that are not here are annotations. */
export const formats: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ["date", date],
  ["date-time", dateTime],
  ["email", email],
  ["uri", uri],
])
