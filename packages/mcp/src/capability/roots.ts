/** The directories that a server may work in (2025-11-25, Client Features, Roots). Absent: not declared. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Root } from "../protocol/model.ts"

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
