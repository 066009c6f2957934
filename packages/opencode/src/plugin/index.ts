/**
 * Hooks of plugins: each sees what is about to happen, or has happened, and may change the output in place.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

interface Called {
  /** The key that the model knows the tool by. */
  readonly tool: string
  readonly sessionID: string
  readonly callID: string
}

/** What each hook is given, and what it may change. */
export interface Points {
  "tool.execute.before": { readonly input: Called; readonly output: { args: unknown } }
  /** `output` is the raw result: of an MCP tool as the server gave it. */
  "tool.execute.after": { readonly input: Called & { readonly args: unknown }; readonly output: object }
}

/** The hooks of one plugin. */
export type Hooks = {
  readonly [Name in keyof Points]?: (
    input: Points[Name]["input"],
    output: Points[Name]["output"],
  ) => Effect.Effect<void>
}

export interface Interface {
  /** Runs the hooks of every plugin, one after another, and gives the output as they left it. */
  readonly trigger: <Name extends keyof Points, Output extends Points[Name]["output"]>(
    name: Name,
    input: Points[Name]["input"],
    output: Output,
  ) => Effect.Effect<Output>
}

/** The plugins of an instance. */
export class Service extends Context.Service<Service, Interface>()("@opencode/Plugin") {}

/** Plugins, in the order in which their hooks run. */
export const layer = (plugins: ReadonlyArray<Hooks> = []): Layer.Layer<Service> =>
  Layer.succeed(Service)({
    trigger: (name, input, output) =>
      Effect.as(
        Effect.forEach(plugins, (hooks) => hooks[name]?.(input, output) ?? Effect.void, { discard: true }),
        output,
      ),
  })
