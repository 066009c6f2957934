/** Which places this client tells apart, in whatever spelling they come. */
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { type AddressKind, kindOf } from "../../src/http/address.ts"

const addresses: ReadonlyArray<readonly [AddressKind | undefined, ReadonlyArray<string>]> = [
  ["public", ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "[2606:4700::1111]"]],
  ["public", ["::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1", "2001:0:101:101:0:0:fefe:fefe"]],
  ["loopback", ["127.0.0.1", "127.255.255.255", "::1", "[::1]", "0:0:0:0:0:0:0:1"]],
  ["loopback", ["127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "0x7F.0.0x0.01"]],
  ["loopback", ["::ffff:127.0.0.1", "::FFFF:7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::"]],
  ["private", ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd12:3456::1", "fc00::1", "fec0::1"]],
  ["private", ["::ffff:10.0.0.1", "::ffff:a00:1", "::10.0.0.1", "::ffff:0:a00:1", "64:ff9b::10.0.0.1"]],
  ["private", ["2002:c0a8:101::1", "2001:0:a00:1::1", "2001:0:101:101:0:0:f5ff:fffe"]],
  ["link-local", ["169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.0.1"]],
  ["carrier-grade NAT", ["100.64.0.1", "100.127.255.255", "::ffff:100.64.0.1"]],
  ["cloud metadata", ["169.254.169.254", "0xa9fea9fe", "2852039166", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe"]],
  ["cloud metadata", ["169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd00:0ec2:0::0254"]],
  ["multicast", ["224.0.0.1", "239.255.255.250", "ff02::1"]],
  ["unspecified", ["0.0.0.0", "0", "0.1.2.3", "::", "::ffff:0.0.0.0"]],
  ["reserved", ["240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "203.0.113.1", "192.88.99.1"]],
  ["reserved", ["2001:db8::1", "100::1", "4000::1", "::102:304", "64:ff9b:1::1.1.1.1"]],
  [undefined, ["", "example.com", "localhost", "1.2.3.4.5", "256.1.1.1", "[::1", "::1::", "dead", "127.0.0.1:80"]],
]

describe("an address is", () => {
  for (const [kind, spellings] of addresses) {
    for (const spelling of spellings) {
      test(`${kind ?? "none"}: ${JSON.stringify(spelling)}`, () => {
        expect(kindOf(spelling)).toBe(kind)
      })
    }
  }

  // What the guard sees is what the runtime's URL made of it.
  test("the same after it was part of a URL, on every runtime", () => {
    const hosts = [
      "127.1",
      "0x7f.1",
      "2130706433",
      "017700000001",
      "１２７.0.0.1",
      "127。0。0。1",
      "127.0.0.1.",
      "①②⑦.1",
    ]
    for (const host of hosts) expect(kindOf(new URL(`https://${host}/`).hostname)).toBe("loopback")
    expect(kindOf(new URL("https://[::ffff:10.0.0.1]/").hostname)).toBe("private")
    for (const host of ["[fe80::1%25eth0]", "256.1.1.1", "1.2.3.4.5", "example.com%00"]) {
      expect(URL.canParse(`https://${host}/`)).toBe(false)
    }
  })
})
