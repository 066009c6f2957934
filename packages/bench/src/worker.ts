/**
 * One contestant in a process of its own: `bun worker.ts <subject>`. It reads one order per line and answers each with
 * one line, so that the runner can let contestants take turns while each keeps its process, warm.
 */
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import type { Command, Connection, Keeping, Offer, Subject, Way } from "./subject.ts"

export type Order =
  | { readonly op: "stdio"; readonly servers: ReadonlyArray<Command> }
  | { readonly op: "http"; readonly url: string }
  | { readonly op: "load"; readonly calls: number; readonly inflight: number; readonly way: Way }
  | { readonly op: "list" }
  | { readonly op: "offer"; readonly urls: ReadonlyArray<string> }
  | { readonly op: "turns"; readonly turns: number }
  | { readonly op: "keeping"; readonly cache: string }
  | { readonly op: "offered"; readonly servers: ReadonlyArray<Command> }
  | { readonly op: "settled" }
  | { readonly op: "memory" }
  | { readonly op: "close" }

/** Times in milliseconds, memory in bytes; an order fills in what it has. */
export interface Report {
  readonly wall: number
  readonly cpu: number
  readonly items: number
  readonly peak: number
  readonly resident: number
}

const status = (name: "VmHWM" | "VmRSS"): number | undefined => {
  try {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"))
    return found === null ? undefined : Number(found[1]) * 1024
  } catch {
    return undefined
  }
}

// ru_maxrss outlives exec, so a small child would report its parent's size: the kernel's own mark is per program.
const peak = () => status("VmHWM") ?? process.resourceUsage().maxRSS * 1024

const resident = () => {
  Bun.gc(true)
  return status("VmRSS") ?? process.memoryUsage().rss
}

const cpu = () => {
  const usage = process.resourceUsage()
  return (usage.userCPUTime + usage.systemCPUTime) / 1000
}

const contestant = async (name: string) => {
  const module: { readonly subject: Subject & Partial<Offer> } = await import(`./subject/${name}.ts`)
  const { subject } = module
  let connections: ReadonlyArray<Connection> = []
  let offered: Awaited<ReturnType<Offer["offer"]>> | undefined
  let keeping: Keeping | undefined
  let kept: ReadonlyArray<unknown> = []
  const first = () => {
    const connection = connections[0]
    if (connection === undefined) throw new Error("nothing is connected")
    return connection
  }
  /** Answers with the number of items that the order had to do with. */
  const obey = async (order: Order): Promise<number> => {
    switch (order.op) {
      case "stdio":
        connections = [...connections, ...(await subject.stdio(order.servers))]
        return connections.length
      case "http":
        connections = [await subject.http(order.url)]
        return 1
      case "load":
        await first().load(order)
        return order.calls
      case "list":
        kept = await first().listTools()
        return kept.length
      case "offer":
        if (subject.offer === undefined) throw new Error(`${name} offers no tools to a model`)
        offered = await subject.offer(order.urls)
        return offered.tools()
      case "turns": {
        if (offered === undefined) throw new Error("nothing is offered")
        let tools = 0
        for (let turn = 0; turn < order.turns; turn++) tools = await offered.tools()
        return tools
      }
      case "keeping":
        if (subject.keeping === undefined) throw new Error(`${name} keeps no catalogues`)
        keeping = await subject.keeping(order.cache)
        return 0
      case "offered":
        return keeping?.offered(order.servers) ?? 0
      case "settled":
        return keeping?.settled() ?? 0
      case "memory":
        return kept.length
      case "close":
        await Promise.all(connections.map((connection) => connection.close()))
        await offered?.close()
        await keeping?.close()
        return 0
    }
  }
  return async (order: Order): Promise<Report> => {
    const cpuBefore = cpu()
    const before = performance.now()
    const items = await obey(order)
    const wall = performance.now() - before
    const spent = cpu() - cpuBefore
    const top = peak()
    return { wall, cpu: spent, items, peak: top, resident: order.op === "memory" ? resident() : 0 }
  }
}

if (import.meta.main) {
  const obey = await contestant(process.argv[2] ?? "bare")
  process.stdout.write("ready\n")
  for await (const line of createInterface({ input: process.stdin })) {
    const order: Order = JSON.parse(line)
    const answer = await obey(order).catch((error: unknown) => ({ failure: String(error) }))
    process.stdout.write(JSON.stringify(answer) + "\n")
    if (order.op === "close") break
  }
  process.exit(0)
}
