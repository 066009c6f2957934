/** The processes of a run: one per contestant, one per shared server. All of them end with the runner's pipe. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { argumentsOf, type Sizes } from "./server/answers.ts"
import type { Command } from "./subject.ts"
import type { Order, Report } from "./worker.ts"

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export const rawServer = (sizes: Partial<Sizes> = {}): Command => ({
  command: process.execPath,
  args: [file("./server/stdio.ts"), ...argumentsOf(sizes)],
})

/**
 * The same under Node, where nearly all local servers run: its start-up is what parallel connecting waits for. It is
 * built into `directory`, because Node runs no TypeScript. Without Node it runs under Bun.
 */
export const rawServerOnNode = async (directory: string, sizes: Partial<Sizes> = {}): Promise<Command> => {
  if (Bun.which("node") === null) return rawServer(sizes)
  const built = await Bun.build({ entrypoints: [file("./server/stdio.ts")], target: "node", outdir: directory })
  const [output] = built.outputs
  return output === undefined ? rawServer(sizes) : { command: "node", args: [output.path, ...argumentsOf(sizes)] }
}

export const tinyServer: Command = { command: "sh", args: [file("./server/tiny.sh")] }

/** Nothing of this machine (a certificate store, say) is to make servers slow. The clients hand all of it on. */
const environment = (): Record<string, string | undefined> => ({
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  TMPDIR: process.env["TMPDIR"],
})

const lines = (child: ChildProcess) => {
  if (child.stdout === null) throw new Error("no output to read")
  const iterator = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async (): Promise<string> => {
    const { done, value } = await iterator.next()
    if (done === true) throw new Error(`process ${child.pid} ended without an answer`)
    return value
  }
}

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, "exit")
  child.stdin?.end()
  const patience = setTimeout(() => child.kill("SIGKILL"), 10_000)
  await exit
  clearTimeout(patience)
}

export interface Worker {
  readonly order: (order: Order) => Promise<Report>
  readonly close: () => Promise<void>
}

let profiles: string | undefined

/** From now on this client's processes each leave a CPU profile in `directory` when they end. */
export const profileInto = (directory: string) => {
  profiles = directory
}

const profiling = (subject: string): ReadonlyArray<string> =>
  profiles === undefined || subject !== "ours"
    ? []
    : ["--cpu-prof", "--cpu-prof-md", "--cpu-prof-interval", "100", "--cpu-prof-dir", profiles]

/** Starts a contestant; it is ready when this resolves, with everything imported. */
export const startWorker = async (subject: string): Promise<Worker> => {
  const child = spawn(process.execPath, [...profiling(subject), file("./worker.ts"), subject], {
    stdio: ["pipe", "pipe", "inherit"],
    env: environment(),
  })
  child.stdin.on("error", () => {})
  const line = lines(child)
  await line()
  const order = async (order: Order): Promise<Report> => {
    child.stdin.write(JSON.stringify(order) + "\n")
    const answer: Report | { readonly failure: string } = JSON.parse(await line())
    if ("failure" in answer) throw new Error(`${subject}: ${answer.failure}`)
    return answer
  }
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) await order({ op: "close" }).catch(() => {})
    await ended(child)
  }
  return { order, close }
}

export interface HttpServer {
  readonly url: (path: "json" | "sse") => string
  /** How many requests of each kind it has answered. */
  readonly counts: () => Promise<{ readonly lists: number; readonly calls: number }>
  readonly close: () => Promise<void>
}

const startHttpServer = async (sizes: Partial<Sizes> = {}): Promise<HttpServer> => {
  const child = spawn(process.execPath, [file("./server/http.ts"), ...argumentsOf(sizes)], {
    stdio: ["pipe", "pipe", "inherit"],
  })
  const port = await lines(child)()
  const base = `http://127.0.0.1:${port}`
  return {
    url: (path) => `${base}/${path}`,
    counts: async () => JSON.parse(await (await fetch(`${base}/counts`)).text()),
    close: () => ended(child),
  }
}

/** Ends the server whatever happens to what uses it. */
export const withHttpServer = async (sizes: Partial<Sizes>, use: (server: HttpServer) => Promise<void>) => {
  const server = await startHttpServer(sizes)
  try {
    await use(server)
  } finally {
    await server.close()
  }
}

export const withWorker = async (subject: string, use: (worker: Worker) => Promise<void>) => {
  const worker = await startWorker(subject)
  try {
    await use(worker)
  } finally {
    await worker.close()
  }
}

/** Milliseconds of a command from its start to its end. */
export const timeCommand = async (
  args: ReadonlyArray<string>,
  options: { readonly cwd: string; readonly env: Record<string, string | undefined> },
): Promise<number> => {
  const before = performance.now()
  const child = spawn(process.execPath, args, { ...options, stdio: "ignore" })
  const [code] = await once(child, "exit")
  const wall = performance.now() - before
  if (code !== 0) throw new Error(`${args.join(" ")} exited with ${code}`)
  return wall
}
