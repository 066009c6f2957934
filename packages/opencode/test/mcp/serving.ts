/** OpenCode's service for one test: a configuration of the test's own, every connection recorded, nothing of this machine. */
import { Browser } from "@opencode-ai/mcp/auth/browser"
import { Mcp } from "@opencode-ai/mcp/mcp"
import { recordings } from "@opencode-ai/testing/client"
import { temporaryDirectory } from "@opencode-ai/testing/recording"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Bus from "../../src/bus/index.ts"
import { Config, type DiscoverOptions } from "../../src/config/config.ts"
import * as MCP from "../../src/mcp/index.ts"
import { Trust } from "../../src/trust/trust.ts"
import { platform } from "../config/world.ts"

/** The service on the configuration that `options` lead to. `open` is the browser. */
export const layer = (options: DiscoverOptions, open: Browser["open"] = () => Effect.succeed(false)) =>
  MCP.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Mcp.layer({ directory: options.directory ?? process.cwd(), interactionTimeout: 20_000 }),
        Bus.layer,
      ),
    ),
    Layer.provideMerge(recordings),
    Layer.provideMerge(Layer.mergeAll(Config.layer(options), Trust.layer())),
    Layer.provide(Layer.mergeAll(platform, Layer.succeed(Browser)({ open }))),
  )

/** The service with these servers in a file of the user's, and nothing else. */
export const serving = (servers: object, open?: Browser["open"]) =>
  Layer.unwrap(
    Effect.map(temporaryDirectory, (directory) => {
      const config = join(directory, "opencode.json")
      writeFileSync(config, JSON.stringify({ mcp: servers }))
      return layer({ config, directory }, open)
    }),
  )

/** The first event of the bus that fits, past or to come, of those that nobody has read yet. */
export const first = <D extends Bus.Definition>(
  definition: D,
  fits: (properties: D["properties"]["Type"]) => boolean = () => true,
) =>
  Effect.flatMap(Bus.Service, (bus) =>
    Effect.flatMap(
      Stream.runHead(Stream.filter(bus.subscribe(definition), ({ properties }) => fits(properties))),
      Effect.fromOption,
    ),
  )
