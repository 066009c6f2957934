/** What an entry says of TLS is read and checked before anything is sent. */
import { createPrivateKey } from "node:crypto"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { connect } from "@opencode-ai/testing/client"
import { it } from "@opencode-ai/testing/effect"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import { describe, expect } from "@opencode-ai/testing/runner"
import { asks, client, entry, failure, home, ours, server } from "./behind-tls.ts"

describe("what the entry says is checked before anything is sent:", () => {
  const { cert, key } = client
  const sealed = String(
    createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "right" }),
  )
  const cases: ReadonlyArray<readonly [name: string, tls: object, message: RegExp]> = [
    [
      "a file that is not there",
      { ca: "/no/such/ca.pem" },
      /"tls.ca" names the file "\/no\/such\/ca.pem", which is not/,
    ],
    ["one that is a directory", { ca: "/tmp" }, /"tls.ca" names the file "\/tmp", which is a directory/],
    ["one without a certificate", { cert: "/etc/hostname", key }, /"tls.cert" holds no certificate in PEM \(\/etc\//],
    ["a certificate that is none", { ca: ours.cert.replace(/MII/, "AAA") }, /"tls.ca" holds a certificate that cannot/],
    ["no key beside it", { cert }, /"tls.cert" needs "tls.key" beside it/],
    ["no certificate beside it", { key }, /"tls.key" needs "tls.cert" beside it/],
    ["the key of another", { cert, key: home.key }, /"tls.key" is not the key of the certificate in "tls.cert"/],
    ["a key that is none", { cert, key: ours.cert }, /"tls.key" holds no private key in PEM/],
    ["a key that is sealed", { cert, key: sealed }, /"tls.key" holds a private key that is encrypted.*passphrase/],
    ["another's passphrase", { cert, key: sealed, passphrase: "wrong" }, /"tls.passphrase" does not open the private/],
  ]
  for (const [name, tls, message] of cases) {
    it.live(name, () =>
      Effect.gen(function* () {
        const { clients, url } = yield* server(asks)
        const told = yield* failure(url, { ca: ours.cert, ...tls })
        expect(told).toMatch(message)
        expect(told).not.toMatch(/PRIVATE KEY|wrong|MIGH/)
        expect(clients.length).toBe(0)
      }),
    )
  }

  it.live("a key pasted where its path belongs is not shown", () =>
    Effect.gen(function* () {
      const told = yield* failure("https://127.0.0.1:1/mcp", { cert, key: "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49" })
      expect(told).toContain(`"tls.key" names a file, which is not there`)
    }),
  )

  it.live("a file that may not be read", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "ca.pem")
      writeFileSync(path, "")
      chmodSync(path, 0)
      // An administrator may read everything.
      expect(yield* failure("https://127.0.0.1:1/mcp", { ca: path })).toMatch(
        /which may not be read|holds no certificate/,
      )
    }),
  )

  it.live("what was wrong and was put right is read anew", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "ca.pem")
      const { url } = yield* server()
      expect(yield* failure(url, { ca: path })).toContain("which is not there")
      writeFileSync(path, ours.cert)
      yield* connect(entry(url, { ca: path }))
    }),
  )
})
