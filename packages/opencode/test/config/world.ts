/** A person's machine for one test: a home, an environment, and a project in a git worktree. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import { read, type DiscoverOptions } from "../../src/config/config.ts"

export const platform = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)

/** An entry of a local server whose command says where it comes from. */
export const local = (command: string, fields: object = {}) => ({ type: "local", command: [command], ...fields })

/** A file with these servers, in OpenCode 1's shape. */
export const mcp = (servers: object) => JSON.stringify({ mcp: servers })

export const world = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const root = yield* fs.realPath(yield* fs.makeTempDirectoryScoped({ prefix: "opencode-config-" }))
  const at = (...names: ReadonlyArray<string>) => paths.join(root, ...names)
  const write = Effect.fnUntraced(function* (name: string, text: string) {
    yield* fs.makeDirectory(paths.dirname(at(name)), { recursive: true })
    yield* fs.writeFileString(at(name), text)
    return at(name)
  })
  const run = (program: string, ...args: ReadonlyArray<string>) =>
    Effect.sync(() => {
      const { exitCode, stderr } = Bun.spawnSync([program, ...args], {
        cwd: at("repo"),
        env: { ...process.env, HOME: at("home") },
      })
      if (exitCode !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr.toString()}`)
    })
  yield* fs.makeDirectory(at("repo", "sub", "dir"), { recursive: true })
  yield* fs.makeDirectory(at("home"))
  yield* run("git", "init", "--quiet")

  const provide = (env: Readonly<Record<string, string>>) =>
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { HOME: at("home"), ...env } }))
  return {
    root,
    at,
    write,
    git: (...args: ReadonlyArray<string>) => run("git", ...args),
    provide,
    /** Reads the configuration in `repo/sub/dir`, unless told otherwise. */
    read: (env: Readonly<Record<string, string>> = {}, options: DiscoverOptions = {}) =>
      read({ directory: at("repo", "sub", "dir"), ...options }).pipe(provide(env)),
    /** The first word of the command of the server `s`. */
    command: (env: Readonly<Record<string, string>> = {}, options: DiscoverOptions = {}) =>
      read({ directory: at("repo", "sub", "dir"), ...options }).pipe(
        provide(env),
        Effect.map(({ servers }) => {
          const config = servers.find((server) => server.name === "s")?.config
          return config?.type === "local" ? config.command[0] : undefined
        }),
      ),
  }
})
