/**
 * A hand-written server over stdio that does what its script says, right or wrong. `rawStdio(script)` is an entry of a
 * configuration; the program itself is `raw-stdio-main.ts`. Without a script it is a small correct server with one tool,
 * `echo`. What it received can be kept in a file (see `recording.ts`).
 */
import { local, type LocalPeer, peerFile } from "./launch.ts"
import type { Standard } from "./raw-answer.ts"
import { recordVariable } from "./record-file.ts"

/**
 * One step of a script. In `message`, `result` and strings of `write`, the string `"$id"` stands for the id of the request
 * that is being answered, `"$params"` for its parameters; inside a longer string of `write`, `$id` is replaced as JSON.
 */
export type RawAction =
  /** Answers the request. */
  | { readonly do: "result"; readonly result: unknown }
  | { readonly do: "error"; readonly code: number; readonly message: string; readonly data?: unknown }
  /** Sends any JSON value on a line: a foreign id, a batch, a notification, a request nobody waits for. */
  | { readonly do: "send"; readonly message: unknown }
  /** Sends a request of the server's and waits for the answer, which is in the record. */
  | { readonly do: "ask"; readonly id: string | number; readonly method: string; readonly params?: unknown }
  /** Collects requests until there are `size`, then answers all in one batch, the last first, each with `result`. */
  | { readonly do: "batch"; readonly size: number; readonly result: unknown }
  /** Writes text and bytes as they are: junk, half a line, invalid UTF-8. A newline is written where it says so. */
  | { readonly do: "write"; readonly parts: ReadonlyArray<string | ReadonlyArray<number>> }
  /** Answers with a text of `bytes` letters in one line. */
  | { readonly do: "huge"; readonly bytes: number }
  /** Answers with `structuredContent` nested `depth` arrays deep. */
  | { readonly do: "nest"; readonly depth: number }
  /** Writes one line that never ends. With `answer`, the line begins as the answer to the request would. */
  | { readonly do: "endless"; readonly answer?: boolean }
  | { readonly do: "stderr"; readonly text: string }
  /** Waits until a message with this method arrives (after this step list began). */
  | { readonly do: "await"; readonly method: string }
  /** Waits until this file is there: until the test has seen what it waits for. */
  | { readonly do: "until"; readonly file: string }
  /** Waits; for a server that is slow. */
  | { readonly do: "wait"; readonly ms: number }
  /**
   * Starts a grandchild that ignores stdin, and writes its process id to `pidFile`. With `setsid` it leaves the process
   * group. It ends by itself after two minutes.
   */
  | { readonly do: "spawn"; readonly pidFile: string; readonly setsid?: boolean; readonly ignoreSigterm?: boolean }
  | { readonly do: "exit"; readonly code: number }
  /** Dies by a signal that it sends to itself. */
  | { readonly do: "signal"; readonly signal: "SIGKILL" | "SIGTERM" | "SIGSEGV" }

/** What the server does. Every member may be left out. */
export interface RawScript extends Standard {
  /** Steps before anything is read. */
  readonly start?: ReadonlyArray<RawAction>
  /** `false`: stdin is never read. */
  readonly read?: boolean
  /** The steps for a method, instead of the right answer; `[]` never answers. */
  readonly on?: { readonly [method: string]: ReadonlyArray<RawAction> }
  /** SIGTERM does nothing. */
  readonly ignoreSigterm?: boolean
  /** The end of stdin does nothing (the process still ends after two minutes). */
  readonly ignoreEnd?: boolean
  /** Output is written in pieces of so many bytes, each on its own turn of the event loop. */
  readonly split?: number
}

/** The scripted server as an entry of a configuration; `record` is a file for what it received. */
export const rawStdio = (script: RawScript = {}, record?: string): LocalPeer =>
  local(
    peerFile("raw-stdio-main.ts"),
    [JSON.stringify(script)],
    record === undefined ? undefined : { [recordVariable]: record },
  )
