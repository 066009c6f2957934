/** The directories that a server may work in (2025-11-25, Client Features, Roots). Absent: not declared. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Root } from "../protocol/model.ts"
import { tellAuthor } from "./answering.ts"

/**
 * Answers `roots/list`.
 *
 * @example
 * ```ts
 * const roots = Layer.succeed(Roots)({
 *   list: Effect.succeed([{ uri: "file:///home/me/project", name: "project" }]),
 *   changes: Stream.empty,
 * })
 * ```
 */
export class Roots extends Context.Service<
  Roots,
  {
    /** The roots as they are now; each `uri` is a `file://` URI. */
    readonly list: Effect.Effect<ReadonlyArray<Root>>
    /** One element each time the list has changed: the server is then told. */
    readonly changes: Stream.Stream<void>
  }
>()("@opencode/mcp/Roots") {}

const isFile = ({ uri }: Root): boolean => URL.canParse(uri) && new URL(uri).protocol === "file:"

/** The roots as they are sent: normalised, so that `..` leads nowhere, and no other than `file:` URIs (Roots, Data Types). */
export const answerRoots = ({ list }: Roots["Service"]): Effect.Effect<{ readonly roots: ReadonlyArray<Root> }> =>
  Effect.flatMap(list, (all) =>
    Effect.as(
      Effect.forEach(
        all.filter((root) => !isFile(root)),
        ({ uri }) => tellAuthor(`the root ${JSON.stringify(uri)} is no file: URI: no server is told of it`),
        { discard: true },
      ),
      { roots: all.filter(isFile).map((root) => ({ ...root, uri: new URL(root.uri).href })) },
    ),
  )

/** An element for each change. What the host's stream throws ends it alone. */
export const changesOf = ({ changes }: Roots["Service"]): Stream.Stream<void> =>
  Stream.catchCause(changes, (cause) =>
    Cause.hasInterruptsOnly(cause)
      ? Stream.empty
      : Stream.fromEffectDrain(tellAuthor(`the changes of the roots failed: ${String(Cause.squash(cause))}`)),
  )
