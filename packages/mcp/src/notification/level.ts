/**
 * The levels of a server's log: the severities of RFC 5424 (2025-11-25, Logging, Log Levels), what they are to Effect's
 * log, and which is the graver.
 */
import type { LogLevel } from "effect/LogLevel"
import type { LoggingLevel } from "../protocol/model.ts"

/** Every level, the least grave first. */
export const levels: ReadonlyArray<LoggingLevel> = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
]

const gravity: ReadonlyMap<unknown, number> = new Map(levels.map((level, at) => [level, at]))

/** Effect knows six: a notice is information to it, and what is graver than an error is fatal. */
const logLevels: Readonly<Record<LoggingLevel, LogLevel>> = {
  debug: "Debug",
  info: "Info",
  notice: "Info",
  warning: "Warn",
  error: "Error",
  critical: "Fatal",
  alert: "Fatal",
  emergency: "Fatal",
}

/**
 * Whether a value is the name of a level.
 *
 * @example
 * ```ts
 * const known = Level.isLevel("notice")
 * // true
 * ```
 */
export const isLevel = (value: unknown): value is LoggingLevel => gravity.has(value)

/**
 * Less than zero where `a` is less grave than `b`, zero where they are the same, else more.
 *
 * @example
 * ```ts
 * const gravestFirst = Level.levels.toSorted((a, b) => Level.compare(b, a))
 * ```
 */
export const compare = (a: LoggingLevel, b: LoggingLevel): number => (gravity.get(a) ?? 0) - (gravity.get(b) ?? 0)

/**
 * Whether a message of this level passes a filter that begins at `least`.
 *
 * @example
 * ```ts
 * const passes = Level.isAtLeast("error", "warning")
 * // true
 * ```
 */
export const isAtLeast = (level: LoggingLevel, least: LoggingLevel): boolean => compare(level, least) >= 0

/**
 * The level of Effect's log that a message of this level is written with.
 *
 * @example
 * ```ts
 * const written = Level.toLogLevel("critical")
 * // Fatal
 * ```
 */
export const toLogLevel = (level: LoggingLevel): LogLevel => logLevels[level]
