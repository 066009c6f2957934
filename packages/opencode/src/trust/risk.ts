/** What in a server's entry deserves a second look before it is approved. None of it is forbidden. */
import { at } from "@opencode-ai/mcp/config/shape"
import { isObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import { quoted, visible } from "@opencode-ai/mcp/protocol/visible"

const shells = /^(?:ba|da|z|k|c|tc|fi|a|mk)?sh$|^busybox$|^(?:cmd|powershell|pwsh|nu)$/i
const interpreters = /^(?:node|bun|deno|perl|ruby|php|lua|osascript|python[\d.]*)$/i
const powers = /^(?:sudo|doas|su|pkexec|runas|gsudo)$/i
const fetchers = /^(?:npx|bunx|pnpx|uvx|pipx)$/i
const networkTools = /^(?:curl|wget|nc|ncat|netcat|socat|ssh|scp)$/i

/** Variables that make a program load code of one's choice, or find another program. */
const loading =
  /^(?:LD_(?:PRELOAD|LIBRARY_PATH|AUDIT)|DYLD_.*|NODE_OPTIONS|NODE_PATH|BUN_OPTIONS|PYTHON(?:PATH|STARTUP|HOME)|PERL5(?:OPT|LIB)|RUBY(?:OPT|LIB)|JAVA_TOOL_OPTIONS|BASH_ENV|ENV|PROMPT_COMMAND|GIT_.*|PATH|PATHEXT|COMSPEC|SSL_CERT_(?:FILE|DIR)|NODE_TLS_REJECT_UNAUTHORIZED|NODE_EXTRA_CA_CERTS|HTTPS?_PROXY)$/i

/** Each a sentence. `entry` is the entry before substitution. */
export const risks = (entry: unknown, variables: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found = new Set<string>()
  if (!isObject(entry)) return []
  for (const field of ["command", "headersHelper"]) {
    const words = strings(entry[field])
    if (field === "headersHelper" && words.length > 0) found.add("It also runs the program headersHelper.")
    for (const risk of commandRisks(words)) found.add(risk)
  }
  const environment = entry["environment"]
  for (const name of Object.keys(isObject(environment) ? environment : {})) {
    if (loading.test(name)) found.add(`It sets ${visible(name)}, which can make programs load other code.`)
  }
  const url = entry["url"]
  if (
    typeof url === "string" &&
    /^http:/i.test(url) &&
    !/^http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?:[:/?#]|$)/i.test(url)
  ) {
    found.add("Its URL is http: whoever is on the way can read and change what is sent.")
  }
  if (typeof entry["proxy"] === "string")
    found.add("Its requests, and what you sign in with, go through a proxy that it names.")
  if (at(entry, ["tls", "ca"]) !== undefined) {
    found.add(
      "It brings an authority of its own (tls.ca): who has its key can pass for the server, and for where you sign in.",
    )
  }
  const remote = entry["type"] === "remote"
  for (const name of variables) {
    const what = name.startsWith("env:")
      ? `the variable ${visible(name.slice(4))}`
      : `the file ${quoted(name.slice(5))}`
    found.add(`It gets ${what} of this machine${remote ? ", which may go to the server's URL" : ""}.`)
  }
  if (entry["trusted"] === true) found.add("It asks that its own annotations relax permission questions (trusted).")
  if (at(entry, ["sampling", "approve"]) === "always") found.add("It asks to use the model without a question.")
  if (holdsUnseen(entry)) found.add("It holds characters that are not seen; they are shown as \\u{…}.")
  return [...found]
}

const holdsUnseen = (value: unknown): boolean => {
  if (typeof value === "string") return visible(value) !== value
  if (Array.isArray(value)) return value.some(holdsUnseen)
  return isObject(value) && Object.entries(value).some((pair) => pair.some(holdsUnseen))
}

const strings = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((word) => typeof word === "string") : []

const nameOf = (word: string) => (word.split(/[/\\]/).at(-1) ?? word).replace(/\.(?:exe|cmd|bat|com)$/i, "")

const commandRisks = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found: Array<string> = []
  words.forEach((word, index) => {
    const name = nameOf(word)
    const rest = words.slice(index + 1)
    if (powers.test(name)) found.push(`It runs ${name}: with the rights of another user.`)
    if (
      shells.test(name) &&
      rest.some((each) => /^(?:-[a-z]*c[a-z]*|\/[ck]|-(?:e|enc|encodedcommand|command))$/i.test(each))
    ) {
      found.push(`It gives ${name} a line to run (-c): read that line.`)
    }
    if (
      interpreters.test(name) &&
      rest.some((each) => /^(?:-[a-z]*[cepr]|--eval|--print|--require|--import|eval)$/i.test(each))
    ) {
      found.push(`It gives ${name} a program on its command line: read it.`)
    }
    if (index === 0 && networkTools.test(name)) found.push(`It runs ${name}, a tool of the network.`)
    if (index === 0 && fetchers.test(name)) found.push(`${name} fetches the package from the network and runs it.`)
    if (
      /^(?:docker|podman)$/i.test(name) &&
      rest.some((each) => /^--privileged|^--(?:pid|net|network|ipc)=host$|docker\.sock|^\/:/.test(each))
    ) {
      found.push(`It gives a container the rights of this machine.`)
    }
  })
  const line = words.join(" ")
  if (/\brm\s+(?:-\S+\s+)*-(?:[a-z]*r[a-z]*f|[a-z]*f[a-z]*r|-recursive|r|R)/i.test(line))
    found.push("It holds rm -rf: it deletes files.")
  if (/\b(?:curl|wget|fetch|iwr|Invoke-WebRequest)\b[^|;]*\|\s*(?:sudo\s+)?\w*sh\b/i.test(line))
    found.push("It downloads a script and runs it.")
  if (/\beval\b|\bbase64\s+(?:-d|-D|--decode)\b|\/dev\/(?:tcp|udp)\//.test(line))
    found.push("It runs what it first decodes, or opens a connection by hand.")
  if (/(?:^|[\s/~])\.(?:ssh|aws|gnupg|netrc|kube|npmrc|docker\/config)\b/.test(line))
    found.push("It names a place where credentials are kept.")
  if (/\$\(|`|&&|\|\||[;|<>]/.test(words.slice(1).join(" ")) && words.some((word) => shells.test(nameOf(word)))) {
    found.push("A shell would read operators in its arguments.")
  }
  return found
}
