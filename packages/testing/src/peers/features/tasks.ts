/**
 * Tools that run as tasks (2025-11-25), and one that gives the client tasks. A tool that throws ends as `failed` without a
 * result, one whose result is an error as `failed` with it.
 */
import {
  type Answer,
  anything,
  type Arguments,
  boolean,
  type Call,
  type Feature,
  type Features,
  type MakeError,
  members,
  number,
  schema,
  string,
  structured,
  text,
  told,
  untilAborted,
} from "./feature.ts"

/** A task that is running. */
export interface Job {
  readonly taskId: string
  /** Aborted when the client cancels the task. */
  readonly signal: AbortSignal
  /** Changes what `tasks/get` gives, and says so with `notifications/tasks/status`. */
  readonly status: (status: "working" | "input_required", message?: string) => Promise<void>
  /** Reports progress where the call has a token for it. */
  readonly progress: (progress: number, total: number) => Promise<void>
  /** Asks the client by way of `tasks/result`; the task is `input_required` meanwhile. */
  readonly ask: (method: string, params: Arguments) => Promise<unknown>
}

export interface TaskFeature {
  readonly definition: object
  /** The task's lifetime in milliseconds, where it is not the client's to say. */
  readonly ttl?: (args: Arguments) => number | undefined
  readonly run: (args: Arguments, job: Job) => Promise<Answer>
  /** What a call without a task does; such a call is refused otherwise. */
  readonly plainly?: Feature[1]
}

const required = { taskSupport: "required" }

export const sleep = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((done) => {
    const timer = setTimeout(done, ms)
    signal?.addEventListener("abort", () => {
      clearTimeout(timer)
      done()
    })
  })

/** Tasks that wait for `release`. */
const waiting = new Set<() => void>()

export const taskTools: { readonly [name: string]: TaskFeature } = {
  slow: {
    definition: {
      description: "Takes so many milliseconds (100) in so many steps (2), each with progress and a status message",
      inputSchema: schema({ ms: number, steps: number, text: string }, []),
      outputSchema: schema({ text: string, steps: number }),
      execution: required,
    },
    run: async ({ ms = 100, steps: count = 2, text: said = "done" }, job) => {
      const steps = Number(count)
      for (let step = 1; step <= steps && !job.signal.aborted; step++) {
        await sleep(Number(ms) / steps, job.signal)
        await job.status("working", `step ${step} of ${steps}`)
        await job.progress(step, steps)
      }
      return { ...text(String(said)), structuredContent: { text: said, steps } }
    },
  },
  either: {
    definition: {
      description: "Gives the text back, and says whether it ran as a task or as a call",
      inputSchema: schema({ text: string }),
      execution: { taskSupport: "optional" },
    },
    run: async (args) => structured({ text: args.text, ran: "task" }),
    plainly: (args) => structured({ text: args.text, ran: "call" }),
  },
  failing: {
    definition: { description: "Fails without a result", inputSchema: schema(), execution: required },
    run: async () => {
      throw new Error("it broke")
    },
  },
  failingResult: {
    definition: { description: "Fails with a result", inputSchema: schema(), execution: required },
    run: async () => ({ ...text("it failed"), isError: true }),
  },
  hangs: {
    definition: { description: "Runs until it is cancelled", inputSchema: schema(), execution: required },
    run: async (_, job) => {
      await untilAborted(job.signal)
      return text("cancelled")
    },
  },
  gated: {
    definition: {
      description: "Runs until the tool `release` is called",
      inputSchema: schema({ text: string }, []),
      execution: required,
    },
    run: async ({ text: said = "released" }, job) => {
      await new Promise<void>((go) => {
        waiting.add(go)
        void untilAborted(job.signal).then(go)
      })
      return text(String(said))
    },
  },
  asks: {
    definition: {
      description: "Elicits a form, as the message and schema say, and gives the answer",
      inputSchema: schema({ message: string, requestedSchema: anything }, []),
      execution: required,
    },
    run: async (args, job) => {
      const message = args.message ?? "What is your name?"
      const requestedSchema = args.requestedSchema ?? schema({ name: string })
      const answer = await job.ask("elicitation/create", { mode: "form", message, requestedSchema })
      await job.status("working", "answered")
      return structured(members(answer))
    },
  },
  samples: {
    definition: {
      description: "Samples with these parameters, and gives the answer",
      inputSchema: schema({ params: anything }, []),
      execution: required,
    },
    run: async (args, job) => {
      const messages = [{ role: "user", content: { type: "text", text: "Say hello" } }]
      const answer = await job.ask("sampling/createMessage", { messages, maxTokens: 100, ...members(args.params) })
      await job.status("working", "answered")
      return structured(members(answer))
    },
  },
  expires: {
    definition: {
      description: "A task that is gone after its ttl (ms), running until then or, where it is done, from the start",
      inputSchema: schema({ ttl: number, done: boolean }, ["ttl"]),
      execution: required,
    },
    ttl: (args) => Number(args.ttl),
    run: async (args, job) => {
      if (args.done !== true) await untilAborted(job.signal)
      return text("done")
    },
  },
}

const terminal = new Set<unknown>(["completed", "failed", "cancelled"])

const taskOf = (result: unknown): { readonly [member: string]: unknown } => members(members(result).task)

/** Polls the client until the task has ended; gives the statuses as they changed. */
const poll = async (taskId: unknown, first: unknown, call: Call) => {
  const statuses = [first]
  let last = first
  while (!terminal.has(last)) {
    await sleep(20, call.signal)
    if (call.signal.aborted) break
    last = members(await call.request("tasks/get", { taskId })).status
    if (last !== statuses.at(-1)) statuses.push(last)
  }
  return statuses
}

/** All pages of the client's `tasks/list`. */
const list = async (call: Call) => {
  const pages: Array<unknown> = []
  let cursor: unknown
  do {
    const page = members(await call.request("tasks/list", cursor === undefined ? {} : { cursor }))
    pages.push(page.tasks)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return pages
}

const askAsTask = async (args: Arguments, call: Call): Promise<object> => {
  if (args.get !== undefined) return { result: await call.request("tasks/get", { taskId: args.get }).catch(told) }
  const params = { ...members(args.params), task: args.ttl === undefined ? {} : { ttl: args.ttl } }
  const create = () => call.request(String(args.method), params)
  const tasks = [await create()]
  while (tasks.length < Number(args.list ?? 1)) tasks.push(await create())
  if (args.list !== undefined) return { tasks: tasks.map(taskOf), pages: await list(call) }
  const task = taskOf(tasks[0])
  if (task.taskId === undefined) return { result: tasks[0] }
  const about = { taskId: task.taskId }
  const cancelled = args.cancel === true ? await call.request("tasks/cancel", about).catch(told) : undefined
  const early = args.early === true ? call.request("tasks/result", about).catch(told) : undefined
  const statuses = await poll(task.taskId, task.status, call)
  return { task, statuses, cancelled, result: await (early ?? call.request("tasks/result", about).catch(told)) }
}

const refuse = (refusal: Error) => async (): Promise<Answer> => {
  throw refusal
}

/** The tools of a peer with tasks, as it lists them. `recorded` has the counts of what the client asked. */
export const taskFeatures = (error: MakeError): Features => ({
  ...Object.fromEntries(
    Object.entries(taskTools).map(([name, { definition, plainly }]): [string, Feature] => [
      name,
      [definition, plainly ?? refuse(error(-32601, `Tool ${name} runs only as a task`))],
    ]),
  ),
  plain: [
    {
      description: "Gives the text back; never a task",
      inputSchema: schema({ text: string }),
      execution: { taskSupport: "forbidden" },
    },
    (args) => text(String(args.text)),
  ],
  release: [
    { description: "Ends every task of `gated`; gives their number", inputSchema: schema() },
    () => {
      const released = [...waiting]
      waiting.clear()
      for (const go of released) go()
      return structured({ released: released.length })
    },
  ],
  askAsTask: [
    {
      description:
        "Gives the client a task and follows it. cancel: cancels it at once; early: asks for its result before it ends; " +
        "list: makes so many tasks and lists them; get: asks for the task of any id instead",
      inputSchema: schema(
        { method: string, params: anything, ttl: number, cancel: boolean, early: boolean, list: number, get: string },
        [],
      ),
    },
    async (args, call) => structured(await askAsTask(args, call)),
  ],
})
