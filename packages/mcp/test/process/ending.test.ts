/** How a tree of processes is ended, step by step, on a machine that is made up: what is signalled, when, and who never is. */
import * as Effect from "effect/Effect"
import { it } from "@opencode-ai/testing/effect"
import { describe, expect } from "@opencode-ai/testing/runner"
import { endTree, type ProcessRecord, type System } from "../../src/process/tree.ts"

/** A machine whose processes a test says, and what was done to it. */
const machine = (processes: ReadonlyArray<ProcessRecord>, isWindows = false) => {
  const state = {
    processes: [...processes],
    done: [] as Array<string>,
    /** What becomes of a process that gets a signal. By default nothing. */
    onSignal: (_pid: number, _name: string): void => undefined,
    end: (...pids: ReadonlyArray<number>) => {
      state.processes = state.processes.filter(({ pid }) => !pids.includes(pid))
    },
  }
  const system: System = {
    isWindows,
    table: Effect.sync(() => state.processes),
    lately: Effect.sync(() => state.processes),
    signal: (pid, name) =>
      Effect.sync(() => {
        state.done.push(`${name} ${pid}`)
        state.onSignal(pid, name)
      }),
    run: ([file, args]) => Effect.sync(() => state.done.push([file.split("\\").at(-1), ...args].join(" "))),
  }
  return Object.assign(state, { system })
}

const grace = { stdin: 20, term: 60 }
const root = { pid: 10, parent: 1, group: 10, started: "r" }
const child = { pid: 11, parent: 10, group: 10, started: "c" }
const strayed = { pid: 12, parent: 1, group: 12, started: "s" }
const other = { pid: 50, parent: 1, group: 50, started: "o" }

const ended = (made: ReturnType<typeof machine>, options: { readonly exits?: () => void; readonly stays?: true }) =>
  endTree(
    {
      root,
      grace,
      closeStdin: Effect.sync(() => {
        made.done.push("stdin")
        options.exits?.()
      }),
      exited: options.stays === true ? Effect.never : Effect.void,
      // By the mark that they inherited: a stranger with the id of one has none.
      strays: Effect.sync(() => made.processes.filter(({ started }) => started.startsWith(strayed.started))),
    },
    made.system,
  )

describe("a tree of processes", () => {
  it.live("that ends with its stdin gets no signal", () =>
    Effect.gen(function* () {
      const made = machine([root, child, other])
      yield* ended(made, { exits: () => made.end(10, 11) })
      expect(made.done).toEqual(["stdin"])
    }),
  )

  it.live("that heeds SIGTERM gets no SIGKILL; what left the group gets both as the others", () =>
    Effect.gen(function* () {
      const made = machine([root, child, strayed, other])
      made.onSignal = (pid, name) => {
        if (name === "SIGTERM" && pid !== strayed.pid) made.end(pid)
        if (name === "SIGKILL") made.end(pid)
      }
      yield* ended(made, { stays: true })
      expect(made.done.slice(0, 1)).toEqual(["stdin"])
      expect(made.done.slice(1, 4).toSorted()).toEqual(["SIGTERM 10", "SIGTERM 11", "SIGTERM 12"])
      expect(made.done.slice(4)).toEqual(["SIGKILL 12"])
    }),
  )

  it.live("that heeds nothing is left after its three bounds, and nobody waits for ever", () =>
    Effect.gen(function* () {
      const made = machine([root, child])
      yield* ended(made, { stays: true })
      expect(made.done).toEqual(["stdin", "SIGTERM 10", "SIGTERM 11", "SIGKILL 10", "SIGKILL 11"])
    }),
  )

  it.live("whose ids are given to strangers meanwhile: no stranger is signalled", () =>
    Effect.gen(function* () {
      const made = machine([root, child, strayed])
      const strangers = [root, child, strayed].map((one) => ({ ...one, parent: 1, started: "later" }))
      yield* ended(made, { exits: () => (made.processes = [...strangers, other]) })
      expect(made.done).toEqual(["stdin"])
    }),
  )

  it.live("whose ids are given to strangers between SIGTERM and SIGKILL: only who is left is signalled", () =>
    Effect.gen(function* () {
      const made = machine([root, child, strayed])
      made.onSignal = (pid, name) => {
        if (name === "SIGKILL") return made.end(pid)
        if (pid === strayed.pid) return
        made.end(pid)
        made.processes.push({ pid, parent: 1, group: 99, started: "later" })
      }
      yield* ended(made, { stays: true })
      expect(made.done.filter((each) => each.startsWith("SIGKILL"))).toEqual(["SIGKILL 12"])
      expect(made.processes.map(({ started }) => started)).toEqual(["later", "later"])
    }),
  )

  it.live("that starts what leaves it at once, at the end of its stdin, leaves nothing behind", () =>
    Effect.gen(function* () {
      const made = machine([root, child])
      const late = { ...strayed, pid: 14, started: "s, late" }
      made.onSignal = (pid) => made.end(pid)
      yield* ended(made, {
        exits: () => {
          made.end(10, 11)
          made.processes.push(late)
        },
      })
      expect(made.done).toEqual(["stdin", "SIGTERM 14"])
    }),
  )

  it.live("that starts others while it is ended brings them along", () =>
    Effect.gen(function* () {
      const made = machine([root, child])
      made.onSignal = (pid, name) => {
        if (name === "SIGTERM" && pid === 11) made.processes.push({ ...child, pid: 13, parent: 11, started: "late" })
        if (name === "SIGKILL") made.end(pid)
      }
      yield* ended(made, { stays: true })
      expect(made.done.filter((each) => each.startsWith("SIGKILL"))).toEqual(["SIGKILL 10", "SIGKILL 11", "SIGKILL 13"])
      expect(made.processes).toEqual([])
    }),
  )
})

describe("a tree of processes on Windows", () => {
  const inWindows = (record: ProcessRecord) => ({ ...record, group: 0 })
  const all = [root, child, other].map(inWindows)

  it.live("that ends with its stdin is left alone", () =>
    Effect.gen(function* () {
      const made = machine(all, true)
      yield* ended(made, { exits: () => made.end(10, 11) })
      expect(made.done).toEqual(["stdin"])
    }),
  )

  it.live("that does not is ended as a tree", () =>
    Effect.gen(function* () {
      const made = machine([inWindows(root)], true)
      yield* ended(made, { stays: true })
      expect(made.done).toEqual(["stdin", "taskkill.exe /PID 10 /T /F"])
    }),
  )

  it.live("whose root is gone is ended one by one; the root's id is another's by now", () =>
    Effect.gen(function* () {
      const made = machine(all, true)
      yield* ended(made, {
        exits: () => (made.processes = [{ ...inWindows(root), started: "later" }, ...all.slice(1)]),
      })
      expect(made.done).toEqual(["stdin", "taskkill.exe /PID 11 /F"])
    }),
  )

  it.live("whose children's ids are others' by now: no stranger is ended", () =>
    Effect.gen(function* () {
      const made = machine(all, true)
      yield* ended(made, { exits: () => (made.processes = [{ ...inWindows(child), started: "later" }]) })
      expect(made.done).toEqual(["stdin"])
    }),
  )
})
