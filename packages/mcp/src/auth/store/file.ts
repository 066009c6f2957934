/**
 * The store in files: OpenCode's own, and beside it what OpenCode does not know. Written under a lock by processes that
 * know it, merged with what OpenCode writes without one.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import { createHash } from "node:crypto"
import { basename, dirname, join } from "node:path"
import { attempt } from "../../process/system.ts"
import { type AuthError, fail, StoreFailed } from "../error.ts"
import type { Credentials, CredentialStore, Place } from "../store.ts"
import * as Disk from "./disk.ts"
import * as Keychain from "./keychain.ts"
import { withLock } from "./lock.ts"
import * as OpenCode from "./opencode.ts"
import * as Record from "./record.ts"

/** Where credentials are kept. */
export interface FileOptions {
  /** OpenCode's `mcp-auth.json`. It and its directory are made when something is kept. */
  readonly path: string
  /** Keeps what its servers' entries want kept there. Default: the file keeps everything. */
  readonly keychain?: Keychain.Keychain | undefined
}

/** How long another process is waited for that writes, or that renews tokens with all the attempts that takes. */
const writing = Duration.seconds(15)
const renewing = Duration.minutes(3)
/** How often OpenCode may get in between before that is told. */
const attempts = 100
/** How many of what was replaced are known again, should OpenCode write what it had read long before. */
const memory = 16
/** OpenCode empties the file before it fills it. */
const settling = Schedule.spaced("20 millis").pipe(Schedule.upTo({ times: 15 }))

const hash = (...parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24)

interface Read {
  readonly snapshot: Disk.Snapshot
  readonly json: OpenCode.Json
}

const parse = (text: string): Effect.Effect<OpenCode.Json | undefined> =>
  text.trim() === ""
    ? Effect.succeed({})
    : attempt((): unknown => JSON.parse(text)).pipe(
        Effect.map((value) => (OpenCode.isRecord(value) ? value : undefined)),
        // What it complains of is in its message: a piece of the file.
        Effect.orElseSucceed(() => undefined),
      )

const senseless = (path: string, copy: string | undefined): AuthError =>
  fail(
    new StoreFailed({
      place: path,
      detail: "cannot be understood: the file is not what it should be, a JSON object",
      hint:
        "Nothing in it is changed. Repair it, or remove it and sign in again" +
        (copy === undefined ? "." : `; ${copy} is a copy.`),
    }),
  )

const isWiped = ({ stamp, text }: Disk.Snapshot): boolean => stamp !== "absent" && text.trim() === ""

/** A file that is empty, or that makes no sense. */
class Unfinished extends Data.TaggedError("Unfinished")<{ readonly read: Disk.Snapshot }> {}

/** Reads a file of JSON, after whoever writes it at this moment. */
const readJson = (path: string): Effect.Effect<Read, AuthError> =>
  Effect.gen(function* () {
    const snapshot = yield* Disk.read(path)
    const json = yield* parse(snapshot.text)
    return json === undefined || isWiped(snapshot) ? yield* new Unfinished({ read: snapshot }) : { json, snapshot }
  }).pipe(
    Effect.retry({ schedule: settling, while: (error) => error instanceof Unfinished }),
    Effect.catchTag("Unfinished", ({ read: snapshot }) =>
      isWiped(snapshot)
        ? Effect.succeed({ json: {}, snapshot })
        : Effect.flatMap(Disk.keepAside(path, snapshot.text), (copy) => Effect.fail(senseless(path, copy))),
    ),
  )

const textOf = (json: OpenCode.Json): string => `${JSON.stringify(json, null, 2)}\n`

const withEntry = (json: OpenCode.Json, server: string, raw: OpenCode.Json | undefined): OpenCode.Json =>
  Object.fromEntries(
    raw === undefined
      ? Object.entries(json).filter(([name]) => name !== server)
      : Object.hasOwn(json, server)
        ? Object.entries(json).map(([name, value]) => [name, name === server ? raw : value])
        : [...Object.entries(json), [server, raw]],
  )

/** What OpenCode wrote into a file that had to go: what it started from, and what was put into that file's place. */
interface Astray {
  readonly json: OpenCode.Json
  readonly from: OpenCode.Json
  readonly ours: OpenCode.Json
}

/** What went astray counts for each server about which nobody has written since. */
const withAstray = (read: Read, astray: Astray | undefined): Read => {
  if (astray === undefined) return read
  const same = (server: string, one: OpenCode.Json, other: OpenCode.Json) =>
    JSON.stringify(one[server]) === JSON.stringify(other[server])
  const json = Object.keys({ ...astray.from, ...astray.json })
    .filter((server) => !same(server, astray.json, astray.from) && same(server, read.json, astray.ours))
    .reduce((json, server) => {
      const raw = astray.json[server]
      return withEntry(json, server, OpenCode.isRecord(raw) ? raw : undefined)
    }, read.json)
  return { ...read, json }
}

/** The store in files, outside of a Layer. */
export const make = (options: FileOptions): CredentialStore["Service"] => {
  const { keychain } = options
  const writers = Semaphore.makeUnsafe(1)
  const turns = new Map<string, Semaphore.Semaphore>()

  const files = Effect.map(Disk.followed(options.path), (main) => {
    const name = basename(main)
    return { main, bindings: join(dirname(main), `${name.replace(/\.json$/, "")}-bindings.json`) }
  })

  const readRecords = Effect.fnUntraced(function* (path: string) {
    const { json, snapshot } = yield* readJson(path)
    const records = Record.recordsIn(json)
    if (records !== undefined) return records
    return yield* Effect.flatMap(Disk.keepAside(path, snapshot.text), (copy) => Effect.fail(senseless(path, copy)))
  })

  const seenOf = ({ json, snapshot }: Read, server: string): Record.Seen => ({
    entry: OpenCode.entryOf(json, server),
    modified: snapshot.modified,
    wiped: isWiped(snapshot),
    others: OpenCode.othersOf(json, server),
  })

  /** Both files at one moment: a record is written before what it belongs to, and so read after it. */
  const readBoth = Effect.gen(function* () {
    const { bindings, main } = yield* files
    for (let times = 1; ; times++) {
      const file = yield* readJson(main)
      const records = yield* readRecords(bindings)
      if (times === attempts || (yield* Disk.isUnchanged(main, file.snapshot))) return { file, records }
    }
  })

  const account = (path: string, server: string, url: string): string => hash(path, server, url)
  const bound = (server: string, url: string): string => JSON.stringify([server, url])

  /** What the keychain's key opens. Nothing, where the person has removed the key. */
  const opened = Effect.fnUntraced(function* (chain: Keychain.Keychain, path: string, record: Record.Record) {
    if (record.sealed === undefined) return undefined
    const key = yield* chain.get(account(path, record.server, record.url))
    if (key === undefined) return undefined
    const text = yield* Keychain.open(key, bound(record.server, record.url), record.sealed)
    const json = text === undefined ? undefined : yield* parse(text)
    return json === undefined ? undefined : Option.getOrUndefined(Record.decodeKept(json))
  })

  const credentialsOf = Effect.fnUntraced(function* (
    place: Place,
    bindings: string,
    record: Record.Record | undefined,
    seen: Record.Seen,
  ): Effect.fn.Return<Credentials | undefined, AuthError> {
    if (record?.sealed === undefined) return Record.combine(place.url, record, seen)
    if (keychain === undefined) return undefined
    const found = opened(keychain, bindings, record)
    // Who has chosen the file since, has done so because the keychain is not to be had.
    return yield* place.store === "keychain" ? found : Effect.orElseSucceed(found, () => undefined)
  })

  const placeOf = (place: Place): Place => ({ ...place, url: OpenCode.plainUrl(place.url) })

  const read: CredentialStore["Service"]["read"] = (given) =>
    Effect.gen(function* () {
      const place = placeOf(given)
      const { bindings } = yield* files
      const { file, records } = yield* readBoth
      return yield* credentialsOf(place, bindings, Record.recordOf(records, place), seenOf(file, place.server))
    })

  /** A change that was made to what was there, and the fingerprints of that and of what comes in its place. */
  interface Decided {
    readonly was: Credentials | undefined
    readonly changed: Credentials | undefined
    readonly from: string
    readonly to: string
  }

  const fingerprintOf = (place: Place, { entry }: Record.Seen): string =>
    OpenCode.fingerprint(entry?.url === place.url ? entry : undefined)

  const chainOf = (place: Place) => (place.store === "keychain" ? keychain : undefined)

  /** What OpenCode's file has to hold for the server now. */
  const entryAfter = (
    place: Place,
    seen: Record.Seen,
    was: Credentials | undefined,
    credentials: Credentials | undefined,
  ) => {
    if (credentials !== undefined && chainOf(place) === undefined) {
      return OpenCode.write(seen.entry, place.url, credentials, was)
    }
    // Of what lies there for another URL nothing is removed.
    return seen.entry?.url === place.url ? undefined : seen.entry?.raw
  }

  /** The record that takes the place of another. */
  const recordAfter = Effect.fnUntraced(function* (
    place: Place,
    bindings: string,
    before: Record.Record | undefined,
    seen: Record.Seen,
    { from, to }: Decided,
    credentials: Credentials | undefined,
  ) {
    const { server, url } = place
    const replaced = [from, ...(before?.replaced ?? [])].filter((one) => one !== to)
    const common = { server, url, written: to, replaced: replaced.slice(0, memory), others: seen.others }
    const chain = chainOf(place)
    if (chain === undefined) return { ...common, store: "file" as const, credentials }
    const store = "keychain" as const
    if (credentials === undefined) return { ...common, store, credentials }
    const key = yield* Keychain.keyOf(chain, account(bindings, server, url))
    const text = JSON.stringify(Record.encodeKept(credentials))
    const sealed = Keychain.seal(key, bound(server, url), text)
    return { ...common, store, credentials: Record.publicPart(credentials), sealed }
  })

  /** What OpenCode has for another URL under this name is kept as a record, before it has to make room. */
  const rescued = (place: Place, records: ReadonlyArray<unknown>, seen: Record.Seen, raw: unknown) => {
    const url = seen.entry?.url
    if (url === undefined || url === place.url || raw === seen.entry?.raw) return []
    const other = { server: place.server, url }
    if (records.some(Record.isOf(other))) return []
    const credentials = Record.combine(url, undefined, seen)
    if (credentials === undefined) return []
    const own = OpenCode.fingerprint(seen.entry)
    const { others } = seen
    return [Record.encode({ ...other, store: "file", credentials, written: own, replaced: [], others, writtenAt: 0 })]
  }

  /** Secrets of servers that OpenCode, or the person, has removed from OpenCode's file do not lie about beside it. */
  const isNeeded = (raw: unknown, file: Read): boolean => {
    const place = Record.placeIn(raw)
    const record = place === undefined ? undefined : Record.recordOf([raw], place)
    if (record === undefined || record.sealed !== undefined) return true
    const seen = seenOf(file, record.server)
    return seen.entry?.url === record.url || Record.combine(record.url, record, seen) !== undefined
  }

  const store = Effect.fnUntraced(function* (
    given: Place,
    change: (current: Credentials | undefined) => Credentials | undefined,
  ) {
    const place = placeOf(given)
    const { bindings, main } = yield* files
    yield* Disk.sweep(main)
    yield* Disk.sweep(bindings)
    const records = yield* readRecords(bindings)
    const before = Record.recordOf(records, place)
    let decided: Decided | undefined
    let astray: Astray | undefined
    for (let times = 1; times <= attempts; times++) {
      const file = withAstray(yield* readJson(main), astray)
      const seen = seenOf(file, place.server)
      const from = fingerprintOf(place, seen)
      // What was decided stands, unless OpenCode has come with something else meanwhile.
      const stands: boolean = decided !== undefined && (from === decided.from || from === decided.to)
      if (decided === undefined || !stands) {
        const was: Credentials | undefined = yield* credentialsOf(place, bindings, before, seen)
        const changed = change(was)
        if (changed === was) return was
        decided = { was, changed, from, to: from }
      }
      const { changed, was }: Decided = decided
      const credentials = changed === undefined ? undefined : Record.keepable(changed)
      const raw = entryAfter(place, seen, was, credentials)
      const after = raw === undefined ? {} : { [place.server]: raw }
      const entry = OpenCode.entryOf(after, place.server)
      decided = { ...decided, to: OpenCode.fingerprint(entry?.url === place.url ? entry : undefined) }
      const record = yield* recordAfter(place, bindings, before, seen, decided, credentials)
      const ours = withEntry(file.json, place.server, raw)
      const outcome = yield* Effect.scoped(
        Effect.gen(function* () {
          const prepared = yield* Disk.prepare(main, textOf(ours))
          const kept = Record.encode({ ...record, writtenAt: prepared.modified })
          const others = records.filter((other) => !Record.isOf(place)(other) && isNeeded(other, file))
          const all = [...others, ...rescued(place, records, seen, raw), kept]
          const beside = yield* Disk.prepare(bindings, textOf(Record.fileOf(all)))
          if (!(yield* Disk.isUnchanged(main, file.snapshot))) return "changed" as const
          yield* Disk.commit(beside)
          return yield* Disk.replace(prepared, file.snapshot)
        }),
      )
      if (outcome !== "done") {
        const json = outcome === "changed" || outcome.astray.trim() === "" ? undefined : yield* parse(outcome.astray)
        if (json !== undefined) astray = { json, from: file.json, ours }
        continue
      }
      const isSealed = record.store === "keychain" && record.credentials !== undefined
      if (keychain !== undefined && before?.sealed !== undefined && !isSealed) {
        yield* keychain.remove(account(bindings, place.server, place.url))
      }
      return changed
    }
    const detail = `cannot be written, because another program writes them without a pause`
    return yield* fail(new StoreFailed({ place: main, detail, hint: "End that program and try again." }))
  })

  const update: CredentialStore["Service"]["update"] = (place, change) =>
    Effect.gen(function* () {
      const { main } = yield* files
      yield* Disk.makeDirectory(main)
      return yield* Effect.uninterruptible(store(place, change)).pipe(
        withLock({ path: `${main}.lock`, place: main, patience: writing }),
      )
    }).pipe(writers.withPermits(1))

  const turnOf = (key: string) => {
    const turn = turns.get(key) ?? Semaphore.makeUnsafe(1)
    turns.set(key, turn)
    return turn
  }

  const exclusively: CredentialStore["Service"]["exclusively"] = (given, effect) =>
    Effect.gen(function* () {
      const { server, url } = placeOf(given)
      const { main } = yield* files
      yield* Disk.makeDirectory(main)
      const key = hash(server, url)
      const lock = withLock({ path: `${main}.${key}.lock`, place: main, patience: renewing })
      return yield* turnOf(key).withPermits(1)(lock(effect))
    })

  const list: CredentialStore["Service"]["list"] = Effect.gen(function* () {
    const { bindings } = yield* files
    const { file, records } = yield* readBoth
    const found: Array<Place & { readonly credentials: Credentials }> = []
    const known = records.flatMap((raw) => {
      const place = Record.placeIn(raw)
      const record = place === undefined ? undefined : Record.recordOf(records, place)
      return record === undefined ? [] : [record]
    })
    for (const record of known) {
      const { server, store, url } = record
      // The keychain may be closed, or be the one of another session.
      const whole = credentialsOf({ server, url, store }, bindings, record, seenOf(file, server))
      const credentials = yield* Effect.orElseSucceed(whole, () => record.credentials)
      if (credentials !== undefined) found.push({ server, url, store, credentials })
    }
    for (const server of Object.keys(file.json)) {
      const seen = seenOf(file, server)
      const url = seen.entry?.url
      if (url === undefined || known.some(Record.isOf({ server, url }))) continue
      const credentials = Record.combine(url, undefined, seen)
      if (credentials !== undefined) found.push({ server, url, store: "file", credentials })
    }
    return found
  })

  return { read, update, exclusively, list }
}
