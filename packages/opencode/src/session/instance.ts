/**
 * Everything that a session stands on, of one project: the configuration, the bus, the servers, the models, permissions,
 * tools and plugins. Closing the Scope closes every server.
 */
import { Questions } from "@opencode-ai/mcp/capability/questions"
import { Elicitation } from "@opencode-ai/mcp/capability/elicitation"
import type { Mcp } from "@opencode-ai/mcp/mcp"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { Underway } from "@opencode-ai/mcp-inbox/underway"
import * as Bus from "../bus/index.ts"
import { seen } from "../inbox/seen.ts"
import type { Config, Snapshot } from "../config/config.ts"
import { Sections } from "../config/sections.ts"
import * as MCP from "../mcp/index.ts"
import * as Instance from "../mcp/instance.ts"
import * as Permission from "../permission/index.ts"
import * as Plugin from "../plugin/index.ts"
import * as Provider from "../provider/layer.ts"
import type * as ProviderOf from "../provider/provider.ts"
import * as Sampling from "../sampling/session.ts"
import * as ToolRegistry from "../tool/registry.ts"
import * as Truncate from "../tool/truncate.ts"
import type { Trust } from "../trust/trust.ts"
import * as Budget from "./budget.ts"
import * as Models from "./models.ts"
import * as SessionPrompt from "./prompt.ts"

export interface Options {
  readonly snapshot: Snapshot
  /** Whether what the project's files say of models and permissions counts. */
  readonly trusted: boolean
  /** Whether a person answers questions of permission. Default: always. */
  readonly answerable?: () => boolean
  /**
   * Who answers what servers ask the person, and who approves sampling. Default: whoever reads the events; no server may
   * sample then.
   */
  readonly person?: Layer.Layer<Elicitation, never, Questions>
  /** How long a person is waited for, in milliseconds. Default: 300,000. */
  readonly interactionTimeout?: number
  readonly plugins?: ReadonlyArray<Plugin.Hooks>
}

/** The services of an instance. */
export type Services =
  | SessionPrompt.Service
  | MCP.Service
  | Mcp
  | Questions
  | Underway
  | Models.Service
  | Bus.Service
  | Permission.Service
  | ProviderOf.Service
  | Sections
  | ToolRegistry.Service
  | Plugin.Service
  | Truncate.Service

type Needs = Config | Trust | FileSystem.FileSystem | Path.Path

/** The person's rules, and what each file of the project wants asked or denied. */
const read = ({ get }: Sections["Service"]): readonly [Permission.Read, ...ReadonlyArray<Permission.Read>] => {
  const { limits, value, where } = get("permission")
  return [
    Permission.fromConfig(value, where().replace(/: permission$/, "")),
    ...limits.map(({ file, value }) => Permission.fromConfig(value, file)),
  ]
}

const permissions = ({ answerable }: Options): Layer.Layer<Permission.Service, never, Bus.Service | Sections> =>
  Layer.unwrap(
    Effect.map(Sections, (sections) => {
      const [{ rules }, ...others] = read(sections)
      const limits = others.map(({ rules }) => rules)
      return Permission.layer({ rules, limits, ...(answerable === undefined ? {} : { answerable }) })
    }),
  )

/** What is wrong with the sections that a session reads, for a person. */
export const problems: Effect.Effect<ReadonlyArray<string>, never, Sections> = Effect.map(Sections, (sections) => {
  const { get, mask, warnings } = sections
  const { errors } = get("permission")
  const problems = read(sections).flatMap(({ problems }) => problems)
  const budget = Budget.problemOf(get("experimental"))
  const all = [
    ...warnings,
    ...errors.map(({ message }) => message),
    ...problems,
    ...(budget === undefined ? [] : [budget]),
  ]
  return all.map(mask)
})

const elicited: Layer.Layer<Elicitation, never, Questions> = Layer.effect(Elicitation)(
  Effect.map(Questions, ({ elicit }) => ({ modes: ["form", "url"] as const, elicit })),
)

/** The instance of a configuration. */
export const layer = (options: Options): Layer.Layer<Services, never, Needs> => {
  const { interactionTimeout = 300_000, person = elicited, plugins = [], snapshot, trusted } = options
  const { directory, worktree } = snapshot
  const client = Layer.unwrap(
    Effect.map(Effect.context<ProviderOf.Service | Models.Service>(), (services) =>
      seen(
        Instance.client({
          answers: Layer.merge(person, Layer.provide(Sampling.layer, Layer.succeedContext(services))),
          interactionTimeout,
        }),
      ),
    ),
  )
  return SessionPrompt.layer({ directory }).pipe(
    Layer.provideMerge(MCP.layer),
    Layer.provideMerge(
      Layer.mergeAll(permissions(options), Plugin.layer(plugins), ToolRegistry.layer({ directory, worktree }), client),
    ),
    Layer.provideMerge(Layer.mergeAll(Provider.layer, Truncate.layer, Models.layer)),
    Layer.provideMerge(Layer.mergeAll(Bus.layer, Sections.layer(snapshot, { trusted }))),
  )
}
