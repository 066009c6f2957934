/** What the page knows: what its server pushed, and what the person did here. */
import { batch, createSignal } from "solid-js"
import { createStore, reconcile } from "solid-js/store"
import type {
  Answer,
  CallView,
  HeldView,
  LineView,
  Push,
  QuestionView,
  ServerView,
  TaskView,
  VisitView,
} from "../model.ts"
import { type Link, makeLink, type State as LinkState } from "./link.ts"
import { count } from "./text.ts"

/** A task, flat: the protocol's members and no other. */
export interface TaskRow {
  readonly key: string
  readonly server: string
  readonly id: string
  readonly status: TaskView["task"]["status"]
  readonly message: string | undefined
  readonly created: string
  readonly updated: string
}

/** What was wrong with something that was asked for. */
export type Refusal = Extract<Answer, { ok: false }>["error"]

/** Something that the person is told, until they put it away. */
export interface Notice {
  readonly key: string
  readonly kind: "good" | "plain" | "bad"
  /** Whose it is. */
  readonly server?: string | undefined
  readonly text: string
  readonly hint?: string | undefined
}

/** Lines that are kept: older ones are forgotten. */
const linesKept = 5_000
const noticesKept = 20

const what: Record<QuestionView["kind"], string> = {
  form: "form",
  visit: "request to visit a page",
  approval: "request to the model",
  sampling: "request for an answer",
  review: "review of an answer",
}

const outcomes = {
  answered: "was answered elsewhere, or is no longer needed.",
  withdrawn: "was taken back: the server, or the call that it belonged to, is gone. Nothing was sent.",
  late: "was not answered in time. Nothing was sent.",
}

const rowOf = ({ server, task }: TaskView): TaskRow => ({
  key: JSON.stringify([server, task.taskId]),
  server,
  id: task.taskId,
  status: task.status,
  message: task.statusMessage,
  created: task.createdAt,
  updated: task.lastUpdatedAt,
})

/** The next list, with what is the same object as before where nothing changed: nothing is drawn anew that stayed. */
export const keep = <A>(
  before: ReadonlyArray<A>,
  next: ReadonlyArray<A>,
  key: (item: A) => string,
  same: (a: A, b: A) => boolean,
) => {
  const known = new Map(before.map((item) => [key(item), item]))
  return next.map((item) => {
    const old = known.get(key(item))
    return old !== undefined && same(old, item) ? old : item
  })
}

export const alike = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

export const makeState = (secret: string) => {
  const [link, setLink] = createSignal<LinkState>("connecting")
  const [place, setPlace] = createSignal({ directory: "", version: "" })
  const [lists, setLists] = createStore<{
    servers: Array<ServerView>
    calls: Array<CallView>
    tasks: Array<TaskRow>
    loaded: boolean
  }>({ servers: [], calls: [], tasks: [], loaded: false })
  const [questions, setQuestions] = createSignal<ReadonlyArray<QuestionView>>([])
  /** When the time of each question is over. */
  const [times, setTimes] = createSignal<ReadonlyMap<string, number>>(new Map())
  const [visits, setVisits] = createSignal<ReadonlyArray<VisitView>>([])
  const [held, setHeld] = createSignal<ReadonlyArray<HeldView>>([])
  const [lines, setLines] = createSignal<ReadonlyArray<LineView>>([])
  const [lost, setLost] = createSignal(0)
  const [notices, setNotices] = createSignal<ReadonlyArray<Notice>>([])
  /** Goes up when the tools of a server may be others. */
  const [versions, setVersions] = createSignal<ReadonlyMap<string, number>>(new Map())
  const [spoken, setSpoken] = createSignal("")
  /** Questions that are gone, by which a late word on one finds what it was. */
  const gone = new Map<string, QuestionView>()
  /** Questions that were answered here. */
  const mine = new Set<string>()
  let notes = 0
  /** The number of the newest line that came. */
  let last = -1

  /** Has it read out, though it may be what was read out last. */
  const speak = (text: string) => {
    setSpoken("")
    setTimeout(() => setSpoken(text), 50)
  }
  const notify = (notice: Omit<Notice, "key">) =>
    void setNotices((all) => [...all, { ...notice, key: String(++notes) }].slice(-noticesKept))
  const dismiss = (key: string) => void setNotices((all) => all.filter((notice) => notice.key !== key))

  const asked = (all: ReadonlyArray<QuestionView>) => {
    const before = questions()
    const next = all.filter(({ id }) => !mine.has(id) || before.some((question) => question.id === id))
    for (const question of before) {
      if (!next.some(({ id }) => id === question.id)) gone.set(question.id, question)
    }
    for (const id of [...gone.keys()].slice(0, -50)) gone.delete(id)
    const fresh = next.filter(({ id }) => !before.some((question) => question.id === id))
    const [first] = fresh
    if (first !== undefined) {
      const who =
        fresh.length === 1 ? `${first.server} asks: a ${what[first.kind]}.` : `${count(fresh.length, "new question")}.`
      speak(`${who} ${count(next.length, "question")} waiting. Press g, then q, to go there.`)
    }
    setTimes(new Map(next.map(({ id, until }) => [id, until])))
    // What a question asks stays as it is: nothing that was typed is lost.
    setQuestions(next.map((question) => before.find(({ id }) => id === question.id) ?? question))
  }

  const closed = (id: string, server: string, outcome: keyof typeof outcomes) => {
    if (mine.has(id)) return
    const question = questions().find((each) => each.id === id) ?? gone.get(id)
    setQuestions((all) => all.filter((each) => each.id !== id))
    if (question === undefined && outcome === "answered") return
    const noun = question === undefined ? "question" : what[question.kind]
    notify({ kind: outcome === "answered" ? "plain" : "bad", server, text: `Its ${noun} ${outcomes[outcome]}` })
  }

  const added = (more: ReadonlyArray<LineView>, missed: number) => {
    const fresh = more.filter(({ number }) => number > last)
    last = fresh.at(-1)?.number ?? last
    if (fresh.length > 0) setLines((all) => [...all, ...fresh].slice(-linesKept))
    if (missed > 0) setLost((before) => before + missed)
  }

  const push = (message: Push): void =>
    batch(() => {
      switch (message.type) {
        case "hello":
          return void setPlace({ directory: message.directory, version: message.version })
        case "servers":
          setLists("servers", reconcile([...message.servers], { key: "name" }))
          return setLists("loaded", true)
        case "questions":
          return asked(message.questions)
        case "closed":
          return closed(message.id, message.server, message.outcome)
        case "visits":
          return void setVisits((before) => keep(before, message.visits, ({ id }) => id, alike))
        case "calls":
          return setLists("calls", reconcile([...message.calls], { key: "id" }))
        case "tasks":
          return setLists("tasks", reconcile(message.tasks.map(rowOf), { key: "key" }))
        case "held":
          return void setHeld((before) => keep(before, message.held, ({ key }) => key, alike))
        case "lines":
          return added(message.lines, message.lost)
        case "tools":
          return void setVersions((all) => new Map(all).set(message.server, (all.get(message.server) ?? 0) + 1))
      }
    })

  const [why, setWhy] = createSignal<string>()
  const state = (next: LinkState, because?: string) =>
    batch(() => {
      setLink(next)
      setWhy(because)
    })
  const { ask, retry }: Link = makeLink(secret, { push, state })

  return {
    link,
    why,
    retry,
    ask,
    place,
    lists,
    questions,
    times,
    visits,
    held,
    lines,
    lost,
    versions,
    spoken,
    speak,
    notices,
    notify,
    dismiss,
    clearLines: () => void setLines([]),
    /** Answers a question; what was wrong, if it still waits. Its end is no news then. */
    settle: async (id: string, answer: () => Promise<Answer>): Promise<Refusal | undefined> => {
      mine.add(id)
      const said = await answer()
      if (said.ok) {
        setQuestions((all) => all.filter((each) => each.id !== id))
        return undefined
      }
      mine.delete(id)
      return said.error
    },
    /** Asks for something whose answer is nothing; what was wrong becomes a notice. */
    does: async (done: ReturnType<typeof ask>, server?: string): Promise<boolean> => {
      const answer = await done
      if (!answer.ok) notify({ kind: "bad", server, text: answer.error.message, hint: answer.error.hint })
      return answer.ok
    },
  }
}

export type State = ReturnType<typeof makeState>
