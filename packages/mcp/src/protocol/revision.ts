/**
 * The revisions of the protocol, and what each allows on the wire.
 *
 * An `Adapter` is the only place that knows how revisions differ: which requests a client may send, which it may
 * receive, what it may declare, and how a session begins. Nothing here holds state.
 */
import type { ClientCapabilities, Implementation, ServerCapabilities } from "./model.ts"

/** A dated revision that this client speaks. */
export type Revision = "2024-11-05" | "2025-03-26" | "2025-06-18" | "2025-11-25"

/** Every revision, oldest first. */
export const revisions: ReadonlyArray<Revision> = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]

/** The revision that is offered where none is configured. */
export const latest: Revision = "2025-11-25"

export const isRevision = (value: unknown): value is Revision => revisions.some((revision) => revision === value)

/** How one revision behaves. */
export interface Adapter {
  readonly revision: Revision
  /**
   * How a connection becomes a session: `initialize` and its answer. A stateless revision, which has no handshake,
   * becomes a second member of this union.
   */
  readonly lifecycle: "initialize"
  /** Whether a JSON-RPC batch may arrive (2025-03-26, Base Protocol, Batching). */
  readonly batches: boolean
  /** Whether there are tasks: else what a server declares of them is not heeded (2025-11-25, Tasks). */
  readonly tasks: boolean
  /** Whether messages may hold audio (since 2025-03-26). */
  readonly audio: boolean
  /** Requests that the server may send. Any other is answered with -32601. */
  readonly serverRequests: ReadonlySet<string>
  /** What a client of this revision can declare: members it does not know are left out. */
  readonly declare: (capabilities: ClientCapabilities) => ClientCapabilities
  /**
   * What a server may be asked for that declared this: the first revision has no capability for completion, and any
   * server with prompts or resources may complete.
   */
  readonly offers: (declared: ServerCapabilities) => ServerCapabilities
  /** Whether a question for completions may name the arguments that are known already. */
  readonly completionContext: boolean
  /** The client's name as this revision can say it. */
  readonly identify: (client: Implementation) => Implementation
}

const baseRequests = ["ping", "roots/list", "sampling/createMessage"]
const elicitationRequests = [...baseRequests, "elicitation/create"]
const taskRequests = [...elicitationRequests, "tasks/get", "tasks/result", "tasks/list", "tasks/cancel"]

const declareBase = ({ experimental, roots, sampling }: ClientCapabilities): ClientCapabilities => ({
  ...(experimental === undefined ? {} : { experimental }),
  ...(roots === undefined ? {} : { roots }),
  ...(sampling === undefined ? {} : { sampling: {} }),
})

const offersDeclared = (declared: ServerCapabilities): ServerCapabilities => declared

const offersCompletions = (declared: ServerCapabilities): ServerCapabilities =>
  declared.prompts === undefined && declared.resources === undefined ? declared : { completions: {}, ...declared }

/** Whether forms can be filled in: what is declared without a mode means them (2025-11-25, Elicitation, Capabilities). */
const hasForms = ({ elicitation }: ClientCapabilities): boolean =>
  elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined)

const identifyBase = ({ name, version }: Implementation): Implementation => ({ name, version })

const adapters: Record<Revision, Adapter> = {
  "2024-11-05": {
    revision: "2024-11-05",
    lifecycle: "initialize",
    batches: false,
    audio: false,
    tasks: false,
    serverRequests: new Set(baseRequests),
    declare: declareBase,
    offers: offersCompletions,
    completionContext: false,
    identify: identifyBase,
  },
  "2025-03-26": {
    revision: "2025-03-26",
    lifecycle: "initialize",
    batches: true,
    audio: true,
    tasks: false,
    serverRequests: new Set(baseRequests),
    declare: declareBase,
    offers: offersDeclared,
    completionContext: false,
    identify: identifyBase,
  },
  "2025-06-18": {
    revision: "2025-06-18",
    lifecycle: "initialize",
    batches: false,
    audio: true,
    tasks: false,
    serverRequests: new Set(elicitationRequests),
    declare: (capabilities) => ({
      ...declareBase(capabilities),
      ...(hasForms(capabilities) ? { elicitation: {} } : {}),
    }),
    offers: offersDeclared,
    completionContext: true,
    identify: ({ name, title, version }) => ({ name, version, ...(title === undefined ? {} : { title }) }),
  },
  "2025-11-25": {
    revision: "2025-11-25",
    lifecycle: "initialize",
    batches: false,
    audio: true,
    tasks: true,
    serverRequests: new Set(taskRequests),
    declare: (capabilities) => capabilities,
    offers: offersDeclared,
    completionContext: true,
    identify: (client) => client,
  },
}

/** The adapter of a revision. */
export const adapter = (revision: Revision): Adapter => adapters[revision]
