/** The way to a remote server, as far as it goes: its name, a proxy, the connection, TLS, and the two clocks. */
import type { RemoteServer } from "@opencode-ai/mcp/config"
import { networkingOf } from "@opencode-ai/mcp/connection/networking"
import { circumstancesOf, connect, type Target } from "@opencode-ai/mcp/http/connector"
import { shownUrl, type HttpReason } from "@opencode-ai/mcp/http/error"
import { failureOf } from "@opencode-ai/mcp/http/failure"
import { type Proxy, route } from "@opencode-ai/mcp/http/proxy"
import { Resolver } from "@opencode-ai/mcp/http/resolver"
import { load } from "@opencode-ai/mcp/http/tls"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import { isIP } from "node:net"
import { TLSSocket } from "node:tls"
import { type Check, failed, ok, skipped, warning } from "./check.ts"

/** What each step may take, in milliseconds. */
const patience = 10_000

const variables = ["https_proxy", "http_proxy", "all_proxy"].flatMap((name) => [name, name.toUpperCase()])

/** The variables that name a proxy, without what is secret in them. */
export const proxies = (): ReadonlyArray<readonly [name: string, url: string]> =>
  variables.flatMap((name) => {
    const value = process.env[name]?.trim() ?? ""
    return value === "" ? [] : [[name, shownUrl(value)] as const]
  })

const said = (reason: HttpReason): readonly [found: string, advice: string] => {
  if ("hint" in reason) return [reason.detail, reason.hint]
  return [reason.message, `Check "url" in its entry.`]
}

/** What an explained failure says, and what to do. */
const failure = (check: string, url: string, cause: Cause.Cause<unknown>, target?: Target): Check => {
  const [found, advice] = said(failureOf(url, Cause.squash(cause), target === undefined ? {} : circumstancesOf(target)))
  return failed(check, found, advice)
}

const inTime = <A>(work: Effect.Effect<A, unknown>): Effect.Effect<A, unknown> =>
  Effect.timeoutOrElse(work, {
    duration: patience,
    orElse: () => Effect.fail(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" })),
  })

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "")
const isLoopback = (host: string) => /^(localhost|127\..*|::1)$/.test(host)

const urlCheck = ({ url }: RemoteServer): Check => {
  const isOpen = url.protocol === "http:" && !isLoopback(hostOf(url))
  const shown = shownUrl(url.href)
  return isOpen
    ? warning("url", `${shown} is not encrypted`, `Use https:// in "url" where the server speaks it.`)
    : ok("url", shown)
}

const proxyCheck = (config: RemoteServer, proxy: Proxy | undefined): Check => {
  const named = proxies()[0]
  if (proxy !== undefined) {
    const who = proxy.field === "proxy" ? "its entry" : proxy.field
    return ok("proxy", `${shownUrl(proxy.url.href)}, named by ${who}`)
  }
  if (config.proxy === false) return ok("proxy", `none: "proxy" is false in its entry`)
  return named === undefined
    ? skipped("proxy", "none is named")
    : ok("proxy", `none: NO_PROXY, or the address, excepts it from ${named[0]}`)
}

const nameCheck = (url: URL, proxy: Proxy | undefined) =>
  Effect.gen(function* () {
    const host = hostOf(url)
    if (isIP(host) !== 0) return skipped("name", `${host} is an address`)
    if (proxy !== undefined) return skipped("name", `the proxy looks ${host} up`)
    const exit = yield* Effect.exit(inTime((yield* Resolver).addresses(host)))
    if (Exit.isFailure(exit)) return failure("name", url.href, exit.cause)
    return ok("name", `${host} is ${exit.value.slice(0, 4).join(", ")}`)
  })

/** The same place without TLS: what can be said of the connection alone. */
const plain = (url: URL): URL => {
  const port = url.port || (url.protocol === "https:" ? "443" : "80")
  return new URL(`http://${url.hostname}:${port}/`)
}

const connectionCheck = (url: URL, proxy: Proxy | undefined) =>
  Effect.gen(function* () {
    const to = plain(proxy?.url ?? url)
    const target: Target = { url: to, proxy: undefined, trust: undefined, identity: undefined, pin: undefined }
    const where = `${to.hostname}:${to.port || "80"}`
    const exit = yield* Effect.exit(inTime(connect(target)))
    if (Exit.isSuccess(exit)) {
      exit.value.destroy()
      return ok("connection", `${proxy === undefined ? "" : "to the proxy, "}${where}`)
    }
    const [found, advice] = said(failureOf(to.href, Cause.squash(exit.cause)))
    if (proxy === undefined) return failed("connection", `${where}: ${found}`, advice)
    const correct =
      proxy.field === "proxy"
        ? `Correct "proxy" in its entry, or set it to false for a direct connection.`
        : `Correct ${proxy.field}, except the host in NO_PROXY, or set "proxy": false in its entry.`
    return failed("connection", `the proxy ${where}: ${found}`, correct)
  })

const day = 86_400_000
/** A certificate that ends sooner than this is told of, in days. */
const soon = 14

const certificate = (socket: unknown, now: number): Check => {
  if (!(socket instanceof TLSSocket)) return ok("TLS", "trusted")
  const shown = socket.getPeerX509Certificate()
  const until = Date.parse(shown?.validTo ?? "")
  const issuer = /^(?:O|CN)=(.*)$/m.exec(shown?.issuer ?? "")?.[1]
  const end = Number.isNaN(until) ? "" : `, until ${new Date(until).toISOString().slice(0, 10)}`
  const found = `${socket.getProtocol() ?? "TLS"}, the certificate is trusted${issuer === undefined ? "" : `, of ${issuer}`}${end}`
  return until - now < soon * day
    ? warning("TLS", found, "The server's owner has to renew its certificate soon.")
    : ok("TLS", found)
}

const tlsCheck = (config: RemoteServer, directory: string, proxy: Proxy | undefined) =>
  Effect.gen(function* () {
    const { url } = config
    if (url.protocol !== "https:") return skipped("TLS", `"url" is http:`)
    const settings = yield* Effect.exit(load(networkingOf(config, directory)?.tls))
    if (Exit.isFailure(settings)) {
      const [found, advice] = said(failureOf(url.href, Cause.squash(settings.cause)))
      const [reason] = settings.cause.reasons
      const field =
        reason?._tag === "Fail" && reason.error.reason._tag === "InvalidSetting" ? `${reason.error.reason.field} ` : ""
      return failed("TLS", `${field}${found}`, advice)
    }
    const target: Target = { url, proxy, ...settings.value }
    const exit = yield* Effect.exit(inTime(connect(target)))
    if (Exit.isFailure(exit)) return failure("TLS", url.href, exit.cause, target)
    const check = certificate(exit.value, yield* Clock.currentTimeMillis)
    exit.value.destroy()
    return check
  })

/** In order, up to the first that fails: nothing behind that can be said. */
export const checks = (config: RemoteServer, directory: string) =>
  Effect.gen(function* () {
    const { url } = config
    const all: Array<Check> = [urlCheck(config)]
    const way = yield* Effect.exit(route(config.proxy)(url))
    if (Exit.isFailure(way)) {
      const [reason] = way.cause.reasons
      const message = reason?._tag === "Fail" ? reason.error.message : "it cannot be used"
      return [...all, failed("proxy", message, `Correct it, or set "proxy": false in its entry.`)]
    }
    const proxy = way.value
    all.push(proxyCheck(config, proxy))
    const steps = [nameCheck(url, proxy), connectionCheck(url, proxy), tlsCheck(config, directory, proxy)]
    for (const step of steps) {
      const check = yield* step
      all.push(check)
      if (check.result === "failed") break
    }
    return all
  })

/** How far two clocks may be apart before it is told, in seconds. Tokens bear with a little. */
const tolerated = 60

/** Whether this machine's clock agrees with the server's. `sent` and `now` stand around its answer. */
export const clock = (date: string | undefined, sent: number, now: number): Check => {
  const theirs = Date.parse(date ?? "")
  if (Number.isNaN(theirs)) return skipped("clock", "the server does not say what time it is")
  // It says whole seconds, of any moment between the question and the answer.
  const apart = theirs > now ? theirs - now : Math.max(0, sent - theirs - 1_000)
  const seconds = Math.round(apart / 1_000)
  if (seconds <= tolerated) return ok("clock", "agrees with the server's")
  const side = theirs > now ? "behind" : "ahead of"
  return warning(
    "clock",
    `this machine's clock is ${seconds} s ${side} the server's`,
    "Set this machine's clock (or the server's): tokens and certificates count by it.",
  )
}
