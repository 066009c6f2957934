/**
 * Whether a name means a secret: what grants access or authorises payments, which a server must not ask for in a form
 * (2025-11-25, Elicitation, User Interaction Model).
 *
 * Whole words count, however they are joined (`apiKey`, `API_KEY`, "API key", `apikey`), so that `maxTokens`, `keyboard`
 * and `secretary` mean nothing. What follows may say that it is no secret at all: `tokenLimit`, `passwordPolicy`.
 */

/** Each without its spaces. */
const terms = new Set([
  ...["password", "passwort", "kennwort", "passphrase", "passcode", "secret", "credential"],
  ...["passwd", "pwd", "token", "jwt", "otp", "totp", "cvv", "cvc"],
  ...["contrasena", "motdepasse", "senha", "wachtwoord", "пароль"],
  ...["apikey", "apisecret", "secretkey", "privatekey", "accesskey", "signingkey", "encryptionkey", "masterkey"],
  ...["sshkey", "serviceaccountkey", "recoverykey", "sessionkey", "authkey", "clientsecret", "sessioncookie"],
  ...["accesstoken", "authtoken", "bearertoken", "refreshtoken", "sessiontoken", "apitoken", "idtoken"],
  ...[
    "cardnumber",
    "cardno",
    "ccnumber",
    "creditcard",
    "debitcard",
    "cardcode",
    "securitycode",
    "pincode",
    "pinnumber",
  ],
  ...["verificationcode", "authcode", "authenticationcode", "authorizationcode", "authenticatorcode"],
  ...["onetimecode", "2facode", "mfacode", "backupcode", "recoverycode", "seedphrase", "recoveryphrase"],
])

/** Written without spaces. */
const unspaced = /密码|密碼|パスワード|비밀번호/

/** After a secret: it is about the secret, not the secret itself. */
const about = new Set([
  ...["address", "age", "amount", "budget", "count", "decimals", "expiration", "expire", "expiry", "hint", "id"],
  ...["kind", "length", "limit", "lifetime", "location", "manager", "max", "min", "name", "path", "policy"],
  ...["prefix", "price", "reset", "rotation", "scope", "size", "store", "strength", "supply", "symbol", "ttl"],
  ...["type", "uri", "url", "usage", "version"],
])

const isAbout = (word = ""): boolean => about.has(word) || (word.endsWith("s") && about.has(word.slice(0, -1)))

/** Before `token`: it is a mark in a text or in a list. */
const marks = new Set([
  "bos",
  "cursor",
  "end",
  "eos",
  "mask",
  "max",
  "min",
  "next",
  "pad",
  "page",
  "per",
  "start",
  "stop",
])

/** The words of a name, however they are joined, in lower case, without accents and what cannot be seen. */
const wordsOf = (name: string): ReadonlyArray<string> =>
  name
    .normalize("NFKD")
    .replace(/[\p{M}\p{Cf}]/gu, "")
    .match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\d+|\p{Lo}+/gu)
    ?.map((word) => word.toLowerCase()) ?? []

/** Tokens are mostly those of a model. */
const isPlural = (text: string): boolean => text.endsWith("s") && text !== "tokens" && terms.has(text.slice(0, -1))

const isTerm = (text: string): boolean => terms.has(text) || isPlural(text) || /.(?:password|passwd)s?$/.test(text)

/** In capitals it is not the one on a map or a board. */
const pin = /(?<!\p{L})PIN(?!\p{L})/u

/** No term has more words. */
const longest = 3

/** What names are looked at, in characters: nobody reads more. */
const shown = 1_000

/** Whether a field of this name, or this title, asks for a secret. */
export const isSecret = (name: string): boolean => {
  const words = wordsOf(name.slice(0, shown))
  const whole = words.join("")
  if (whole === "pin" || pin.test(name) || unspaced.test(whole)) return true
  return words.some((_, from) =>
    Array.from({ length: longest }, (_, more) => from + more + 1).some((to) => {
      const text = words.slice(from, to).join("")
      if (to > words.length || !isTerm(text) || isAbout(words[to])) return false
      return text !== "token" || !marks.has(words[from - 1] ?? "")
    }),
  )
}
