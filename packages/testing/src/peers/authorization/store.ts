/**
 * What the authorization server remembers, and its time: nothing here expires by a clock of its own. Time is moved by
 * making what is stored older, so that it passes for this server alone, and at once.
 */
import type { Adapter, AdapterPayload } from "oidc-provider"

/** An access token that was given out; a resource server reads it without asking, so this is how it is taken back. */
export interface Issued {
  readonly jti: string
  readonly grantId: string | undefined
  /** What the time was when it was issued, in seconds since the server started. */
  readonly at: number
  dead: boolean
}

const aged = (payload: AdapterPayload, seconds: number): AdapterPayload => ({
  ...payload,
  ...(payload.exp === undefined ? {} : { exp: payload.exp - seconds }),
  ...(payload.iat === undefined ? {} : { iat: payload.iat - seconds }),
  ...(payload.loginTs === undefined ? {} : { loginTs: payload.loginTs - seconds }),
})

export class Store {
  private readonly models = new Map<string, Map<string, AdapterPayload>>()
  private readonly issued = new Map<string, Issued>()
  /** Seconds that passed beside those of the clock. */
  elapsed = 0

  private model(name: string) {
    const found = this.models.get(name) ?? new Map<string, AdapterPayload>()
    this.models.set(name, found)
    return found
  }

  advance(seconds: number) {
    this.elapsed += seconds
    for (const entries of this.models.values()) {
      for (const [id, payload] of entries) entries.set(id, aged(payload, seconds))
    }
  }

  issue(jti: string, grantId: string | undefined) {
    this.issued.set(jti, { jti, grantId, at: this.elapsed, dead: false })
  }

  token(jti: string): Issued | undefined {
    return this.issued.get(jti)
  }

  /** Takes back the access tokens of one grant, or of all; gives their number. */
  kill(grantId?: string): number {
    const alive = [...this.issued.values()].filter(
      (token) => !token.dead && (grantId === undefined || token.grantId === grantId),
    )
    for (const token of alive) token.dead = true
    return alive.length
  }

  /** Forgets everything of some kinds; gives the number of what is gone. */
  forget(...names: ReadonlyArray<string>): number {
    let gone = 0
    for (const name of names) {
      gone += this.model(name).size
      this.model(name).clear()
    }
    return gone
  }

  readonly adapter = (name: string): Adapter => {
    const entries = this.model(name)
    const find = (fits: (payload: AdapterPayload) => boolean) => structuredClone([...entries.values()].find(fits))
    return {
      upsert: async (id, payload) => void entries.set(id, structuredClone(payload)),
      find: async (id) => structuredClone(entries.get(id)),
      findByUid: async (uid) => find((payload) => payload.uid === uid),
      findByUserCode: async (code) => find((payload) => payload.userCode === code),
      destroy: async (id) => void entries.delete(id),
      consume: async (id) => {
        const payload = entries.get(id)
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000)
      },
      revokeByGrantId: async (grantId) => {
        this.kill(grantId)
        for (const [id, payload] of entries) if (payload.grantId === grantId) entries.delete(id)
      },
    }
  }
}
