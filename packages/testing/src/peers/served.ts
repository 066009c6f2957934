/**
 * Peers that we wrote on servers that we did not: both majors of the official SDK (with the features of `features.ts`)
 * and Effect's `McpServer`. Over stdio each is an entry of a configuration, over Streamable HTTP it is started for a Scope.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { local, type LocalPeer, type PeerError, peerFile, type RemotePeer, serve } from "./launch.ts"

/** A peer that is started, and ends with the Scope. */
export type Started = Effect.Effect<RemotePeer, PeerError, Scope.Scope>

export interface SdkOptions {
  /** So many made-up tools (`tool_0` …), 100 a page, instead of the real ones. */
  readonly manyTools?: number
}

const sdk = (file: string, mode: string, options: SdkOptions) =>
  local(peerFile(file), [mode, ...(options.manyTools === undefined ? [] : [String(options.manyTools)])])

/** A server on `@modelcontextprotocol/sdk` (v1), over stdio; it speaks every stateful revision. */
export const sdkV1 = (options: SdkOptions = {}): LocalPeer => sdk("sdk-v1-main.ts", "stdio", options)

/** The same over Streamable HTTP, with sessions and resumable streams (retry 50 ms). */
export const sdkV1Http = (options: SdkOptions = {}): Started => serve(sdk("sdk-v1-main.ts", "http", options))

/** A server on `@modelcontextprotocol/server` (v2), over stdio; it speaks every stateful revision. */
export const sdkV2 = (options: SdkOptions = {}): LocalPeer => sdk("sdk-v2-main.ts", "stdio", options)

/** The same over Streamable HTTP, with sessions and resumable streams (retry 50 ms). */
export const sdkV2Http = (options: SdkOptions = {}): Started => serve(sdk("sdk-v2-main.ts", "http", options))

export interface TaskOptions {
  /** What the server asks of those who poll, in milliseconds; 50 by default. */
  readonly pollInterval?: number
}

const tasks = (mode: string, { pollInterval = 50 }: TaskOptions) =>
  local(peerFile("sdk-v1-tasks-main.ts"), [mode, String(pollInterval)])

/** A server on `@modelcontextprotocol/sdk` (v1) with the tasks of 2025-11-25 and the tools of `features/tasks.ts`, over stdio. */
export const sdkV1Tasks = (options: TaskOptions = {}): LocalPeer => tasks("stdio", options)

/** The same over Streamable HTTP; a task belongs to its session. */
export const sdkV1TasksHttp = (options: TaskOptions = {}): Started => serve(tasks("http", options))

/** A revision that has a handshake. */
export type StatefulRevision = "2024-11-05" | "2025-03-26" | "2025-06-18" | "2025-11-25"

const effectPeer = (mode: string, revision: StatefulRevision | undefined) =>
  local(peerFile("effect-main.ts"), [mode, ...(revision === undefined ? [] : [revision])])

/** Effect's `McpServer` over stdio, with one revision alone or all stateful ones. Its tools: echo, add, progress, hang, interrupted, fail. */
export const effectMcp = (revision?: StatefulRevision): LocalPeer => effectPeer("stdio", revision)

/** The same over Streamable HTTP: sessions, DELETE, no GET stream. */
export const effectMcpHttp = (revision?: StatefulRevision): Started => serve(effectPeer("http", revision))
