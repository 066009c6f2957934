/** Roots of a plugin's own: every worktree of a git repository, and the servers are told when one comes or goes. */
import { execFile } from "node:child_process"
import { watch } from "node:fs"
import { basename, join } from "node:path"
import { pathToFileURL } from "node:url"
import { Roots } from "@opencode-ai/mcp"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

const worktrees = (repository: string) =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    execFile("git", ["worktree", "list", "--porcelain"], { cwd: repository }, (_, stdout) =>
      resume(Effect.succeed([...stdout.matchAll(/^worktree (.+)$/gm)].map(([, path = ""]) => path))),
    )
  })

export const ofWorktrees = (repository: string) =>
  Layer.succeed(Roots)({
    list: Effect.map(worktrees(repository), (paths) =>
      paths.map((path) => ({ uri: pathToFileURL(path).href, name: basename(path) })),
    ),
    // Git keeps a folder for each worktree but the first in this one, once there was one.
    changes: Stream.callback<void>((queue) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          watch(join(repository, ".git"), { recursive: true }, (_, file) => {
            if (file?.startsWith("worktrees")) Queue.offerUnsafe(queue, undefined)
          }),
        ),
        (watcher) => Effect.sync(() => watcher.close()),
      ),
    ).pipe(Stream.debounce("200 millis")),
  })
