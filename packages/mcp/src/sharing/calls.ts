/** The requests of several clients under way at one server, under ids and progress tokens that are this broker's own. */
import { isObject, isRequestId, type RequestId, type RequestMessage } from "../protocol/jsonrpc.ts"
import type { Wish } from "./wishes.ts"

export interface Call<Client> {
  /** Its id at the server. */
  readonly id: number
  /** Its id at its client. */
  readonly own: RequestId
  readonly method: string
  /** The task that it names. */
  readonly taskId: string | undefined
  /** Whether a task may come of it. */
  readonly makesTask: boolean
  /** `undefined` where that has gone. */
  client: Client | undefined
  readonly token: Token<Client> | undefined
  /** Gives its token back. */
  readonly release: () => void
  wish: Extract<Wish, { readonly kind: "asked" }> | undefined
}

/** A progress token: at the server it is the id of the first request that named it. */
export interface Token<Client> {
  readonly id: number
  readonly client: Client
  readonly own: RequestId
  /** How many calls and tasks may report progress under it. */
  users: number
}

export interface Calls<Client> {
  readonly begin: (client: Client, message: RequestMessage) => Call<Client>
  /** It is over, or was never sent. */
  readonly end: (call: Call<Client>) => void
  /** Parameters as they go to the server: with the token that is known there. */
  readonly withToken: (call: Call<Client>, params: object) => object
  /** The progress of a call goes on after its answer, until what this returns is called. */
  readonly keepToken: (call: Call<Client>) => () => void
  readonly byId: (id: unknown) => Call<Client> | undefined
  /** Whether a request with this id was made. */
  readonly wasOurs: (id: unknown) => boolean
  readonly of: (client: Client, own: unknown) => Call<Client> | undefined
  readonly has: (client: Client, own: RequestId) => boolean
  readonly count: (client: Client) => number
  readonly tokenOf: (token: unknown) => Token<Client> | undefined
  /** Who has calls under way that may take long: on whose account a server asks. */
  readonly callers: () => ReadonlySet<Client>
  /** Takes the calls from a client that has gone, and gives them. Those of which a task may come are waited for. */
  readonly leave: (client: Client) => ReadonlyArray<Call<Client>>
  /** An id for a request of the broker's own, whose answer interests nobody. */
  readonly own: () => number
}

interface Own<Client> {
  readonly calls: Map<RequestId, Call<Client>>
  readonly tokens: Map<RequestId, Token<Client>>
}

const metaOf = (params: unknown) => (isObject(params) && isObject(params._meta) ? params._meta : undefined)

export const make = <Client>(): Calls<Client> => {
  const byId = new Map<number, Call<Client>>()
  const tokens = new Map<number, Token<Client>>()
  const clients = new Map<Client, Own<Client>>()
  let lastId = 0

  const ownOf = (client: Client): Own<Client> => {
    const own = clients.get(client) ?? { calls: new Map(), tokens: new Map() }
    clients.set(client, own)
    return own
  }
  const use = (token: Token<Client>) => {
    token.users += 1
    let isUsed = true
    return () => {
      if (isUsed) token.users -= 1
      isUsed = false
      if (token.users > 0) return
      tokens.delete(token.id)
      const own = clients.get(token.client)?.tokens
      if (own?.get(token.own) === token) own.delete(token.own)
    }
  }

  const end = (call: Call<Client>) => {
    byId.delete(call.id)
    if (call.client !== undefined) clients.get(call.client)?.calls.delete(call.own)
    call.release()
  }

  return {
    begin: (client, message) => {
      const own = ownOf(client)
      const id = ++lastId
      const { params } = message
      const said = metaOf(params)?.progressToken
      let token: Token<Client> | undefined
      if (isRequestId(said)) {
        token = own.tokens.get(said) ?? { id, client, own: said, users: 0 }
        own.tokens.set(said, token)
        tokens.set(token.id, token)
      }
      const call: Call<Client> = {
        id,
        own: message.id,
        method: message.method,
        taskId: isObject(params) && typeof params.taskId === "string" ? params.taskId : undefined,
        makesTask: isObject(params) && isObject(params.task),
        client,
        token,
        release: token === undefined ? () => undefined : use(token),
        wish: undefined,
      }
      byId.set(id, call)
      own.calls.set(message.id, call)
      return call
    },
    end,
    withToken: ({ token }, params) =>
      token === undefined ? params : { ...params, _meta: { ...metaOf(params), progressToken: token.id } },
    keepToken: ({ token }) => (token === undefined ? () => undefined : use(token)),
    byId: (id) => (typeof id === "number" ? byId.get(id) : undefined),
    wasOurs: (id) => typeof id === "number" && id > 0 && id <= lastId,
    of: (client, own) => (isRequestId(own) ? clients.get(client)?.calls.get(own) : undefined),
    has: (client, own) => clients.get(client)?.calls.has(own) === true,
    count: (client) => clients.get(client)?.calls.size ?? 0,
    tokenOf: (token) => (typeof token === "number" ? tokens.get(token) : undefined),
    callers: () => {
      const callers = new Set<Client>()
      for (const { client, token } of byId.values())
        if (client !== undefined && token !== undefined) callers.add(client)
      return callers
    },
    leave: (client) => {
      const own = clients.get(client)
      clients.delete(client)
      const left = [...(own?.calls.values() ?? [])]
      for (const call of left) {
        if (!call.makesTask) end(call)
        call.client = undefined
      }
      for (const token of own?.tokens.values() ?? []) tokens.delete(token.id)
      return left
    },
    own: () => ++lastId,
  }
}
