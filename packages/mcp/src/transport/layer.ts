/** The constructors of `TransportLayer`: one for each kind of transport. */
import * as Layer from "effect/Layer"
import * as Stdio from "./stdio.ts"
import { Transport } from "./transport.ts"

/**
 * A local server over stdin and stdout.
 *
 * @example
 * ```ts
 * const transport = TransportLayer.stdio({ command: ["npx", "-y", "@modelcontextprotocol/server-memory"] })
 * ```
 */
export const stdio = (options: Stdio.StdioOptions): Layer.Layer<Transport> =>
  Layer.succeed(Transport)({ kind: "stdio", open: (receiver) => Stdio.open(options, receiver) })
