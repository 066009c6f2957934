/** What kind of place an IP address is. It reads addresses and resolves no names. */
import ipaddr from "ipaddr.js"

/** `public` is what the whole internet routes; everything else belongs to this machine, its network or nobody. */
export type AddressKind =
  | "public"
  | "loopback"
  | "private"
  | "link-local"
  | "carrier-grade NAT"
  | "cloud metadata"
  | "multicast"
  | "unspecified"
  | "reserved"

/** Where clouds give credentials to whoever asks from inside, by their canonical spelling. */
const metadata: ReadonlySet<string> = new Set([
  "169.254.169.254",
  "169.254.170.2", // Amazon ECS
  "169.254.170.23", // Amazon EKS
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254", // Google
  "100.100.100.200", // Alibaba
  "192.0.0.192", // Oracle
  "168.63.129.16", // Azure: a public address that only its machines reach
])

/** The library's names of the IANA special-purpose registries; what is not here is reserved, but for `unicast`. */
const kinds: Readonly<Record<string, AddressKind>> = {
  loopback: "loopback",
  private: "private",
  uniqueLocal: "private",
  deprecatedSiteLocal: "private",
  linkLocal: "link-local",
  carrierGradeNat: "carrier-grade NAT",
  multicast: "multicast",
  unspecified: "unspecified",
}

const ofV4 = (address: ipaddr.IPv4): AddressKind => {
  if (metadata.has(address.toString())) return "cloud metadata"
  const range = address.range()
  return range === "unicast" ? "public" : (kinds[range] ?? "reserved")
}

/** The IPv4 address in two groups of an IPv6 address, from the group `at` on. */
const v4 = (parts: ReadonlyArray<number>, at: number, flip = 0): ipaddr.IPv4 => {
  const [high = 0, low = 0] = [parts[at], parts[at + 1]].map((part) => (part ?? 0) ^ flip)
  return new ipaddr.IPv4([high >> 8, high & 255, low >> 8, low & 255])
}

/** The IPv4 addresses that packets to an IPv6 address of this range end at, or pass through. */
const embedded = ({ parts }: ipaddr.IPv6, range: string): ReadonlyArray<ipaddr.IPv4> => {
  if (range === "ipv4Mapped" || range === "rfc6145" || range === "rfc6052") return [v4(parts, 6)]
  if (range === "6to4") return [v4(parts, 1)]
  if (range === "teredo") return [v4(parts, 2), v4(parts, 6, 0xffff)]
  return []
}

/** Addresses like `::10.0.0.1` (RFC 4291, 2.5.5.1), deprecated. */
const isCompatible = ({ parts }: ipaddr.IPv6): boolean => parts.slice(0, 6).every((part) => part === 0)

const ofV6 = (address: ipaddr.IPv6): AddressKind => {
  if (metadata.has(address.toRFC5952String())) return "cloud metadata"
  const range = address.range()
  if (kinds[range] !== undefined) return kinds[range]
  const inner = isCompatible(address) ? [v4(address.parts, 6)] : embedded(address, range)
  const worst = inner.map(ofV4).find((kind) => kind !== "public")
  if (worst !== undefined) return worst
  // A tunnel's far end is as public as its address; the local-use prefix of RFC 8215 and compatible addresses are not.
  if (inner.length > 0)
    return isCompatible(address) || (address.parts[2] === 1 && range === "rfc6052") ? "reserved" : "public"
  // Only 2000::/3 is assigned as global unicast (RFC 4291, 2.4).
  return range === "unicast" && ((address.parts[0] ?? 0) & 0xe000) === 0x2000 ? "public" : "reserved"
}

/**
 * The kind of an address, in any spelling of it: short, octal, hexadecimal or decimal, with brackets or a zone, IPv4
 * inside IPv6 (mapped, NAT64, 6to4, Teredo). `undefined` for what is no address.
 */
export const kindOf = (text: string): AddressKind | undefined => {
  const bare = text.replace(/^\[(.*)\]$/, "$1")
  if (!ipaddr.isValid(bare)) return undefined
  const address = ipaddr.parse(bare)
  return address instanceof ipaddr.IPv4 ? ofV4(address) : ofV6(address)
}

/** Whether this is an address as it is written to connect to it: four decimal numbers, or IPv6 without brackets. */
export const isAddress = (text: string): boolean =>
  ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
